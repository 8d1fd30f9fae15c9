/** Rules of the house that no linter knows. */
import test from 'ava';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LIMITS_DEFAULT, STRICT_LIMITS, TIMEOUTS_DEFAULT } from '../config/limits.js';
import { DELIBERATE_FAULTS } from './sim/deliberateFaults.js';
import { FAULT_KINDS } from './sim/plan.js';

/** This file runs as dist/test/tidy.test.js. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const list = (folder: string, ending: string): string[] =>
  readdirSync(join(ROOT, folder)).filter((name) => name.endsWith(ending));

const MARBLES = /^[\w()|#-]*[-|#][\w()|#-]*$/;

/** The marbles of a picture, line by line: what stands between the name of the line and its legend. */
function marblesOfPicture(source: string): string[] {
  const picture = / \* ```\n((?: \* .*\n)+?) \* ```/.exec(source)?.[1] ?? '';
  const lines = picture.split('\n').filter((line) => line !== '');
  return lines.map((line) => line.slice(' * '.length).split(/ {2,}/).at(1) ?? '');
}

/** The strings of the first test that are marbles; what is subscribed to when has no line in the picture. */
function marblesOfFirstTest(source: string): string[] {
  const first = /^test\([^]*?^}\);/m.exec(source)?.[0] ?? '';
  return [...first.matchAll(/'([^'\n]*)'/g)]
    .map(([, string]) => string.trim())
    .filter((string) => MARBLES.test(string));
}

test('every operator has its picture, and its first marble test is the same', (t) => {
  for (const name of list('streams', '.ts')) {
    const picture = marblesOfPicture(read(`streams/${name}`));
    t.true(picture.length >= 2 && picture.every((line) => MARBLES.test(line)), `${name}: ${picture.join(' / ')}`);
    t.deepEqual(marblesOfFirstTest(read(`test/streams/${name.replace('.ts', '.test.ts')}`)), picture, name);
  }
});

test('every clause of docs/register.md has a test, and the code names it', (t) => {
  const page = read('docs/register.md');
  const tests = read('test/core/register.clauses.test.ts') + read('test/streams/process.test.ts');
  const clauses = [...page.matchAll(/^\| ([ORVWA]\d) \|/gm)].map((match) => match[1]);
  t.true(clauses.length >= 18, clauses.join());
  // O3 (sectors have nothing to do with each other) is a property of reduceRegisters; V3 and W2 stand in the tests of
  // V4, V5 and W1.
  const elsewhere = new Set(['O3', 'V3']);
  for (const clause of clauses) {
    if (!elsewhere.has(clause)) t.true(tests.includes(clause), `no test names ${clause}`);
  }
});

test('every clause of docs/strict-register.md has a test, and the code names it', (t) => {
  const page = read('docs/strict-register.md');
  const tests = read('test/core/strict/clauses.test.ts') + read('test/core/strict/worldReplicas.ts');
  const code = list('src/core/strict', '.ts')
    .map((name) => read(`src/core/strict/${name}`))
    .join('');
  const clauses = [...page.matchAll(/^- \*\*([A-F]\d)\*\* /gm)].map((match) => match[1]);
  t.true(clauses.length >= 15, clauses.join());
  // E1 to E3 are about what a replica takes in before it is a member: the pipeline, and here the world of the search.
  const elsewhere = new Set(['E1', 'E2', 'E3']);
  for (const clause of clauses) {
    t.true(tests.includes(clause), `no test names ${clause}`);
    if (!elsewhere.has(clause)) t.true(code.includes(clause), `no code names ${clause}`);
  }
});

test('every decision is numbered, has a title, and is linked to by number only once', (t) => {
  const index = read('docs/adr/README.md');
  const pages = list('docs/adr', '.md').filter((name) => name !== 'README.md');
  const numbers = pages.map((name) => {
    const number = Number(name.slice(0, 4));
    t.true(index.includes(`[${number}](${name})`), `${name} is not in the index`);
    t.regex(read(`docs/adr/${name}`), new RegExp(`^# ${number}\\. `), name);
    return number;
  });
  t.is(new Set(numbers).size, numbers.length);
});

test('links between documents lead somewhere', (t) => {
  const pages = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md'].concat(
    list('docs', '.md').map((name) => `docs/${name}`),
    list('docs/adr', '.md').map((name) => `docs/adr/${name}`),
  );
  for (const page of pages) {
    for (const [, target] of read(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
      t.true(existsSync(join(ROOT, page, '..', target)), `${page} links to ${target}`);
    }
  }
});

test('every field that the configuration may change is in the README, with its default', (t) => {
  const readme = read('README.md').replaceAll(',', '');
  for (const [name, value] of Object.entries({ ...LIMITS_DEFAULT, ...TIMEOUTS_DEFAULT })) {
    t.true(readme.includes(name), `${name} is not in the README`);
    t.true(readme.includes(String(value)), `the default of ${name}, ${value}, is not there`);
  }
});

test('docs/limits.md says the bounds of the strict mode as they are', (t) => {
  const page = read('docs/limits.md').split('## A process of the strict mode')[1];
  const rows = page.split('\n## ')[0].split('\n');
  const { replica, window, peerUnanswered, sweepMs, heal, rebuild, compareAgainMs } = STRICT_LIMITS;
  const inWords = (count: number): string => count.toLocaleString('en');
  const bounds: readonly [what: string, bound: string][] = [
    ['requests of a connection', `${inWords(window.requests)}, and ${window.bytes / 2 ** 20} MiB`],
    ['promises of single sectors', inWords(replica.promises)],
    ['active regions', inWords(replica.activeRegions)],
    ['a region with nothing open', `sweeps of ${sweepMs / 1_000} s`],
    ['what a coordinator that is there', `${(8 * sweepMs) / 1_000} to ${(16 * sweepMs) / 1_000} s`],
    ['requests that a peer leaves', inWords(peerUnanswered)],
    ['ranges that are healed', `${heal.lanes},`],
    ['ranges that are healed', `every ${heal.idleMs} ms`],
    ['a range that is not healed', `${heal.rangeMs / 1_000} s`],
    ['a range that is not healed', `again ${heal.pauseMs / 1_000} s later`],
    ['a region that another process', `${heal.sweepsPerPlace} sweeps`],
    ['extents that a rebuild', `${rebuild.lanes},`],
    ['copies that differ', `${compareAgainMs / 1_000} s`],
  ];
  for (const [what, bound] of bounds) {
    const row = rows.find((line) => line.startsWith(`| ${what}`)) ?? '';
    t.true(row.includes(` ${bound}`), `${what}: ${bound} is not in "${row}"`);
  }
});

test('every option of the benches is in docs/benchmarks.md', (t) => {
  const page = read('docs/benchmarks.md');
  const usage = ['main', 'nbdMain', 'options', 'scaleOptions'].map((name) => read(`test/bench/${name}.ts`)).join('');
  const options = [...usage.matchAll(/(?:^|`) {2}(--[\w-]+) /gm)].map((match) => match[1]);
  t.true(options.length >= 10, options.join());
  for (const option of options) t.true(page.includes(`\`${option}`), `${option} is not there`);
});

test('every command of the program is in the README', (t) => {
  const readme = read('README.md');
  for (const [, name] of read('src/cli/program.ts').matchAll(/define(\w+)Command\(program\)/g)) {
    const command = name.replaceAll(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
    t.true(readme.includes(`\`atdd ${command}`), `atdd ${command} is not in the README`);
  }
});

test('nothing asks for the time of day: it may be set back and forth', (t) => {
  // RxJS's own schedulers tell it too, unless they are the timers behind our own.
  const allowed = ['src/shell/monotonicClock.ts', 'src/shell/turnScheduler.ts'];
  const files = (folder: string): string[] =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name));
  for (const file of ['src', 'streams', 'config'].flatMap(files)) {
    const text = read(file);
    t.notRegex(text, /Date\.now\(|new Date\(|Date\(\)/, file);
    t.notRegex(text, /(?:async|asap|queue)Scheduler\.now\(/, file);
    const handsOn = /(?:clock|scheduler)\s*[:=]\s*(?:async|asap|queue)Scheduler/i;
    if (!allowed.includes(file)) t.notRegex(text, handsOn, file);
  }
});

/** Of `src`, `streams` and `config`, whatever is in them. */
const FOLDERS = ['src', 'streams', 'config'].flatMap((top) => [
  top,
  ...readdirSync(join(ROOT, top), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ parentPath, name }) => join(relative(ROOT, parentPath), name)),
]);

test('no file is longer than 400 lines, and no folder has more than 25 of them', (t) => {
  for (const folder of FOLDERS) {
    const names = list(folder, '.ts');
    t.true(names.length <= 25, `${folder} has ${names.length} files`);
    for (const name of names) {
      const lines = read(join(folder, name)).split('\n').length - 1;
      t.true(lines <= 400, `${folder}/${name} has ${lines} lines`);
    }
  }
});

test('ARCHITECTURE.md says of each room what .rooms.cjs lets it import', (t) => {
  const rows = [...read('ARCHITECTURE.md').matchAll(/^\| `([\w/]+\/)` \| .* \| (.*) \|$/gm)];
  const column = Object.fromEntries(rows.map(([, room, others]) => [room, others.replaceAll('`', '').split(', ')]));
  const rooms = createRequire(import.meta.url)(join(ROOT, '.rooms.cjs')) as Record<string, string[]>;
  for (const [room, others] of Object.entries(rooms)) {
    t.deepEqual(column[room].toSorted(), others.length === 0 ? ['nothing'] : others.toSorted(), room);
  }
  for (const folder of [
    'config',
    'streams',
    ...list('src', '')
      .filter((name) => !name.includes('.'))
      .map((name) => `src/${name}`),
  ]) {
    t.true(`${folder}/` in rooms, `${folder} is no room of .rooms.cjs`);
  }
});

test('every deliberate fault of the simulation is in the table of docs/testing.md', (t) => {
  const page = read('docs/testing.md');
  for (const { name, text, runs } of DELIBERATE_FAULTS) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` | ${text} |`));
    t.true(row?.includes(` of ${runs}: `), `${name} is not in the table, or with other numbers`);
  }
});

test('every row of docs/faults.md names tests, and they are there', (t) => {
  const rows = read('docs/faults.md')
    .split('\n')
    .filter((line) => /^\| (?!what happens|---)/.test(line));
  t.true(rows.length > 20);
  for (const row of rows) {
    const shownBy = row.split('|').at(-2) ?? '';
    const named = [...shownBy.matchAll(/`([^`]+)`/g)].map((match) => match[1]);
    const isStated = /not covered yet|not encrypted|is lost: no copy|every simulated run/.test(row);
    t.true(named.length > 0 || isStated, row);
    for (const name of named) {
      const kind = /^simulate: (\w+)$/.exec(name)?.[1];
      const isThere = kind === undefined ? existsSync(join(ROOT, name)) : FAULT_KINDS.some((known) => known === kind);
      t.true(isThere, `docs/faults.md: ${name} is not there`);
    }
  }
});

const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md'].concat(
  ['docs', 'docs/adr'].flatMap((folder) => list(folder, '.md').map((name) => `${folder}/${name}`)),
);

const SOURCES = ['src', 'streams', 'config'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:ts|json)$/.test(name))
    .map((name) => `${folder}/${name}`),
);

interface LeftWord {
  readonly word: string;
  readonly pattern: RegExp;
  /** Files and folders in which it may stand. */
  readonly staysIn: readonly string[];
}

const escaped = (word: string): string => word.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** An entry in code format is a part of a name; any other is a phrase of whole words. */
function patternOf(entry: string): RegExp {
  const name = /^`(.+)`$/.exec(entry)?.[1];
  if (name !== undefined) return new RegExp(escaped(name));
  return new RegExp(String.raw`(?<![\w-])${escaped(entry)}(?![\w-])`, 'i');
}

/** The last table of docs/style.md. */
function leftWords(): LeftWord[] {
  const rows = read('docs/style.md')
    .split('### Words that have left')[1]
    .split('\n')
    .filter((line) => /^\| (?!not |---)/.test(line));
  return rows.flatMap((row) => {
    const [, not, , exceptions] = row.split('|').map((cell) => cell.trim());
    const staysIn = [...exceptions.matchAll(/`([^`]+)`/g)].map((match) => match[1]);
    return not.split(', ').map((word) => ({ word, pattern: patternOf(word), staysIn }));
  });
}

/** With line breaks and the signs of comments taken out, so that phrases are found across lines. */
function proseOf(file: string): string {
  const text = file === 'docs/style.md' ? read(file).split('### Words that have left')[0] : read(file);
  return text.replaceAll(/\s*\n[ \t]*(?:\/?\*+\/?|\/\/|>)?[ \t]*/g, ' ');
}

test('no word that has left the glossary is left, but where docs/style.md says so', (t) => {
  const words = leftWords();
  t.true(words.length > 30);
  const found: string[] = [];
  for (const file of [...SOURCES, ...DOCUMENTS]) {
    const text = proseOf(file);
    for (const { word, pattern, staysIn } of words) {
      const match = staysIn.some((place) => file.startsWith(place)) ? null : pattern.exec(text);
      if (match !== null) found.push(`${file}, ${word}: ${text.slice(Math.max(0, match.index - 40)).slice(0, 100)}`);
    }
  }
  t.deepEqual(found, []);
});

test('no exception of the glossary is needless', (t) => {
  const words = leftWords();
  for (const place of new Set(words.flatMap(({ staysIn }) => staysIn))) {
    const allowed = words.filter(({ staysIn }) => staysIn.includes(place));
    const texts = [...SOURCES, ...DOCUMENTS].filter((file) => file.startsWith(place)).map(proseOf);
    const isUsed = texts.some((text) => allowed.some(({ pattern }) => pattern.test(text)));
    t.true(isUsed, `${place} is not there, or has no such word any more`);
  }
});

test('every path that a document names is there', (t) => {
  const form = /^(?:src|streams|test|config|scripts|tools)\/[\w./-]*$/;
  const lost = DOCUMENTS.flatMap((page) =>
    [...read(page).matchAll(/`([^`\s]+)`/g)]
      .filter(([, path]) => form.test(path) && !existsSync(join(ROOT, path)))
      .map(([, path]) => `${page} names ${path}`),
  );
  t.deepEqual(lost, []);
});

test('every heading that a link of a document names is there', (t) => {
  const slugOf = (heading: string): string =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-');
  for (const page of DOCUMENTS) {
    for (const [, target, anchor] of read(page).matchAll(/\]\(([^)#:]*)#([^)]+)\)/g)) {
      const text = read(target === '' ? page : join(page, '..', target));
      const headings = [...text.matchAll(/^#+ (.+)$/gm)].map((match) => slugOf(match[1]));
      const isThere = headings.includes(anchor) || text.includes(`<a name="${anchor}">`);
      t.true(isThere, `${page} links to ${target}#${anchor}`);
    }
  }
});

test('core and pipelines subscribe to nothing (docs/style.md, rule 9)', (t) => {
  const files = SOURCES.filter((file) => /^(?:src\/core|streams\/pipelines)\//.test(file));
  t.true(files.length > 40);
  t.deepEqual(
    files.filter((file) => read(file).includes('.subscribe(')),
    [],
  );
});
