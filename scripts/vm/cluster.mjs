/**
 * A cluster for the scenario: on loopback, with free ports, fresh keys and data in a temporary folder. Nothing of it is
 * left afterwards.
 */
import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '../ensure.mjs';

const MAIN = join(ROOT, 'dist', 'main.js');
const READY_MS_MAX = 30_000;
/** Below the ports that systems use for outgoing connections. */
const PORT_MIN = 10_000;
const PORT_MAX = 32_000;

/** Starts a cluster, hands it to `use`, and removes it whatever came of that. */
export async function withCluster({ processes, sectors }, use) {
  const folder = mkdtempSync(join(tmpdir(), 'atdd-bench-'));
  const children = [];
  const cluster = {
    folder,
    config: join(folder, 'cluster.json'),
    members: [],
    atdd: (words) => atdd(cluster.config, words),
    untilReady: () => untilReady(cluster),
    start: (words) => {
      const child = start([...words, '--config', cluster.config]);
      children.push(child);
      return child;
    },
  };
  try {
    await writeCluster(cluster, processes, sectors);
    for (let rank = 1; rank <= processes; rank += 1) {
      cluster.members.push({ rank, ...cluster.start(['run', '--rank', String(rank)]) });
    }
    await untilReady(cluster);
    return await use(cluster);
  } finally {
    await Promise.all(children.map(end));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function writeCluster({ folder, config }, count, sectors) {
  const secret = { mode: 0o600 };
  writeFileSync(join(folder, 'client.key'), randomBytes(32).toString('hex'), secret);
  writeFileSync(join(folder, 'system.key'), randomBytes(64).toString('hex'), secret);
  mkdirSync(join(folder, 'data'));
  const processes = [];
  while (processes.length < count) {
    const address = `127.0.0.1:${await freePort()}`;
    if (!processes.includes(address)) processes.push(address);
  }
  const keys = { client: 'client.key', system: 'system.key' };
  const content = { processes, sectors, storage: 'data/{rank}', keys };
  writeFileSync(config, JSON.stringify(content, null, 2));
}

export async function freePort() {
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

function start(words) {
  const child = spawn(process.execPath, [MAIN, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment(),
  });
  const started = { child, log: '', ended: null };
  const keep = (chunk) => (started.log = (started.log + chunk).slice(-4_000));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  started.ended = new Promise((resolve) => {
    child.once('error', resolve);
    child.once('exit', resolve);
  });
  return started;
}

async function end({ child, ended }) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await ended;
}

/** Settings of whoever runs the bench are not those of the cluster. */
function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ATDD_')));
}

/** Resolves to what the command says on standard output. */
function atdd(config, words) {
  return runToEnd(process.execPath, [MAIN, ...words, '--config', config]);
}

/** Runs a program. Resolves to its exit code and what it said. */
export function runToEnd(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment() });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (errors += chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output, errors }));
  });
}

/** Resolves when a gateway takes connections there. */
export async function untilListening(port) {
  for (let tries = 0; tries < 200; tries += 1) {
    const isUp = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isUp) return;
    await sleep(50);
  }
  throw new Error('the gateway did not start');
}

async function untilReady({ members, atdd: command }) {
  const giveUpAt = performance.now() + READY_MS_MAX;
  for (;;) {
    const dead = members.find(({ child }) => child.exitCode !== null);
    if (dead !== undefined) throw new Error(`process ${dead.rank} ended:\n${dead.log}`);
    const { output, errors } = await command(['status', '--json', '--timeout', '2']);
    if (output === '') throw new Error(errors);
    const { processes, quorum } = JSON.parse(output);
    if (quorum && processes.every(({ reachable }) => reachable)) return;
    if (performance.now() > giveUpAt) throw new Error('the cluster did not become ready');
  }
}
