import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { endsWithTests } from '../helpers/children.js';
import { makeFolder } from '../config/folder.js';

const SCRIPTS = fileURLToPath(new URL('../../../scripts/', import.meta.url));

async function node(args: readonly string[]): Promise<{ code: number | null; stdout: string }> {
  const child = endsWithTests(spawn(process.execPath, [...args], { stdio: ['ignore', 'pipe', 'inherit'] }));
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, stdout };
}

/** Takes the lock, and writes to the file beside it when it got it and when it lets go. */
async function holdLock(lock: string, name: string): Promise<number | null> {
  const program = `
    import { appendFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { withLock } from ${JSON.stringify(pathToFileURL(join(SCRIPTS, 'lock.mjs')).href)};
    const note = (text) => appendFileSync(${JSON.stringify(`${lock}.log`)}, text);
    await withLock(${JSON.stringify(lock)}, () => undefined, async () => {
      note('+${name}');
      await sleep(150);
      note('-${name} ');
    });`;
  return (await node(['--input-type=module', '--eval', program])).code;
}

test('only one at a time holds the lock', async (t) => {
  const lock = join(makeFolder(t, {}), 'sub', 'lock');
  const codes = await Promise.all(['a', 'b', 'c', 'd'].map((name) => holdLock(lock, name)));
  t.deepEqual(codes, [0, 0, 0, 0]);
  const notes = readFileSync(`${lock}.log`, 'utf8').trim().split(' ').sort();
  t.deepEqual(notes, ['+a-a', '+b-b', '+c-c', '+d-d']);
  t.false(existsSync(lock));
});

test('a lock whose holder has died is taken over, by one', async (t) => {
  const lock = join(makeFolder(t, {}), 'lock');
  // A process that is certainly gone.
  const { stdout } = await node(['--print', 'process.pid']);
  writeFileSync(lock, stdout.trim());
  const codes = await Promise.all(['a', 'b', 'c'].map((name) => holdLock(lock, name)));
  t.deepEqual(codes, [0, 0, 0]);
  const notes = readFileSync(`${lock}.log`, 'utf8').trim().split(' ').sort();
  t.deepEqual(notes, ['+a-a', '+b-b', '+c-c']);
});

const LIST = '\n  ✔ a › one\n  ✔ a › two (1.2s)\n    ℹ 7 tests failed\n';

for (const [title, output, exitCode, line, code] of [
  ['all passed', `${LIST}  ─\n\n  2 tests passed\n`, 0, '2 passed, 0 failed\n', 0],
  [
    'some failed',
    `${LIST}  ✘ [fail]: a › three\n  ─\n\n  a › three\n\n  ─\n\n  1 test failed\n`,
    1,
    '2 passed, 1 failed\n',
    1,
  ],
  [
    'failures outside tests',
    `${LIST}  ─\n\n  2 tests passed\n  1 unhandled rejection\n  2 uncaught exceptions\n`,
    1,
    '2 passed, 3 failed\n',
    1,
  ],
  ['a failure without a number', `${LIST}  ─\n\n  2 tests passed\n`, 1, '2 passed, 1 failed\n', 1],
  [
    'in colours',
    '  \u001B[32m✔\u001B[39m one\n  ─\n\n  \u001B[32m1 test passed\u001B[39m\n',
    0,
    '1 passed, 0 failed\n',
    0,
  ],
  ['on a plain terminal', '  √ one\n  × [fail]: two\n  ─\n\n  1 test failed\n', 1, '1 passed, 1 failed\n', 1],
  ['nothing ran', 'npm error\n', 0, '0 passed, 0 failed\n', 1],
] as const) {
  test(`counting tests: ${title}`, async (t) => {
    const file = join(makeFolder(t, { output }), 'output');
    const counted = await node([join(SCRIPTS, 'countTests.mjs'), file, String(exitCode)]);
    t.deepEqual(counted, { code, stdout: line });
  });
}

/** A clone with these scripts of ours, and others in place of those that they build on. */
function makeClone(t: ExecutionContext, names: readonly string[], files: Readonly<Record<string, string>>): string {
  const clone = join(makeFolder(t, {}), 'a #1?%20');
  for (const name of names) cpSync(join(SCRIPTS, name), join(clone, 'scripts', name));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(clone, path)), { recursive: true });
    writeFileSync(join(clone, path), text);
  }
  return clone;
}

const READY = `
  import { fileURLToPath } from 'node:url';
  export const ROOT = fileURLToPath(new URL('..', import.meta.url));
  export const ensureReady = async () => undefined;`;

test('npm start works in a folder of any name', async (t) => {
  const clone = makeClone(t, ['start.mjs'], {
    'scripts/ensure.mjs': READY,
    'dist/main.js': 'console.log(process.argv.slice(2).join("\\n"))',
    'package.json': '{ "type": "module" }',
  });
  const { code, stdout } = await node([join(clone, 'scripts', 'start.mjs'), 'more']);
  t.is(code, 0);
  t.is(stdout, `cluster\n--config\n${join(clone, 'config', 'cluster.json')}\nmore\n`);
});

test('npm run schema works in a folder of any name', async (t) => {
  const clone = makeClone(t, ['schema.mjs'], {
    'scripts/ensure.mjs': READY,
    'dist/test/config/jsonSchema.js': 'export const configJsonSchema = () => ({ a: 1 });',
    'config/old': '',
    'package.json': '{ "type": "module" }',
  });
  symlinkSync(join(SCRIPTS, '..', 'node_modules'), join(clone, 'node_modules'));
  const { code } = await node([join(clone, 'scripts', 'schema.mjs')]);
  t.is(code, 0);
  t.deepEqual(JSON.parse(readFileSync(join(clone, 'config', 'atdd.schema.json'), 'utf8')), {
    a: 1,
  });
});

test('packages that are there are good without a note of it', async (t) => {
  const packages = JSON.stringify({ packages: { 'node_modules/x': { version: '1.0.0' } } });
  const clone = makeClone(t, ['ensure.mjs', 'lock.mjs'], {
    'package.json': '{ "type": "module" }',
    'package-lock.json': packages,
    'node_modules/.package-lock.json': packages,
    // Instead of a compiler.
    'node_modules/typescript/bin/tsc': '',
    'tsconfig.json': '{}',
    'go.mjs': "import { build } from './scripts/ensure.mjs'; await build();",
  });
  // What is written there is written nowhere, even by root.
  symlinkSync(join(clone, 'no', 'folder'), join(clone, 'node_modules', '.atdd-installed'));
  t.is((await node([join(clone, 'go.mjs')])).code, 0);
  t.true(existsSync(join(clone, 'dist', 'main.js')));
});

for (const bench of ['main', 'nbdMain', 'scaleMain']) {
  test(`the bench says what its options are, and refuses others: ${bench}`, async (t) => {
    const program = fileURLToPath(new URL(`../bench/${bench}.js`, import.meta.url));
    const help = await node([program, '--help']);
    t.is(help.code, 0);
    t.regex(help.stdout, /--seconds <s>/);
    for (const words of [['--weather'], ['--seconds', '0']]) {
      t.deepEqual(await node([program, ...words]), { code: 2, stdout: '' });
    }
  });
}
