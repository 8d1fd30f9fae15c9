import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { makeFolder } from '../config/folder.js';

const SCRIPTS = fileURLToPath(new URL('../../../scripts/', import.meta.url));

async function node(args: readonly string[]): Promise<{ code: number | null; stdout: string }> {
  const child = spawn(process.execPath, [...args], { stdio: ['ignore', 'pipe', 'inherit'] });
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
    import { withLock } from ${JSON.stringify(join(SCRIPTS, 'lock.mjs'))};
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
  ['nothing ran', 'npm error\n', 0, '0 passed, 0 failed\n', 1],
] as const) {
  test(`counting tests: ${title}`, async (t) => {
    const file = join(makeFolder(t, { output }), 'output');
    const counted = await node([join(SCRIPTS, 'countTests.mjs'), file, String(exitCode)]);
    t.deepEqual(counted, { code, stdout: line });
  });
}
