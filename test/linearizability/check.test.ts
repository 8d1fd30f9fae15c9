/**
 * The checker itself: every kind of violation is caught and called by its name, what is allowed passes, and on
 * thousands of random histories it agrees with the obvious search.
 */
import test from 'ava';
import fc from 'fast-check';
import { checkLinearizable } from './check.js';
import type { ViolationKind } from './explain.js';
import { corruptedHistory, registerHistory } from './generate.js';
import type { Operation, Value } from './history.js';
import { HistoryRecorder } from './history.js';
import { isLinearizableBySearch } from './search.js';

function write(client: string, value: string, invoke: number, end: number | null): Operation {
  return { client, sector: 7, kind: 'write', value, invoke, return: end };
}

function read(client: string, value: Value, invoke: number, end: number | null): Operation {
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
  if (result.ok) {
    t.fail('the violation was not noticed');
    return;
  }
  t.is(result.violations.length, 1);
  const [violation] = result.violations;
  t.is(violation.kind, kind, violation.text);
  t.deepEqual(
    violation.operations,
    named.map((index) => history[index]),
  );
  for (const index of named) {
    const { client, value, invoke } = history[index];
    t.true(violation.text.includes(`${client} `), violation.text);
    t.true(violation.text.includes(value === null ? 'initial' : `"${value}"`), violation.text);
    t.true(violation.text.includes(`asked at ${invoke}`), violation.text);
  }
});

test('an empty history is linearizable', accepts, []);

test('one after the other', accepts, [
  read('r', null, 0, 1),
  write('w', 'a', 2, 3),
  read('r', 'a', 4, 5),
  write('w', 'b', 6, 7),
  read('r', 'b', 8, 9),
]);

test('a read beside a write may return the old value or the new one', accepts, [
  write('w', 'a', 0, 10),
  read('r1', null, 1, 9),
  read('r2', 'a', 2, 8),
]);

test('an old value may be returned after a new one by reads side by side', accepts, [
  write('w', 'a', 0, 20),
  read('r1', 'a', 1, 10),
  read('r2', null, 5, 15),
]);

test('operations that touch in time count as side by side', accepts, [
  write('w', 'a', 0, 5),
  write('v', 'b', 5, 10),
  read('r', 'a', 10, 12),
]);

test('a write without an answer may take effect late', accepts, [
  write('x', 'late', 0, null),
  write('w', 'a', 10, 11),
  read('r', 'a', 12, 13),
  read('r', 'late', 50, 51),
]);

test('a write without an answer may never take effect', accepts, [
  write('w', 'a', 0, 1),
  write('x', 'never', 2, null),
  read('r', 'a', 100, 101),
]);

test('a read without an answer says nothing', accepts, [
  write('w', 'a', 0, 1),
  read('r', null, 2, null),
  read('r', 'a', 4, 5),
]);

test(
  'stale read',
  catches,
  'staleRead',
  [write('w', 'a', 0, 1), write('w', 'b', 2, 3), read('r', 'b', 4, 5), read('s', 'a', 6, 7)],
  [0, 1, 3],
);

test(
  'stale read of the initial value',
  catches,
  'staleRead',
  [write('w', 'a', 0, 1), read('r', 'a', 2, 3), read('s', null, 4, 5)],
  [0, 2],
);

test(
  'stale read beside a newer write that has no answer',
  catches,
  'staleRead',
  [write('w', 'a', 0, 1), write('w', 'b', 2, 3), write('x', 'c', 2, null), read('r', 'b', 4, 5), read('s', 'a', 6, 7)],
  [0, 1, 4],
);

test(
  'lost write: acknowledged, then vanished',
  catches,
  'lostWrite',
  [write('w', 'a', 0, 1), read('r', 'a', 2, 3), write('w', 'b', 4, 5), read('r', 'a', 6, 7), read('r', 'a', 8, 9)],
  [0, 2, 3],
);

test('lost write: everything is gone', catches, 'lostWrite', [write('w', 'a', 0, 1), read('r', null, 2, 3)], [0, 1]);

test(
  'new-old inversion',
  catches,
  'newOldInversion',
  [write('w', 'old', 0, 1), write('w', 'new', 2, 20), read('r1', 'new', 3, 5), read('r2', 'old', 6, 8)],
  [0, 1, 2, 3],
);

test(
  'new-old inversion with a write that never had an answer',
  catches,
  'newOldInversion',
  [
    write('w', 'old', 0, 1),
    write('w', 'new', 2, null),
    read('r1', 'new', 3, 5),
    read('r2', 'old', 6, 8),
    read('r3', 'new', 9, 10),
  ],
  [0, 1, 2, 3],
);

test('value never written', catches, 'valueNeverWritten', [write('w', 'a', 0, 1), read('r', 'b', 2, 3)], [1]);

test('read from the future', catches, 'readFromFuture', [read('r', 'a', 0, 1), write('w', 'a', 2, 3)], [0, 1]);

test(
  'a value that comes back: A, B, A',
  catches,
  'valueCameBack',
  [write('w', 'A', 0, 100), write('v', 'B', 0, 100), read('r', 'A', 1, 2), read('r', 'B', 3, 4), read('r', 'A', 5, 6)],
  [2, 3, 4],
);

test(
  'a value that comes back when its writes came one after the other',
  catches,
  'staleRead',
  [write('w', 'A', 0, 1), read('r', 'A', 2, 3), write('v', 'B', 4, 5), read('r', 'B', 6, 7), read('r', 'A', 8, 9)],
  [0, 2, 4],
);

test(
  'writes side by side, seen in two orders by two readers',
  catches,
  'contradictoryOrders',
  [
    write('w', 'A', 0, 100),
    write('v', 'B', 0, 100),
    read('r1', 'A', 1, 10),
    read('r2', 'B', 1, 10),
    read('r1', 'B', 11, 20),
    read('r2', 'A', 11, 20),
  ],
  [2, 4, 3, 5],
);

test('a sector is judged by its own operations only, and each violation is told', (t) => {
  const other = (operation: Operation): Operation => ({ ...operation, sector: 8 });
  t.deepEqual(
    checkLinearizable([
      write('w', 'a', 0, 1),
      other(read('r', null, 2, 3)),
      other(write('w', 'a', 4, 5)),
      read('r', 'a', 6, 7),
    ]),
    { ok: true },
  );
  const result = checkLinearizable([
    write('w', 'a', 0, 1),
    read('r', 'x', 2, 3),
    other(write('w', 'b', 0, 1)),
    other(read('r', null, 2, 3)),
  ]);
  t.false(result.ok);
  if (result.ok) return;
  t.deepEqual(
    result.violations.map(({ sector, kind }) => ({ sector, kind })),
    [
      { sector: 7, kind: 'valueNeverWritten' },
      { sector: 8, kind: 'lostWrite' },
    ],
  );
});

test('a malformed history is refused, not judged', (t) => {
  const twice = [write('w', 'a', 0, 1), write('v', 'a', 2, 3)];
  t.throws(() => checkLinearizable(twice), { message: /written twice/ });
  t.throws(() => checkLinearizable([read('r', null, 3, 2)]), { message: /ended before it began/ });
  const initial = { ...write('w', 'a', 0, 1), value: null };
  t.throws(() => checkLinearizable([initial]), { message: /initial value/ });
});

test('the recorder keeps times and outcomes', (t) => {
  let now = 0;
  const recorder = new HistoryRecorder(() => (now += 1));
  const first = recorder.begin('w', 7, 'write', 'a');
  const second = recorder.begin('r', 7, 'read');
  second.answered('a');
  first.unknown();
  t.deepEqual(recorder.operations, [read('r', 'a', 2, 3), write('w', 'a', 1, null)]);
  t.throws(() => {
    first.answered();
  });
});

test('it accepts what a register produced, as the search does', (t) => {
  fc.assert(
    fc.property(registerHistory, (history) => {
      t.true(isLinearizableBySearch(history));
      const result = checkLinearizable(history);
      t.true(result.ok, result.ok ? '' : result.violations[0].text);
    }),
    { numRuns: 3_000 },
  );
  t.pass();
});

test('it agrees with the search on histories that something was changed in', (t) => {
  const outcomes = { linearizable: 0, not: 0 };
  const kinds = new Set<ViolationKind>();
  const runs = 20_000;
  fc.assert(
    fc.property(corruptedHistory, (history) => {
      const result = checkLinearizable(history);
      t.is(result.ok, isLinearizableBySearch(history));
      if (result.ok) {
        outcomes.linearizable += 1;
        return;
      }
      outcomes.not += 1;
      for (const { kind, operations } of result.violations) {
        kinds.add(kind);
        // What the explanation names, the write of a value read included, must be wrong by itself.
        const values = operations.map(({ value }) => value);
        const writes = history.filter((one) => one.kind === 'write' && values.includes(one.value));
        t.false(isLinearizableBySearch([...new Set([...operations, ...writes])]));
      }
    }),
    { numRuns: runs },
  );
  t.log(outcomes, [...kinds]);
  t.true(outcomes.linearizable > runs / 10);
  t.true(outcomes.not > runs / 10);
  t.true(kinds.size >= 5);
});

/** A long history of a few sectors: clients ask at random times and take effect in between. */
function longHistory(operationCount: number): Operation[] {
  const registers: Value[] = [null, null, null];
  let seed = 12_345;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * limit);
  };
  return Array.from({ length: operationCount }, (_, index): Operation => {
    const at = index * 10;
    const sector = below(registers.length);
    const kind = below(2) === 0 ? 'read' : 'write';
    if (kind === 'write') registers[sector] = `v${index}`;
    const end = kind === 'write' && below(50) === 0 ? null : at + below(100);
    const value = registers[sector];
    return { client: `c${index % 30}`, sector, kind, value, invoke: at - below(100), return: end };
  });
}

test('100,000 operations on three sectors take seconds of the processor at most', (t) => {
  const history = longHistory(100_000);
  const before = process.cpuUsage();
  /** Other work on the machine does not add to it. */
  const tookMs = (): number => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
  t.deepEqual(checkLinearizable(history), { ok: true });
  t.log(`${tookMs().toFixed(0)} ms`);
  const position = 90_000 + history.slice(90_000).findIndex(({ kind }) => kind === 'read');
  const stale = history
    .slice(0, 80_000)
    .find(({ kind, sector }) => kind === 'write' && sector === history[position].sector);
  history[position] = { ...history[position], value: stale?.value ?? null };
  t.false(checkLinearizable(history).ok);
  t.true(tookMs() < 5_000);
});
