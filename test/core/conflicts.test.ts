/** Values that claim common places: the same order as by comparing all with all, in work that goes by their number. */
import test from 'ava';
import type { Claim } from '../../src/core/conflicts.js';
import { Conflicts } from '../../src/core/conflicts.js';
import type { Dice } from '../helpers/seed.js';
import { chooseSeed, dice, seedOf } from '../helpers/seed.js';

interface Value {
  readonly name: number;
  readonly claim: Claim;
}

/** What is common to both ways to decide. */
type Order = Pick<Conflicts<Value>, 'add' | 'end' | 'next' | 'size'>;

/** Compares each value with all before it: what `Conflicts` does without looking. */
class AllWithAll implements Order {
  #underWay: Value[] = [];
  #waiting: Value[] = [];

  get size(): number {
    return this.#underWay.length + this.#waiting.length;
  }

  add(value: Value): boolean {
    const isHeld = [...this.#underWay, ...this.#waiting].some((earlier) => conflict(earlier, value));
    (isHeld ? this.#waiting : this.#underWay).push(value);
    return !isHeld;
  }

  end(value: Value): void {
    this.#underWay = this.#underWay.filter((other) => other !== value);
  }

  next(): Value[] {
    const batch: Value[] = [];
    const left: Value[] = [];
    for (const value of this.#waiting) {
      const isHeld =
        [...this.#underWay, ...left].some((earlier) => conflict(earlier, value)) ||
        batch.some((earlier) => conflict(earlier, value) && !(earlier.claim.mayJoin && value.claim.mayJoin));
      (isHeld ? left : batch).push(value);
    }
    this.#waiting = left;
    this.#underWay.push(...batch);
    return batch;
  }
}

function conflict({ claim: a }: Value, { claim: b }: Value): boolean {
  return (a.isExclusive || b.isExclusive) && a.first < b.first + b.count && b.first < a.first + a.count;
}

function randomClaim(random: Dice, places: number): Claim {
  const first = random.below(places);
  const count = 1 + (random.chance(80) ? random.below(2) : random.below(places - first));
  return { first, count, isExclusive: random.chance(40), mayJoin: random.chance(60) };
}

const namesOf = (values: readonly Value[]): number[] => values.map(({ name }) => name);

test('the same batches as by comparing all with all, whatever ends when', (t) => {
  const seed = chooseSeed();
  t.log(`seed ${seed}`);
  let together = 0;
  for (let round = 0; round < 100; round += 1) {
    const random = dice(seedOf(seed, round));
    const [fast, slow] = [new Conflicts<Value>(), new AllWithAll()];
    /** Each is ended in the order of its batch. */
    let batches: Value[][] = [];
    for (let name = 0; name < 80 || batches.length > 0; name += 1) {
      if (name < 80 && random.chance(60)) {
        const value = { name, claim: randomClaim(random, 6) };
        const hasBegun = slow.add(value);
        t.is(fast.add(value, value.claim), hasBegun, `seed ${seed}, round ${round}, value ${name}`);
        if (hasBegun) batches.push([value]);
      } else if (batches.length > 0) {
        const ended = random.pick(batches).splice(0, 1 + random.below(3));
        for (const order of [fast, slow]) for (const value of ended) order.end(value);
        const [batch, expected] = [fast.next(), slow.next()];
        t.deepEqual(namesOf(batch), namesOf(expected), `seed ${seed}, round ${round}, step ${name}`);
        together = Math.max(together, batch.length);
        batches = [...batches, batch.slice()].filter(({ length }) => length > 0);
      }
      if (fast.size !== slow.size) t.fail(`seed ${seed}, round ${round}, step ${name}: ${fast.size} are not over`);
    }
    t.is(fast.size, 0, 'each of them ends in the end');
  }
  t.true(together >= 8, 'there were batches');
});

test('a value of a batch that ends before the ones that it waited for holds back what waits for it', (t) => {
  const conflicts = new Conflicts<Value>();
  const claim = { first: 0, count: 1, isExclusive: true, mayJoin: true };
  const [a, b, c, d] = [0, 1, 2, 3].map((name) => ({ name, claim: { ...claim, mayJoin: name !== 3 } }));
  for (const value of [a, b, c, d]) conflicts.add(value, value.claim);
  conflicts.end(a);
  t.deepEqual(namesOf(conflicts.next()), [1, 2]);
  conflicts.end(c);
  t.deepEqual(conflicts.next(), []);
  conflicts.end(b);
  t.deepEqual(namesOf(conflicts.next()), [3]);
  t.throws(
    () => {
      conflicts.end(c);
    },
    { message: /ends once/ },
  );
});

/** How often a claim is looked at until all values are over, of which so many wait at a time. */
function looksOf(make: () => Order, claims: readonly Claim[]): number {
  let looks = 0;
  const counted = (claim: Claim): Claim => ({
    get first() {
      return claim.first;
    },
    get count() {
      return claim.count;
    },
    get isExclusive() {
      looks += 1;
      return claim.isExclusive;
    },
    get mayJoin() {
      looks += 1;
      return claim.mayJoin;
    },
  });
  const order = make();
  let underWay: Value[] = [];
  for (const [name, claim] of claims.entries()) {
    const value = { name, claim: counted(claim) };
    if (order.add(value, value.claim)) underWay.push(value);
  }
  while (underWay.length > 0) {
    // Each ends by itself, as loads do.
    const [ended] = underWay;
    order.end(ended);
    underWay = [...underWay.slice(1), ...order.next()];
  }
  return looks;
}

const write: Claim = { first: 7, count: 1, isExclusive: true, mayJoin: true };
const read: Claim = { first: 7, count: 1, isExclusive: false, mayJoin: false };

const LOADS: Record<string, (index: number) => Claim> = {
  'writes and reads of one place in turns': (index) => (index % 2 === 0 ? write : read),
  'writes of one place': () => write,
  'a write of one place, and reads behind it': (index) => (index === 0 ? write : read),
  'writes and reads of all places': (index) => ({ ...(index % 3 === 0 ? write : read), first: (index * 89) % 256 }),
};

test('the work goes by the number of values that wait, not by its square', (t) => {
  for (const [what, claimOf] of Object.entries(LOADS)) {
    const claims = (count: number): Claim[] => Array.from({ length: count }, (_, index) => claimOf(index));
    const looks = [500, 4_000].map((count) => looksOf(() => new Conflicts<Value>(), claims(count)) / count);
    const all = looksOf(() => new AllWithAll(), claims(500)) / 500;
    t.log(`${what}: looks for each of 500 and of 4,000 values ${looks.join(', ')}; all with all, of 500 ${all}`);
    for (const each of looks) t.true(each <= 4, what);
    t.true(all > 100, `${what}: comparing all with all would be seen`);
  }
});
