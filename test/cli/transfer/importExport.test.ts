/** Files, holes, pipes and standard input onto the disk and back; and waiting for a majority. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { ClusterStatus } from '../../../src/cli/health/clusterStatus.js';
import { atdd, shell } from '../../helpers/atdd.js';
import { Cluster, cleanEnvironment, MAIN_FILE } from '../../helpers/cluster.js';

const SECTORS = 8_192;
const start = (t: ExecutionContext, processCount = 3) => Cluster.start(t, { processCount, sectors: SECTORS });

test.serial('holes stay holes, there and back, and zeros undo what was there', async (t) => {
  const cluster = await start(t);
  const written = async (): Promise<number> => {
    const { stdout } = await atdd(cluster, 'status --json');
    const { processes } = JSON.parse(stdout.toString()) as ClusterStatus;
    return Math.max(...processes.map(({ report }) => report?.written ?? 0));
  };
  const image = Buffer.alloc(8 * 1024 * 1024 + 10);
  image.write('data', 5_000_000);
  await shell(cluster, 'truncate -s 8388618 image');
  await shell(cluster, 'printf data | dd of=image bs=1 seek=5000000 conv=notrunc status=none');
  t.is((await atdd(cluster, 'import image --at 3 --verify')).code, 0);
  // One for the data, and one that `status` may have written back.
  t.true((await written()) <= 2, `${await written()} sectors`);
  t.is((await atdd(cluster, `export copy --at 3 --bytes ${image.length}`)).code, 0);
  t.true(image.equals(await readFile(cluster.fileIn('copy'))));
  const { blocks } = await stat(cluster.fileIn('copy'));
  t.true(blocks * 512 < 1024 * 1024, `${blocks} blocks`);
  // What the disk holds is overwritten with zeros.
  t.is((await atdd(cluster, 'write 3', randomBytes(64 * 4096))).code, 0);
  t.is((await atdd(cluster, 'import image --at 3 --verify')).code, 0);
  const { stdout } = await atdd(cluster, `export - --at 3 --bytes ${image.length}`);
  t.true(image.equals(stdout));
});

test.serial('an import from standard input, and from a pipe', async (t) => {
  const cluster = await start(t);
  const image = randomBytes(512 * 1024 + 5_000);
  await writeFile(cluster.fileIn('image'), image);
  const before = randomBytes(4096);
  const last = 5 + Math.floor(image.length / 4096);
  t.is((await atdd(cluster, `write ${last}`, before)).code, 0);
  const same = async (): Promise<void> => {
    const { stdout } = await atdd(cluster, `export - --at 5 --bytes ${image.length}`);
    t.true(image.equals(stdout));
    const rest = await atdd(cluster, `read ${last}`);
    t.true(rest.stdout.subarray(image.length % 4096).equals(before.subarray(image.length % 4096)));
  };
  const input = await atdd(cluster, 'import - --at 5', image);
  t.is(input.code, 0, input.stderr);
  t.regex(input.stdout.toString(), new RegExp(`export input.copy --at 5 --bytes ${image.length}`));
  await same();
  const cleared = await shell(cluster, 'head -c 529288 /dev/zero | atdd import - --at 5');
  t.is(cleared.code, 0, cleared.output);
  const pipe = 'mkfifo pipe; (cat image > pipe) & atdd import pipe --at 5';
  const piped = await shell(cluster, pipe);
  t.is(piped.code, 0, piped.output);
  await same();
});

test.serial('an input that does not end is told when the disk does', async (t) => {
  const cluster = await start(t, 1);
  const { code, output } = await shell(cluster, `atdd import /dev/zero --at ${SECTORS - 100}`);
  t.is(code, 1, output);
  t.regex(output, /the input is longer than the disk: from sector 8092 on there is room for 409600/);
  const verified = await shell(cluster, 'atdd import - --verify < /dev/zero');
  t.is(verified.code, 2, verified.output);
  t.regex(verified.output, /--verify reads the input once more, which - does not allow/);
});

test.serial('an import that waits for a majority says so, and goes on', async (t) => {
  const cluster = await start(t);
  await writeFile(cluster.fileIn('image'), randomBytes(4096));
  await cluster.kill(2);
  await cluster.kill(3);
  const child = spawn(process.execPath, [MAIN_FILE, 'import', 'image', '--config', cluster.configFileOf(1)], {
    cwd: cluster.folder,
    env: cleanEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const waits = /warning: waiting for a majority: 1 of 3 processes answers; --timeout gives up/;
  while (!waits.test(said)) {
    t.is(child.exitCode, null, said);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await cluster.start(2);
  t.is(await ended, 0, said);
});

test.serial('a client key that no process has ends a command, and status says so', async (t) => {
  const cluster = await start(t);
  const changes = { ATDD_CLIENT_KEY: '11'.repeat(32) };
  const { code, stderr } = await atdd(cluster, 'read 0', null, changes);
  t.is(code, 1);
  t.regex(stderr, /3 of 3 processes answer with wrong tags.*\(ATDD_AUTH_FAILURE\)$/m);
  const { stdout } = await atdd(cluster, 'status --timeout 1', null, changes);
  t.regex(stdout.toString(), /process 1: its responses carry wrong tags/);
  t.notRegex(stdout.toString(), /is down/);
});
