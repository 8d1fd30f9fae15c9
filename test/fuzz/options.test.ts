/** The command line of `npm run fuzz`, and what becomes of a case that fails. */
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runToEnd } from '../helpers/runToEnd.js';
import type { Piece } from './experiment.js';
import { shrink } from './experiment.js';
import { parseOptions } from './options.js';
import { report } from './report.js';

const MAIN = fileURLToPath(new URL('main.js', import.meta.url));

test('options have defaults, and are what was asked for', (t) => {
  t.deepEqual(parseOptions([], 7), {
    minutes: 5,
    seed: 7,
    targets: ['decoders', 'processes', 'nbd'],
    caseNumber: null,
  });
  t.deepEqual(parseOptions(['--minutes', '0.5', '--seed', '3', '--only', 'nbd'], 7), {
    minutes: 0.5,
    seed: 3,
    targets: ['nbd'],
    caseNumber: null,
  });
  t.like(parseOptions(['--case', '12'], 7), { targets: ['decoders'], caseNumber: 12 });
  t.is(parseOptions(['--help'], 7), 'help');
});

test('a wrong option is told with what was found and what is expected', (t) => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--minutes', '0'], /--minutes: found "0", expected a number above 0/],
    [['--minutes', 'soon'], /--minutes: found "soon", expected a number/],
    [['--seed', '1.5'], /--seed: found "1.5", expected a whole number/],
    [['--only', 'all'], /--only: found "all", expected one of decoders, processes, nbd/],
    [['--only', 'nbd', '--case', '1'], /--case: found with --only nbd, expected with/],
    [['--loud'], /--loud/],
    [['more'], /more/],
  ];
  for (const [words, message] of cases) {
    t.throws(() => parseOptions(words, 7), { message }, words.join(' '));
  }
});

test('exit code 2 for a wrong option, 0 for a case that is good', async (t) => {
  const wrong = await runToEnd([process.execPath, MAIN, '--only', 'all']);
  t.is(wrong.code, 2);
  t.regex(wrong.output, /found "all", expected one of/);
  const good = await runToEnd([process.execPath, MAIN, '--seed', '1', '--case', '3']);
  t.is(good.code, 0, good.output);
  t.regex(good.output, /seed 1, .*\n.*1 cases/);
});

test('of a case that fails what does not matter is left out', (t) => {
  const bytes = (text: string) => ({ lane: 0, bytes: Buffer.from(text) });
  const pieces = ['what', 'is', 'not', 'needed', 'and a needle in a haystack', 'too'].map(bytes);
  const check = (given: readonly Piece[]): string | null => {
    const all = Buffer.concat(given.map((piece) => piece.bytes)).toString();
    if (all.includes('needle')) throw new Error('found it');
    return null;
  };
  const left = shrink({ pieces, check }, 5_000);
  t.deepEqual(left, [bytes('needle')]);
});

test('a report names the seed, the case, the bytes and the command', (t) => {
  const text = report({
    target: 'decoders',
    seed: 5,
    caseNumber: process.pid,
    fault: 'it broke',
    bytes: [Buffer.from('at'), Buffer.from('dd')],
  });
  t.regex(text, /FAILED: it broke\nseed 5, case \d+\n/);
  t.regex(text, new RegExp(`npm run fuzz -- --only decoders --seed 5 --case ${process.pid}$`));
  const [file] = /\S+\.hex/.exec(text) ?? [''];
  t.is(readFileSync(file, 'utf8'), '6174\n6464\n');
  rmSync(file);
});
