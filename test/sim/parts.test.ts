/** The parts of the simulator: what it simulates has to be what it says. */
import test from 'ava';
import { newActor } from './actor.js';
import { dice } from '../helpers/seed.js';
import type { Endpoint } from './endpoint.js';
import { Machine } from './machine.js';
import { Network } from './network.js';
import { makePlan } from './plan.js';
import { schedulersOf } from './schedulers.js';
import { DAMAGED, describeName, nameOfSector, nameWordOf, sectorOf, ZEROS } from './sectorName.js';
import { World } from './world.js';

const SECOND_US = 1_000_000;

class Box extends Machine {
  constructor(world: World, name: string, rank = 1) {
    super(world, name, rank);
    this.begin(1);
  }

  reboot(): void {
    this.begin(2);
  }
}

/** Two machines, and a connection between them. */
function pair(seed = 1) {
  const world = new World(true);
  const network = new Network(world, dice(seed), { onMessage: () => undefined });
  const a = new Box(world, 'a');
  const b = new Box(world, 'b', 2);
  const accepted: Endpoint[] = [];
  b.listener = (endpoint) => accepted.push(endpoint);
  const dialled: Endpoint[] = [];
  network.dial(a, b).subscribe((endpoint) => dialled.push(endpoint));
  world.run(SECOND_US);
  const seen: string[] = [];
  const watch = (name: string, endpoint: Endpoint): Buffer[] => {
    const chunks: Buffer[] = [];
    endpoint.bytes$.subscribe({
      next: (chunk) => chunks.push(Buffer.from(chunk)),
      complete: () => seen.push(`${name} ended`),
    });
    endpoint.closed$.subscribe({
      complete: () => seen.push(`${name} closed${endpoint.endedUnconfirmed ? ' alone' : ''}`),
    });
    return chunks;
  };
  const [there] = dialled;
  const [here] = accepted;
  return { world, network, a, b, there, here, seen, watch };
}

test('events come in the order of their time, and of their making', (t) => {
  const world = new World(false);
  const seen: string[] = [];
  const note = (text: string) => () => {
    seen.push(`${text} at ${world.nowUs}`);
  };
  world.schedule(null, 20, note('c'));
  world.schedule(null, 10, note('a'));
  world.schedule(null, 20, note('d'));
  world.schedule(null, 10, note('b'));
  world.schedule(null, 15, note('never')).cancel();
  world.run(15);
  t.deepEqual(seen, ['a at 10', 'b at 10']);
  t.is(world.nowUs, 15);
  world.run(100);
  t.deepEqual(seen.slice(2), ['c at 20', 'd at 20']);
});

test('what belongs to an actor waits while it stands still, and dies with it', (t) => {
  const world = new World(false);
  const slow = newActor('slow');
  const dead = newActor('dead');
  const seen: number[] = [];
  world.schedule(slow, 10, () => seen.push(world.nowUs));
  world.schedule(dead, 10, () => seen.push(-1));
  slow.stalledUntilUs = 500;
  dead.isDead = true;
  world.run(1_000);
  t.deepEqual(seen, [500]);
});

test('a thrown exception is a finding, and the first finding counts', (t) => {
  const world = new World(false);
  world.schedule(null, 1, () => {
    throw new Error('broken');
  });
  world.schedule(null, 2, () => {
    t.fail('the run goes on');
  });
  world.run(10);
  world.report('other', 'later');
  t.is(world.finding?.check, 'exception');
  t.regex(world.finding?.text ?? '', /broken/);
});

test('timers repeat, stop, and run in turn order at the end of a turn', (t) => {
  const world = new World(false);
  const actor = newActor('x');
  const { clock, turn } = schedulersOf(world, actor, dice(1), 5);
  const seen: string[] = [];
  const repeated = clock.schedule(function again() {
    seen.push(`tick ${clock.now()}`);
    this.schedule(undefined, 10);
  }, 10);
  turn.schedule(() => seen.push('first'));
  turn.schedule(() => seen.push('second'));
  turn.schedule(() => seen.push('never')).unsubscribe();
  world.run(35_000);
  repeated.unsubscribe();
  world.run(SECOND_US);
  t.deepEqual(seen, ['first', 'second', 'tick 15', 'tick 25', 'tick 35']);
});

test('bytes arrive in order, whole, in other pieces than they were written in', (t) => {
  const sizes = new Set<number>();
  for (let seed = 1; seed <= 30; seed += 1) {
    const { world, there, here, watch } = pair(seed);
    const chunks = watch('b', here);
    const sent: Buffer[] = [];
    for (let index = 0; index < 20; index += 1) {
      const message = Buffer.alloc(100 + index, index);
      sent.push(message);
      there.write([message]);
    }
    world.run(world.nowUs + SECOND_US);
    t.deepEqual(Buffer.concat(chunks), Buffer.concat(sent));
    sizes.add(chunks.length);
  }
  t.true(sizes.size > 5, 'the cuts differ');
});

test('what is not read waits at the sender, which is told when it may go on', (t) => {
  const { world, there, here, watch } = pair();
  const chunks = watch('b', here);
  here.pause();
  let drainedCount = 0;
  there.drained$.subscribe(() => (drainedCount += 1));
  there.write([new Uint8Array(300_000)]);
  world.run(world.nowUs + SECOND_US);
  t.true(there.bufferedBytes > 0);
  t.is(drainedCount, 0);
  here.resume();
  world.run(world.nowUs + SECOND_US);
  t.is(there.bufferedBytes, 0);
  t.true(drainedCount > 0);
  t.is(Buffer.concat(chunks).length, 300_000);
});

test('a half ends after what was sent before; both ended, the connection is closed', (t) => {
  const { world, there, here, watch, seen } = pair();
  const chunks = watch('b', here);
  watch('a', there);
  there.write([Buffer.from('last words')]);
  there.end();
  world.run(world.nowUs + SECOND_US);
  t.is(Buffer.concat(chunks).toString(), 'last words');
  t.deepEqual(seen, ['b ended']);
  here.end();
  world.run(world.nowUs + SECOND_US);
  t.deepEqual([...seen].sort(), ['a closed', 'a ended', 'b closed', 'b ended']);
});

test('a blocked direction holds bytes back, the other one does not', (t) => {
  const { world, network, a, b, there, here, watch } = pair();
  const atB = watch('b', here);
  const atA = watch('a', there);
  network.block(a, b);
  there.write([Buffer.from('held')]);
  here.write([Buffer.from('free')]);
  world.run(world.nowUs + SECOND_US);
  t.deepEqual([atB.length, Buffer.concat(atA).toString()], [0, 'free']);
  network.unblock(a, b);
  world.run(world.nowUs + SECOND_US);
  t.is(Buffer.concat(atB).toString(), 'held');
});

test('a killed program: its system tells the other side', (t) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const { world, network, b, there, watch, seen } = pair(seed);
    watch('a', there);
    b.actor.isDead = true;
    network.programEnded(b.actor);
    world.run(world.nowUs + SECOND_US);
    t.is(seen[0], 'a ended');
    t.false(there.endedUnconfirmed);
    // Whoever writes to it now is told that nobody is there.
    there.write([Buffer.from('hello')]);
    world.run(world.nowUs + SECOND_US);
    t.true(there.isClosed);
  }
});

test('without power nobody is told; once it is back, its system knows of no connection', (t) => {
  const { world, network, b, there, watch, seen } = pair();
  watch('a', there);
  b.actor.isDead = true;
  b.isPowered = false;
  network.powerLost(b.actor);
  there.write([Buffer.from('hello')]);
  world.run(world.nowUs + 5 * SECOND_US);
  t.deepEqual(seen, []);
  b.reboot();
  world.run(world.nowUs + 5 * SECOND_US);
  t.deepEqual(seen, ['a ended', 'a closed']);
});

test('a lost connection to a client: it never learns that the process has let go', (t) => {
  const { world, network, a, b, there, here, watch, seen } = pair();
  Object.assign(a, { rank: 0 });
  watch('a', there);
  watch('b', here);
  network.sever(a, b, {});
  there.write([Buffer.from('lost')]);
  world.run(world.nowUs + 14 * SECOND_US);
  t.deepEqual(seen, []);
  world.run(world.nowUs + 15 * SECOND_US);
  t.true(seen.includes('a closed alone') && seen.includes('b closed alone'));
});

test('a sector has the name that was given to it, and any change takes it away', (t) => {
  const word = nameWordOf(7, 123n);
  const sector = sectorOf(word);
  t.is(nameOfSector(sector), word);
  t.is(describeName(word), '7#123');
  t.is(nameOfSector(new Uint8Array(4_096)), ZEROS);
  for (let at = 0; at < 4_096; at += 1) {
    const changed = Uint8Array.from(sector);
    changed[at] ^= 1;
    t.is(nameOfSector(changed), DAMAGED);
  }
  for (let piece = 512; piece < 4_096; piece += 512) {
    const torn = Uint8Array.from(sector);
    torn.set(sectorOf(nameWordOf(7, 124n)).subarray(piece), piece);
    t.is(nameOfSector(torn), DAMAGED);
  }
});

test('a plan follows from the seed', (t) => {
  const options = {
    seconds: 10,
    processCount: 5,
    clientCount: 5,
    stubbornCount: 2,
    foreignRank: 2,
  };
  const plan = makePlan(options, dice(3));
  t.deepEqual(makePlan(options, dice(3)), plan);
  t.notDeepEqual(makePlan(options, dice(4)), plan);
  t.true(plan.length > 20);
  for (const { fault } of plan) {
    if ('rank' in fault) t.true(fault.rank >= 1 && fault.rank <= 5);
    if (fault.kind === 'rot') t.not(fault.rank, 2);
  }
});
