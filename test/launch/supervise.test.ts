import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Subject } from 'rxjs';
import type { ProcessConfig } from '../../config/load.js';
import { loadProcessConfig } from '../../config/load.js';
import type { SuperviseOptions } from '../../src/launch/supervise.js';
import { supervise } from '../../src/launch/supervise.js';
import { HANG_MS } from '../helpers/hang.js';
import { freeAddresses } from '../helpers/ports.js';
import { untilSo } from '../helpers/within.js';
import { GOOD, makeFolder } from '../config/folder.js';

const FAKE = fileURLToPath(new URL('fakeProcess.js', import.meta.url));

interface Supervised {
  readonly signals: Subject<string>;
  readonly lines: readonly string[];
  readonly exitCode: Promise<number>;
  /** Resolves once a line matches, to its first group. */
  readonly seen: (pattern: RegExp, count?: number) => Promise<string[]>;
}

function configFor(t: ExecutionContext, ports: readonly number[], change = {}): ProcessConfig {
  const processes = ports.map((port) => `127.0.0.1:${port}`);
  const folder = makeFolder(t, { 'a.json': { ...GOOD, processes, ...change } });
  return loadProcessConfig({ file: join(folder, 'a.json'), env: {}, rank: '1' });
}

/** Supervises one fake process per port; each is given these manners. */
async function start(
  t: ExecutionContext,
  manners: readonly (readonly string[])[],
  options: SuperviseOptions = {},
): Promise<Supervised> {
  const ports = (await freeAddresses(manners.length)).map(({ port }) => port);
  const signals = new Subject<string>();
  const lines: string[] = [];
  const exitCode = supervise(configFor(t, ports), {
    argsOf: (rank) => [FAKE, String(ports[rank - 1]), ...manners[rank - 1]],
    signals$: signals,
    write: (line) => lines.push(line),
    isJson: false,
    ...options,
  });
  t.teardown(async () => {
    // Whatever the test left running.
    signals.next('SIGTERM');
    await sleep(550);
    signals.next('SIGTERM');
    await exitCode;
  });
  const seen = async (pattern: RegExp, count = 1): Promise<string[]> => {
    let found: string[] = [];
    await untilSo(
      () => {
        found = lines.flatMap((line) => pattern.exec(line)?.slice(1, 2) ?? []);
        return found.length >= count;
      },
      () => `no ${String(pattern)} in\n${lines.join('\n')}`,
    );
    return found;
  };
  return { signals, lines, exitCode, seen };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('runs one process per rank, says where they listen, and ends them all', async (t) => {
  const { signals, lines, exitCode, seen } = await start(t, [[], [], []]);
  await seen(/^process (\d) listens on 127\.0\.0\.1:\d+$/, 3);
  const pids = (await seen(/^\[\d\] pid (\d+) supervised 1$/, 3)).map(Number);
  t.is(new Set(pids).size, 3);
  await seen(/^Ctrl-C (stops) all of it/);
  t.is(lines.filter((line) => line.startsWith('  ')).length, 3, 'three commands to try');
  signals.next('SIGINT');
  t.is(await exitCode, 0);
  t.deepEqual(pids.filter(isAlive), []);
  t.is(lines.filter((line) => line.endsWith('ended with exit code 0')).length, 3);
  t.is(lines.filter((line) => line.endsWith('] asked to end')).length, 3, 'standard error as well');
});

test('a process that is killed is started again, the others stay', async (t) => {
  const { signals, exitCode, seen } = await start(t, [[], []]);
  await seen(/^(process) \d listens/, 2);
  const [first] = (await seen(/^\[1\] pid (\d+)/)).map(Number);
  process.kill(first, 'SIGKILL');
  await seen(/^process 1 ended by SIGKILL, starts again in (100) ms$/);
  const pids = (await seen(/^\[1\] pid (\d+)/, 2)).map(Number);
  t.not(pids[1], first);
  await seen(/^process (1) listens/, 2);
  t.is((await seen(/^\[2\] pid (\d+)/)).length, 1);
  signals.next('SIGTERM');
  t.is(await exitCode, 0);
});

test('commands to try are shown only once all processes listen', async (t) => {
  const { signals, exitCode, seen, lines } = await start(t, [[], ['crash=1']]);
  await seen(/^process (1) listens/);
  // More than enough for what follows when all listen.
  await sleep(1_000);
  t.false(lines.some((line) => line.includes('All are up')));
  await seen(/^process 2 ended with exit code 1, starts again in (200) ms$/);
  signals.next('SIGTERM');
  t.is(await exitCode, 0);
});

test('each process leads a group of its own, out of reach of Ctrl-C', async (t) => {
  const { seen } = await start(t, [[]]);
  const [pid] = await seen(/^\[1\] pid (\d+)/);
  if (!existsSync('/proc/self/stat')) {
    t.pass('only Linux tells');
    return;
  }
  // Behind the name in parentheses: state, parent, process group.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
  t.is(fields?.[2], pid);
});

test('exit code 2 means down for good; when all are down it ends with 1', async (t) => {
  const { exitCode, lines } = await start(t, [['crash=2'], ['crash=2']]);
  t.is(await exitCode, 1);
  t.is(lines.filter((line) => line.endsWith('] crashing')).length, 2);
  t.true(lines.includes('process 1 ended with exit code 2, and stays down: see what it said'));
});

test('a process that does not end is killed by the second signal', async (t) => {
  const { signals, exitCode, seen } = await start(t, [['stubborn']], { patienceMs: HANG_MS });
  await seen(/^process (1) listens/);
  const [pid] = (await seen(/^\[1\] pid (\d+)/)).map(Number);
  signals.next('SIGINT');
  signals.next('SIGINT');
  await seen(/^\[1\] asked to (end)$/);
  await sleep(600);
  t.true(isAlive(pid), 'both signals of one key press count as one');
  signals.next('SIGINT');
  t.is(await exitCode, 1);
  t.false(isAlive(pid));
});

test('a process that does not end is killed when patience has run out', async (t) => {
  const { signals, exitCode, seen } = await start(t, [['stubborn']], { patienceMs: 300 });
  const [pid] = (await seen(/^\[1\] pid (\d+)/)).map(Number);
  await seen(/^process (1) listens/);
  signals.next('SIGTERM');
  t.is(await exitCode, 1);
  t.false(isAlive(pid));
});

test('one folder for all of them is refused before anything starts', async (t) => {
  const config = configFor(t, [1, 2], { storage: 'data' });
  await t.throwsAsync(supervise(config, { write: () => t.fail() }), {
    code: 'ATDD_CONFIG_INVALID',
    message: /storage: found one folder for all processes; expected "\{rank\}"/,
  });
});

test('a cluster that runs elsewhere is refused', async (t) => {
  // An address that is kept for documentation: nobody has it.
  const config = configFor(t, [1], { processes: ['192.0.2.1:1'] });
  await t.throwsAsync(supervise(config, { write: () => t.fail() }), { code: 'ATDD_USAGE' });
});
