/** The parts of `npm run chaos` that need no cluster. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { Availability, hasClique } from './availability.js';
import { writeHistory } from './historyFile.js';
import { readOptions } from './options.js';
import { Tally } from './tally.js';

test('every option has a default, and is taken', (t) => {
  const plain = readOptions([]);
  if (plain.kind !== 'good') throw new Error('it has defaults');
  const { seed, ...rest } = plain.options;
  t.true(Number.isInteger(seed));
  t.deepEqual(rest, { minutes: 1, processes: 3, clients: 12, libraryClients: 3, out: null });
  const words = '--minutes 0.25 --processes 5 --clients 2 --library-clients 1 --seed 7 --out f';
  t.deepEqual(readOptions(words.split(' ')), {
    kind: 'good',
    options: { minutes: 0.25, processes: 5, clients: 2, libraryClients: 1, seed: 7, out: 'f' },
  });
  t.is(readOptions(['--help']).kind, 'help');
});

test('every mistake on the command line is told, with what was found and expected', (t) => {
  t.deepEqual(readOptions(['--minutes', 'soon', '--processes', '2', '--seed', '0.5']), {
    kind: 'wrong',
    mistakes: [
      '--minutes: found "soon", expected a number from 0 to 1440',
      '--processes: found "2", expected a whole number from 3 to 5',
      '--seed: found "0.5", expected a whole number from 0 to 2147483647',
    ],
  });
  for (const words of [['--bogus'], ['more'], ['--minutes']]) {
    t.is(readOptions(words).kind, 'wrong', words.join(' '));
  }
});

test('silence counts as far as the machine had time, and only with a majority', (t) => {
  let now = 0;
  let isGood = true;
  const availability = new Availability(
    () => isGood,
    () => now,
  );
  const pass = (looks: number, everyMs: number): void => {
    for (let look = 0; look < looks; look += 1) {
      now += everyMs;
      availability.look();
    }
  };
  pass(1, 20);
  pass(50, 20);
  t.is(availability.longestSilenceMs, 1_000);
  availability.answered();
  pass(10, 1_000);
  t.is(availability.longestSilenceMs, 1_000, 'this program was not let run: 10 times 40 ms');
  pass(40, 20);
  t.is(availability.longestSilenceMs, 1_200);
  isGood = false;
  pass(500, 20);
  isGood = true;
  pass(10, 20);
  t.is(availability.longestSilenceMs, 1_200);
  pass(500, 20);
  t.is(availability.longestSilenceMs, 9 * 20 + 500 * 20);
  availability.stop();
});

test('a majority is one whose members all reach each other', (t) => {
  const broken = ['1-2', '3-4'];
  const goTogether = (one: number, other: number): boolean => !broken.includes(`${one}-${other}`);
  t.true(hasClique([1, 2, 3], 2, goTogether));
  t.false(hasClique([1, 2], 2, goTogether));
  t.true(hasClique([1, 2, 3, 4, 5], 3, goTogether));
  t.false(hasClique([1, 2, 3, 4], 3, goTogether));
  t.false(hasClique([1], 2, goTogether));
});

test('a fault that never happened is missed, unless it could not happen', (t) => {
  const tally = new Tally();
  const all = tally.missing([]);
  t.true(all.includes('kill') && all.includes('fullDisk'));
  tally.count('kill', '1');
  t.deepEqual(all.filter((name) => !tally.missing(['fullDisk']).includes(name)).sort(), ['fullDisk', 'kill']);
  t.is(tally.notes[0].what, 'kill 1');
});

test('a history is written as JSON, whatever its size', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'atdd-history-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const operation = { client: 'c', sector: 1, kind: 'read', value: null, invoke: 1, return: 2 };
  const history = {
    seed: 7,
    processCount: 3,
    raw: Array.from({ length: 5_000 }, () => ({ ...operation, kind: 'read' as const })),
    library: [],
    lostAttempts: [],
    deaths: [{ rank: 1, at: 1 }],
    notes: [{ at: 1, what: 'kill 1' }],
  };
  const file = path.join(folder, 'history.json');
  await writeHistory(file, history);
  t.deepEqual(JSON.parse(await readFile(file, 'utf8')), history);
});
