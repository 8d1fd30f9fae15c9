import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { endsWithTests } from '../helpers/children.js';
import { HANG_MS } from '../helpers/hang.js';
import { freeAddresses } from '../helpers/ports.js';
import { untilSo, within } from '../helpers/within.js';
import { GOOD, makeFolder } from '../config/folder.js';

const PROGRAM = fileURLToPath(new URL('../../main.js', import.meta.url));

interface Cluster {
  readonly pid: number;
  /** The configuration. */
  readonly file: string;
  readonly port: number;
  readonly exitCode: Promise<number | null>;
  readonly output: () => string;
}

async function freePort(): Promise<number> {
  const [{ port }] = await freeAddresses(1);
  return port;
}

/** A cluster of one real process under `atdd cluster`, up and listening. */
async function startCluster(t: ExecutionContext): Promise<Cluster> {
  const cluster = await launchCluster(t);
  await until(() => cluster.output().includes('All are up'), cluster.output);
  return cluster;
}

async function launchCluster(t: ExecutionContext, isRead = true): Promise<Cluster> {
  const port = await freePort();
  const folder = makeFolder(t, { 'a.json': { ...GOOD, processes: [`127.0.0.1:${port}`] } });
  const args = [PROGRAM, 'cluster', '--config', join(folder, 'a.json')];
  const child = endsWithTests(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const exitCode = new Promise<number | null>((resolve) => child.on('close', resolve));
  t.teardown(() => child.kill('SIGKILL'));
  if (!isRead) child.stdout.destroy();
  return {
    pid: child.pid ?? 0,
    file: join(folder, 'a.json'),
    port,
    exitCode,
    output: () => output,
  };
}

async function until(condition: () => boolean | Promise<boolean>, describe: () => string): Promise<void> {
  await untilSo(condition, () => `waited in vain:\n${describe()}`);
}

async function listens(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

test('SIGINT ends the cluster in good order', async (t) => {
  const cluster = await startCluster(t);
  t.true(await listens(cluster.port));
  // It listens before it knows the mode of its cluster.
  await until(() => cluster.output().includes('"message":"ready"'), cluster.output);
  process.kill(cluster.pid, 'SIGINT');
  t.is(await cluster.exitCode, 0, cluster.output());
  // For programs: an object a line, of the supervisor and of its processes.
  const lines = cluster.output().trim().split('\n');
  const logged = lines.map((line) => JSON.parse(line) as { message: string; rank?: number });
  t.true(logged.some(({ message }) => message === 'process 1 ended with exit code 0'));
  t.true(logged.some(({ message, rank }) => message === 'ready' && rank === 1));
  t.false(await listens(cluster.port));
});

test('SIGHUP has the processes read the log level again, and ends nothing', async (t) => {
  const cluster = await startCluster(t);
  const said = (pattern: RegExp): Promise<void> => until(() => pattern.test(cluster.output()), cluster.output);
  const config = JSON.parse(readFileSync(cluster.file, 'utf8')) as Record<string, unknown>;
  writeFileSync(cluster.file, JSON.stringify({ ...config, sectors: 16, log: { level: 'debug' } }));
  process.kill(cluster.pid, 'SIGHUP');
  await said(/"message":"read the configuration again"/);
  await said(/"changed":\["sectors"\]/);
  writeFileSync(cluster.file, '{');
  process.kill(cluster.pid, 'SIGHUP');
  await said(/what was read again has mistakes/);
  t.true(await listens(cluster.port));
  process.kill(cluster.pid, 'SIGINT');
  t.is(await cluster.exitCode, 0, cluster.output());
});

test('a reader of the output that goes away ends nothing', async (t) => {
  const cluster = await launchCluster(t, false);
  await until(() => listens(cluster.port), cluster.output);
  // By then the commands to try would have been shown.
  await sleep(1_000);
  t.true(await listens(cluster.port));
  process.kill(cluster.pid, 'SIGINT');
  t.is(await cluster.exitCode, 0);
  t.false(await listens(cluster.port));
});

test('no process outlives a supervisor that was killed', async (t) => {
  const cluster = await startCluster(t);
  process.kill(cluster.pid, 'SIGKILL');
  await until(async () => !(await listens(cluster.port)), cluster.output);
  t.pass();
});

for (const [name, { words, config }] of Object.entries({
  'a process': { words: 'run', config: {} },
  'a process with workers': { words: 'run', config: { members: 'open', workers: 2 } },
  'a gateway': { words: 'nbd', config: {} },
})) {
  test(`${name} whose supervisor ended while it began does not stay`, async (t) => {
    const [process1, gateway] = (await freeAddresses(2)).map(({ host, port }) => `${host}:${port}`);
    const section = { ...GOOD, processes: [process1], nbd: { listen: gateway }, ...config };
    const folder = makeFolder(t, { 'a.json': section });
    const child = endsWithTests(
      spawn(process.execPath, [PROGRAM, words, '--config', join(folder, 'a.json')], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        env: { ...process.env, ATDD_SUPERVISED: '1' },
      }),
    );
    t.teardown(() => child.kill('SIGKILL'));
    const ended = once(child, 'exit');
    child.disconnect();
    const outcome = await within(HANG_MS, ended);
    t.deepEqual(outcome, [0, null]);
  });
}
