/**
 * Real files without room: a process whose files may not grow over a limit (RLIMIT_FSIZE, set with prlimit of
 * util-linux) gets EFBIG, which the store treats as it treats ENOSPC. Needs no root and no file system of its own.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { endsWithTests } from '../helpers/children.js';
import { hasTools } from '../helpers/hasTools.js';
import { ended, freshFolder, openAt, valueOf } from './realStore.js';
import { dataOf, isSame, stampOf } from './storeHarness.js';

const run = promisify(execFile);

interface Ended {
  readonly lines: readonly string[];
  readonly errors: string;
  readonly code: number | null;
}

/** `onLine` is told the process and each line that it prints. */
async function fill(
  mode: 'data' | 'metadata' | 'none',
  folder: string,
  limitBytes: number,
  onLine: (pid: number, line: string) => void,
): Promise<Ended> {
  const program = join(import.meta.dirname, 'fillDisk.js');
  const command = [`--fsize=${limitBytes}:unlimited`, process.execPath, program, mode, folder];
  const child = endsWithTests(spawn('prlimit', command, { stdio: ['ignore', 'pipe', 'pipe'] }));
  let output = '';
  let errors = '';
  let seenCount = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    const lines = output.split('\n').slice(0, -1);
    for (const line of lines.slice(seenCount)) onLine(child.pid ?? 0, line);
    seenCount = lines.length;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { lines: output.split('\n').slice(0, -1), errors, code };
}

test('no room for data: refused, the rest is served, and it goes on by itself', async (t) => {
  if (!hasTools(t, 'prlimit')) return;
  const folder = await freshFolder(t);
  const slotCount = 100;
  const { lines, errors, code } = await fill('data', folder, slotCount * 4096, (pid, line) => {
    if (!line.startsWith('served')) return;
    // There is room again.
    run('prlimit', ['--pid', String(pid), '--fsize=unlimited:unlimited']).catch((error: unknown) => {
      t.fail(String(error));
    });
  });
  t.deepEqual(lines, [`full after ${slotCount}`, `served ${slotCount}, said 1 times that it is full`, 'stored again']);
  t.is(errors, '');
  t.is(code, 0);
});

test('no room for metadata: what took effect is adopted, and it goes on', async (t) => {
  if (!hasTools(t, 'prlimit')) return;
  const folder = await freshFolder(t);
  const { lines, errors, code } = await fill('metadata', folder, 48 * 1024, () => undefined);
  t.is(errors, '');
  t.is(code, 0);
  const said = /^refused (\d+) stored (\d+), said 1 times$/.exec(lines.join('\n'));
  t.not(said, null, lines.join('\n'));
  const firstRefused = Number(said?.[1]);
  const round = Number(said?.[2]);
  // Opened again, LevelDB begins a new log: there is room for hundreds of commits more.
  t.true(round > firstRefused + 100, `refused in round ${firstRefused}, last stored in ${round}`);
  const store = await openAt(folder);
  t.deepEqual(store.stampOf(round % 4), stampOf(round));
  const copy = await valueOf(store.load(round % 4));
  t.true(copy.kind === 'sound' && isSame(copy.data, dataOf(round)));
  await ended(store.close());
});

test('no room even to open the metadata again: nothing that is asked then ends it', async (t) => {
  if (!hasTools(t, 'prlimit')) return;
  const folder = await freshFolder(t);
  const { lines, errors, code } = await fill('none', folder, 2 ** 30, () => undefined);
  t.is(errors, '');
  t.is(code, 0);
  const refusals = Array.from({ length: 5 }, () => 'list: no room, notes: no room');
  const went = 'list: 1, notes: stored';
  t.deepEqual(lines, [went, ...refusals, went, 'then stored']);
  const store = await openAt(folder);
  t.deepEqual(store.notes.initial.get('scrub'), Buffer.of(7));
  t.deepEqual(store.stampOf(5), stampOf(3));
  await ended(store.close());
});
