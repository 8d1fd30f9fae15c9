/**
 * Strict linearizability and updates: what is allowed passes, what is not is caught and explained, and on thousands of
 * random histories the checker agrees with the obvious search.
 */
import test from 'ava';
import fc from 'fast-check';
import { checkLinearizable } from './check.js';
import type { ViolationKind } from './explain.js';
import { corruptedStrictHistory, strictHistory } from './generate.js';
import type { Operation, Value } from './history.js';
import { HistoryRecorder } from './history.js';
import { isLinearizableBySearch } from './search.js';

function write(client: string, value: string, invoke: number, end: number): Operation {
  return { client, sector: 7, kind: 'write', value, invoke, return: end };
}

function crashed(client: string, value: string, invoke: number, crash: number): Operation {
  return { client, sector: 7, kind: 'write', value, invoke, return: null, crash };
}

function update(client: string, found: Value, value: string, invoke: number, end: number | null): Operation {
  return { client, sector: 7, kind: 'write', value, found, invoke, return: end };
}

function read(client: string, value: Value, invoke: number, end: number): Operation {
  return { client, sector: 7, kind: 'read', value, invoke, return: end };
}

const accepts = test.macro((t, history: readonly Operation[]) => {
  t.true(isLinearizableBySearch(history), 'the history itself is as meant');
  t.deepEqual(checkLinearizable(history), { ok: true });
});

/** Expects one violation of that kind whose text names exactly these operations of the history. */
const catches = test.macro((t, kind: ViolationKind, history: readonly Operation[], named: readonly number[]) => {
  t.false(isLinearizableBySearch(history), 'the history itself is as meant');
  const result = checkLinearizable(history);
  if (result.ok) return t.fail('the violation was not noticed');
  t.is(result.violations.length, 1);
  const [violation] = result.violations;
  t.is(violation.kind, kind, violation.text);
  t.deepEqual(
    violation.operations,
    named.map((index) => history[index]),
  );
});

test('a write whose client crashed may have taken effect before the crash', accepts, [
  crashed('x', 'a', 0, 5),
  read('r', 'a', 6, 7),
  read('r', 'a', 8, 9),
]);

test('a write whose client crashed may never take effect', accepts, [
  crashed('x', 'a', 0, 5),
  read('r', null, 6, 7),
  write('w', 'b', 8, 9),
  read('r', 'b', 10, 11),
]);

test('a read that began before the crash may show the old value beside the new one', accepts, [
  crashed('x', 'a', 0, 5),
  read('r1', null, 4, 20),
  read('r2', 'a', 6, 7),
]);

test('it may have taken effect after a write that began before the crash', accepts, [
  crashed('x', 'a', 0, 5),
  write('w', 'b', 4, 30),
  read('r', 'b', 1, 5),
  read('r', 'a', 10, 11),
]);

test('what touches the crash in time is beside it', accepts, [
  crashed('x', 'a', 0, 5),
  read('r1', null, 5, 6),
  read('r2', 'a', 7, 8),
]);

test('a crash says nothing of what was answered before it', accepts, [
  write('x', 'a', 0, 1),
  crashed('x', 'b', 2, 5),
  read('r', 'a', 6, 7),
]);

test(
  'a write that comes after a read that began after the crash',
  catches,
  'lateEffect',
  [crashed('x', 'a', 0, 5), read('r', null, 6, 7), read('r', 'a', 8, 9)],
  [0, 1, 2],
);

test(
  'the same, beside each other: the read that shows it began before the crash',
  catches,
  'lateEffect',
  [write('w', 'o', 0, 1), crashed('x', 'a', 2, 5), read('r1', 'a', 4, 20), read('r2', 'o', 6, 7)],
  [1, 3, 0, 2],
);

test(
  'a write that comes after a write that began after the crash',
  catches,
  'lateEffect',
  [crashed('x', 'a', 0, 5), write('w', 'b', 6, 8), read('r', 'a', 10, 11)],
  [0, 1, 2],
);

test(
  'of two crashed writes the later is there first',
  catches,
  'lateEffect',
  [crashed('x', 'a', 0, 5), crashed('y', 'b', 6, 7), read('r', 'b', 8, 9), read('r', 'a', 10, 11)],
  [0, 2, 1, 3],
);

test(
  'what is wrong without the crash is explained without it',
  catches,
  'lostWrite',
  [write('w', 'a', 0, 1), write('w', 'b', 2, 3), crashed('x', 'c', 4, 5), read('r', 'c', 6, 7), read('r', 'a', 8, 9)],
  [0, 1, 4],
);

test('updates in a row', accepts, [
  update('u', null, 'a', 0, 1),
  update('v', 'a', 'b', 2, 3),
  write('w', 'c', 4, 5),
  update('u', 'c', 'd', 6, 7),
  read('r', 'd', 8, 9),
]);

test('updates side by side', accepts, [
  update('u', 'b', 'a', 0, 10),
  update('v', null, 'b', 0, 10),
  read('r', 'b', 3, 4),
  read('r', 'a', 5, 6),
]);

test('an update without an answer may never have happened, and what it found with it', accepts, [
  update('u', null, 'a', 0, null),
  update('v', 'a', 'b', 1, null),
  update('w', null, 'c', 2, 3),
]);

test(
  'two updates of one value',
  catches,
  'brokenUpdate',
  [update('u', null, 'a', 0, 10), update('v', null, 'b', 0, 10)],
  [0, 1],
);

test(
  'an update of a value that was gone',
  catches,
  'brokenUpdate',
  [write('w', 'a', 0, 1), write('w', 'b', 2, 3), update('u', 'a', 'c', 4, 5), read('r', 'c', 6, 7)],
  [0, 1, 3, 2],
);

test(
  'a value between what an update found and what it wrote',
  catches,
  'brokenUpdate',
  [
    write('w', 'a', 0, 1),
    update('u', 'a', 'c', 2, 20),
    write('v', 'b', 2, 20),
    read('r', 'a', 3, 4),
    read('r', 'b', 5, 6),
    read('r', 'c', 7, 8),
  ],
  [0, 4, 5, 1],
);

test('a history that says impossible things is refused', (t) => {
  const message = (operation: Operation): string => t.throws(() => checkLinearizable([operation])).message;
  t.regex(message({ ...write('w', 'a', 0, 1), crash: 3 }), /has an answer/);
  t.regex(message(crashed('w', 'a', 5, 3)), /crashed before it began/);
  t.regex(message({ ...read('r', 'a', 0, 1), found: 'b' }), /a read of r replaced/);
  t.regex(message(update('u', 'a', 'a', 0, 1)), /found what it wrote/);
});

test('the recorder: a crash ends all that its client has under way, and nothing else', (t) => {
  let now = 0;
  const recorder = new HistoryRecorder(() => (now += 1));
  const one = recorder.begin('x', 7, 'write', 'a');
  recorder.begin('x', 7, 'write', 'b');
  const other = recorder.begin('y', 7, 'write', 'c');
  one.answered();
  recorder.crash('x');
  recorder.crash('x');
  other.answered();
  t.deepEqual(recorder.operations, [write('x', 'a', 1, 4), crashed('x', 'b', 2, 5), write('y', 'c', 3, 7)]);
  t.throws(() => {
    one.unknown();
  });
});

test('it accepts what a register produced, as the search does', (t) => {
  let crashes = 0;
  fc.assert(
    fc.property(strictHistory, (history) => {
      t.true(isLinearizableBySearch(history));
      const result = checkLinearizable(history);
      t.true(result.ok, result.ok ? '' : result.violations[0].text);
      crashes += history.filter(({ crash }) => crash !== undefined).length;
    }),
    { numRuns: 3_000 },
  );
  t.true(crashes > 3_000);
});

test('it agrees with the search on histories that something was changed in', (t) => {
  const outcomes = { linearizable: 0, not: 0 };
  const kinds = new Map<ViolationKind, number>();
  const runs = 20_000;
  fc.assert(
    fc.property(corruptedStrictHistory, (history) => {
      if (history.some(({ found, value }) => found !== undefined && found === value)) return;
      const result = checkLinearizable(history);
      t.is(result.ok, isLinearizableBySearch(history));
      if (result.ok) {
        outcomes.linearizable += 1;
        return;
      }
      outcomes.not += 1;
      for (const { kind, operations } of result.violations) {
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        // What the explanation names, the write of a value read or found included, must be wrong by itself.
        const values = operations.flatMap(({ value, found }) => (found === undefined ? [value] : [value, found]));
        const named = history.filter(
          (one) =>
            operations.some((other) => isSame(one, other)) || (one.kind === 'write' && values.includes(one.value)),
        );
        t.false(isLinearizableBySearch(named), result.violations[0].text);
      }
    }),
    { numRuns: runs },
  );
  t.log(outcomes, Object.fromEntries(kinds));
  t.true(outcomes.linearizable > runs / 10);
  t.true(outcomes.not > runs / 10);
  t.true((kinds.get('lateEffect') ?? 0) > 100);
  t.true((kinds.get('brokenUpdate') ?? 0) > 100);
});

/** An explanation may leave out the crash or the value found, if it does not need them. */
function isSame(a: Operation, b: Operation): boolean {
  return a.client === b.client && a.value === b.value && a.invoke === b.invoke && a.kind === b.kind;
}

test('100,000 operations with crashes and updates on one sector take seconds of the processor at most', (t) => {
  const history: Operation[] = [];
  let current: Value = null;
  let seed = 12_345;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * limit);
  };
  for (let index = 0; index < 100_000; index += 1) {
    const at = index * 10;
    const client = `c${index}`;
    const invoke = at - below(100);
    const what = below(4);
    if (what === 0) history.push(read(client, current, invoke, at + below(100)));
    if (what === 1) history.push(update(client, current, `v${index}`, invoke, at + below(100)));
    if (what === 2) history.push(crashed(client, `v${index}`, invoke, at + below(100)));
    if (what === 3) history.push(write(client, `v${index}`, invoke, at + below(100)));
    if (what > 0) current = `v${index}`;
  }
  const before = process.cpuUsage();
  const result = checkLinearizable(history);
  t.true(result.ok, result.ok ? '' : result.violations[0].text);
  const { user, system } = process.cpuUsage(before);
  t.log(`${((user + system) / 1_000).toFixed(0)} ms`);
  t.true(user + system < 5_000_000);
});
