/** Gateways (`atdd nbd`) of a test cluster, and the programs of others that use them. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { endsWithTests } from './children.js';
import type { Cluster } from './cluster.js';
import { MAIN_FILE, cleanEnvironment } from './cluster.js';
import { HANG_MS } from './hang.js';
import { freeAddresses } from './ports.js';
import type { TestScope } from './testScope.js';

export interface Gateway {
  readonly port: number;
  readonly uri: string;
  readonly child: ChildProcess;
  readonly log: () => string;
}

/** Starts a gateway and waits until it takes connections; it is ended with the test. */
export function startGateway(t: TestScope, cluster: Cluster, ...options: string[]): Promise<Gateway> {
  return startWrappedGateway(t, cluster, (command) => [...command, ...options]);
}

/** @param wrap Changes the command line, as in ClusterOptions. */
export async function startWrappedGateway(
  t: TestScope,
  cluster: Cluster,
  wrap: (command: readonly string[]) => readonly string[],
): Promise<Gateway> {
  const [{ port }] = await freeAddresses(1);
  const words = ['nbd', '--config', cluster.configFileOf(1), '--listen', `127.0.0.1:${port}`];
  const [program, ...args] = wrap([process.execPath, MAIN_FILE, ...words]);
  const child = endsWithTests(
    spawn(program, args, {
      cwd: cluster.folder,
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  let log = '';
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-100_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  t.teardown(async () => {
    if (!t.passed) t.log(`gateway on ${port}:\n${log.slice(-3_000)}`);
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const giveUpAt = performance.now() + HANG_MS;
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null || performance.now() > giveUpAt) {
      throw new Error(`the gateway does not listen:\n${log}`);
    }
    await sleep(50);
  }
  return { port, uri: `nbd://127.0.0.1:${port}`, child, log: () => log };
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

export interface ToolResult {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a program to its end. Both its outputs, as they came. */
export async function runTool(words: readonly string[], cwd?: string): Promise<ToolResult> {
  const child = endsWithTests(
    spawn(words[0], words.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: HANG_MS,
      killSignal: 'SIGKILL',
      ...(cwd !== undefined && { cwd }),
    }),
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}
