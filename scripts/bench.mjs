/**
 * npm run bench: starts a cluster of its own on loopback (free ports, fresh keys, data in a
 * temporary folder), measures writes and then reads of the same sectors with `atdd bench`, and
 * shows what the processes came to. Nothing of it is left afterwards.
 */
import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureReady, ROOT } from './ensure.mjs';

const USAGE = `npm run bench -- [options]
  --processes <n>     processes of the cluster (3)
  --connections <n>   connections of the client, over all processes (16)
  --depth <n>         operations under way on each (16)
  --seconds <s>       how long each measurement takes (10)
  --json <file>       also write the result there`;

const MAIN = join(ROOT, 'dist', 'main.js');
const DISK_SECTORS = 262_144;
const READY_MS_MAX = 30_000;
/** Below the ports that systems use for outgoing connections. */
const PORT_MIN = 10_000;
const PORT_MAX = 32_000;

const options = readOptions();
await ensureReady();
const folder = mkdtempSync(join(tmpdir(), 'atdd-bench-'));
const members = [];
try {
  const interrupted = new Promise((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM']) {
      process.once(signal, () => reject(new Error('interrupted')));
    }
  });
  await Promise.race([run(), interrupted]);
} catch (error) {
  process.stderr.write(`atdd: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  await Promise.all(members.map(end));
  rmSync(folder, { recursive: true, force: true });
}
// A command that was interrupted may still be running.
process.exit();

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        processes: { type: 'string', default: '3' },
        connections: { type: 'string', default: '16' },
        depth: { type: 'string', default: '16' },
        seconds: { type: 'string', default: '10' },
        json: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) {
      process.stdout.write(`${USAGE}\n`);
      process.exit(0);
    }
    const processes = Number(values.processes);
    if (!(Number.isInteger(processes) && processes >= 1 && processes <= 254)) {
      throw new Error('--processes has to be a whole number from 1 to 254');
    }
    return { ...values, processes };
  } catch (error) {
    process.stderr.write(`${error.message}\n${USAGE}\n`);
    process.exit(2);
  }
}

async function run() {
  const config = join(folder, 'cluster.json');
  await writeCluster(config);
  for (let rank = 1; rank <= options.processes; rank += 1) members.push(start(config, rank));
  await untilReady(config);
  const { writes } = await measure(config, 'write');
  const { reads } = await measure(config, 'read');
  const processes = members.map((member) => ({ rank: member.rank, ...residentBytes(member) }));
  show(writes, reads, processes);
  if (options.json === undefined) return;
  const [connections, depth, seconds] = [options.connections, options.depth, options.seconds].map(
    Number,
  );
  const setting = { processes: options.processes, connections, depth, seconds };
  const machine = { node: process.version, cores: cpus().length, model: cpus()[0]?.model };
  const result = { date: new Date().toISOString(), ...setting, machine, writes, reads };
  writeFileSync(options.json, `${JSON.stringify({ ...result, memory: processes }, null, 2)}\n`);
}

async function writeCluster(config) {
  const secret = { mode: 0o600 };
  writeFileSync(join(folder, 'client.key'), randomBytes(32).toString('hex'), secret);
  writeFileSync(join(folder, 'system.key'), randomBytes(64).toString('hex'), secret);
  mkdirSync(join(folder, 'data'));
  const processes = [];
  while (processes.length < options.processes) {
    const address = `127.0.0.1:${await freePort()}`;
    if (!processes.includes(address)) processes.push(address);
  }
  const keys = { client: 'client.key', system: 'system.key' };
  const content = { processes, sectors: DISK_SECTORS, storage: 'data/{rank}', keys };
  writeFileSync(config, JSON.stringify(content, null, 2));
}

async function freePort() {
  for (;;) {
    const port = randomInt(PORT_MIN, PORT_MAX);
    const server = createServer();
    const isFree = await new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

function start(config, rank) {
  const args = [MAIN, '--config', config, '--rank', String(rank)];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment(),
  });
  const member = { rank, child, log: '', ended: null };
  const keep = (chunk) => (member.log = (member.log + chunk).slice(-4_000));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  member.ended = new Promise((resolve) => {
    child.once('error', resolve);
    child.once('exit', resolve);
  });
  return member;
}

async function end({ child, ended }) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await ended;
}

/** Settings of whoever runs the bench are not those of the cluster. */
function environment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('ATDD_')),
  );
}

/** Resolves to what the command says on standard output. */
function atdd(config, words) {
  return new Promise((resolve, reject) => {
    const args = [MAIN, ...words, '--config', config];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment(),
    });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (errors += chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output, errors }));
  });
}

async function untilReady(config) {
  const giveUpAt = performance.now() + READY_MS_MAX;
  for (;;) {
    const dead = members.find(({ child }) => child.exitCode !== null);
    if (dead !== undefined) throw new Error(`process ${dead.rank} ended:\n${dead.log}`);
    const { output, errors } = await atdd(config, ['status', '--json', '--timeout', '2']);
    if (output === '') throw new Error(errors);
    const { processes, quorum } = JSON.parse(output);
    if (quorum && processes.every(({ reachable }) => reachable)) return;
    if (performance.now() > giveUpAt) throw new Error('the cluster did not become ready');
  }
}

async function measure(config, mode) {
  process.stderr.write(`atdd: measuring ${mode}s for ${options.seconds} s\n`);
  const { connections, depth, seconds } = options;
  const setting = ['--connections', connections, '--depth', depth, '--seconds', seconds];
  const sectors = ['--sectors', String(Math.max(4_096, connections * depth))];
  const words = ['bench', '--json', '--mode', mode, ...setting, ...sectors];
  const { code, output, errors } = await atdd(config, words);
  if (code !== 0) throw new Error(errors);
  return JSON.parse(output);
}

/** Memory of a process, now and at most, where the system tells (Linux). */
function residentBytes({ child }) {
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const field = (name) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
    return { residentBytes: field('VmRSS'), residentBytesMax: field('VmHWM') };
  } catch {
    return { residentBytes: null, residentBytesMax: null };
  }
}

function show(writes, reads, processes) {
  const { connections, depth, seconds } = options;
  const columns = ['', 'ops/s', 'p50 ms', 'p90 ms', 'p99 ms', 'p99.9 ms', 'max ms'];
  const row = (name, { perSecond, p50, p90, p99, p999, max }) => [
    name,
    Math.round(perSecond),
    ...[p50, p90, p99, p999, max].map((ms) => ms.toFixed(2)),
  ];
  const lines = [columns, row('writes', writes), row('reads', reads)].map((cells) =>
    cells.map((cell, index) => (index === 0 ? cell.padEnd(8) : String(cell).padStart(10))).join(''),
  );
  const mebibytes = (bytes) => (bytes === null ? '?' : (bytes / 2 ** 20).toFixed(0));
  const memory = processes.map(
    ({ rank, residentBytes: now, residentBytesMax: most }) =>
      `process ${rank}: ${mebibytes(now)} MiB resident, ${mebibytes(most)} at most`,
  );
  const title =
    `${options.processes} processes, ${connections} connections x ${depth} outstanding, ` +
    `${seconds} s each, ${cpus().length} cores, Node ${process.version}`;
  process.stdout.write(`${[title, ...lines, ...memory].join('\n')}\n`);
}
