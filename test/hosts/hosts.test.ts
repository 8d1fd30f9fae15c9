/** The parts of `npm run chaos:hosts` that need no hosts, and the whole where there are none. */
import test from 'ava';
import {
  contentionFigures,
  differenceCount,
  longestGapMs,
  lostCount,
  rateOf,
  silenceFigures,
  timeBound,
} from './figures.js';
import type { Seen } from './operationLine.js';
import { historyOf, lineOf, operationsOf } from './operationLine.js';
import { readOptions } from './options.js';
import { brokenOf, linesOf } from './report.js';

const seen = (beganAt: number, endedAt: number | null, more: Partial<Seen> = {}): Seen => {
  return { kind: 'write', sector: 0, beganAt, endedAt, error: null, name: 'a:1', ...more };
};

test('every option has a default, and is taken', (t) => {
  const plain = readOptions([]);
  if (plain.kind !== 'good') throw new Error('it has defaults');
  const { seed, ...rest } = plain.options;
  t.true(Number.isInteger(seed));
  const scenarios = ['cut', 'hang', 'failover', 'kill', 'contention'];
  t.deepEqual(rest, {
    scenarios,
    isShort: false,
    processes: 3,
    through: 'nbd',
    members: 'strict',
    ...{ rounds: null, expects: false },
  });
  const words = 'kill cut --short --processes 5 --through library --members open --rounds 2 --seed 7 --expect';
  t.deepEqual(readOptions(words.split(' ')), {
    kind: 'good',
    options: {
      ...{ scenarios: ['cut', 'kill'], isShort: true, processes: 5, through: 'library' },
      ...{ members: 'open', rounds: 2, seed: 7, expects: true },
    },
  });
  t.is(readOptions(['--help']).kind, 'help');
});

test('every mistake on the command line is told, with what was found and expected', (t) => {
  t.deepEqual(
    readOptions(['cats', '--processes', '2', '--through', 'smoke', '--members', 'few', '--rounds', '0', '--seed', 'x']),
    {
      kind: 'wrong',
      mistakes: [
        'found "cats", expected a scenario: cut, hang, failover, kill, contention',
        '--through: found "smoke", expected nbd or library',
        '--members: found "few", expected open or strict',
        '--processes: found "2", expected a whole number from 3 to 9',
        '--rounds: found "0", expected a whole number from 1 to 1000',
        '--seed: found "x", expected a whole number from 0 to 2147483647',
      ],
    },
  );
  for (const words of [['--bogus'], ['--seed']]) t.is(readOptions(words).kind, 'wrong', words.join(' '));
});

test('lines of operations are read as they were written; one that was cut off is left out', (t) => {
  const all = [
    seen(1.5, 2.25),
    seen(3, null),
    seen(4, null, { error: 'EIO' }),
    seen(5, 6, { kind: 'read', sector: 255, name: null }),
    seen(7, 8, { kind: 'read', name: 'damaged sector that begins like "a:1"' }),
  ];
  const text = all.map((one) => `${lineOf(one)}\n`).join('');
  t.deepEqual(operationsOf(text), all);
  t.deepEqual(operationsOf(`${text}write 3 12.0`), all);
  t.deepEqual(operationsOf('write 3 12'), []);
  t.deepEqual(operationsOf(''), []);
  for (const wrong of ['', 'write x 1.0 2.0 a', 'erase 1 1.0 2.0 a', 'write 1 1.0']) {
    t.throws(() => operationsOf(`${text}${wrong}\n`), { message: /^found ".*", expected a line of an operation$/ });
  }
});

test('what failed or did not end has an unknown outcome in a history', (t) => {
  const history = historyOf('c', [seen(1, 2), seen(3, null), seen(4, null, { error: 'EIO' })]);
  t.deepEqual(
    history.map((operation) => operation.return),
    [2, null, null],
  );
  t.deepEqual(history[0], { client: 'c', sector: 0, kind: 'write', value: 'a:1', invoke: 1, return: 2 });
});

test('an operation that did not end counts until the end, one that failed as a failure', (t) => {
  const all = [
    seen(0, 500),
    seen(100, 1_100),
    seen(1_500, 2_600),
    seen(2_000, 5_100),
    seen(3_000, null),
    seen(3_100, null, { error: 'EIO' }),
  ];
  const marks = { startedAt: 0, silentAt: 1_000, backAt: 4_000, stoppedAt: 6_000, closedAt: 8_000 };
  t.deepEqual(silenceFigures(all, marks), {
    ...{ operations: 6, longestMs: 5_000, longestBeforeMs: 500, late: 3, unfinished: 1, failed: 1 },
    ...{ before: 1, during: 0.7, after: 0.5 },
  });
});

test('a machine that is busy with other work gets more time', (t) => {
  t.is(timeBound(100, 40), 100);
  t.is(timeBound(100, 60.3), 120.6);
});

test('the longest gap counts from the start to the end, in whatever order operations end', (t) => {
  const all = [seen(0, 900), seen(0, 200), seen(0, 250), seen(0, null), seen(0, 5_000)];
  t.is(longestGapMs(all, 100, 1_000), 650);
  t.is(longestGapMs(all, 100, 2_000), 1_100);
  t.is(longestGapMs(all, 0, 260), 200);
  t.is(longestGapMs(all, 1_000, 1_500), 500, 'nothing at all was done');
  t.is(rateOf(all, 200, 900), 2.9, 'the start belongs to it, the end does not');
});

test('clients are compared in the time that they share', (t) => {
  const often = Array.from({ length: 40 }, (_, index) => seen(index * 100, index * 100 + 50));
  const seldom = [seen(0, 1_200), seen(1_200, 2_500), seen(2_500, null)];
  t.deepEqual(contentionFigures([often, seldom], 1_000, 3_000), {
    ...{ throughput: 11, fastest: 10, slowest: 1, fairness: 0.1, longestMs: 1_300 },
  });
  t.is(contentionFigures([seldom, []], 1_000, 3_000).fairness, 0);
  t.is(contentionFigures([[], []], 1_000, 3_000).fairness, 0);
});

test('sectors that differ are counted, and readings of unequal length are refused', (t) => {
  t.is(differenceCount(['a:1', 'a:2', '-'], ['a:1', '-', '-']), 1);
  t.throws(() => differenceCount(['a'], []), { message: 'found 1 and 0 sectors' });
});

test('an acknowledged write is lost if neither it nor a later one is there', (t) => {
  const write = (sector: number, name: string, endedAt: number | null = 1) => seen(0, endedAt, { sector, name });
  const written = [
    ...[write(0, 'r1:3'), write(0, 'r1:9')],
    ...[write(1, 'r1:4'), write(1, 'r1:12', null)],
    ...[write(2, 'r1:5'), write(3, 'r1:6'), write(4, 'r1:7'), write(5, 'r1:8', null)],
  ];
  t.is(lostCount(written, ['r1:9', 'r1:12', 'r1:5', 'r1:6', 'r1:7', '-']), 0);
  t.is(lostCount(written, ['r1:3', 'r1:4', 'r0:55', 'damaged', '-', '-']), 4);
});

test('figures outside their bounds are named with what was expected', (t) => {
  const broken = brokenOf([
    ['gap', 100, 'at most', 100],
    ['gap', 100.1, 'at most', 100],
    ['share', 0.2, 'at least', 0.2],
    ['share', 0.1, 'at least', 0.2],
  ]);
  t.deepEqual(broken, ['gap: found 100.1, expected at most 100', 'share: found 0.1, expected at least 0.2']);
  const lines = linesOf({ scenario: 'kill', words: ['one', 'two'], figures: { gapMs: 100.1 }, broken });
  t.deepEqual(lines.slice(0, 3), ['kill: one', 'kill: two', `kill: outside the bounds: ${broken[0]}`]);
  t.deepEqual(JSON.parse(lines[4]), { scenario: 'kill', gapMs: 100.1, broken });
});
