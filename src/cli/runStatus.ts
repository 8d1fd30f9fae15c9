/** The work of `atdd status`. */
import type { Command } from 'commander';
import type { AtomicDiskClient, ProcessAddress } from '../client/client.js';
import { openClient } from '../client/client.js';
import { AtomicDiskError } from '../errors.js';
import { connectOptions } from './clientSession.js';
import { loadClientConfig } from './options.js';
import { writeStdout } from './standardStreams.js';

export interface StatusOptions {
  readonly json?: true;
  /** Milliseconds. */
  readonly timeout: number;
}

export interface ProcessStatus {
  readonly rank: number;
  readonly address: string;
  readonly reachable: boolean;
  readonly latencyMs: number | null;
  /** Why it is not reachable. */
  readonly trouble: string | null;
}

export interface ClusterStatus {
  readonly processes: readonly ProcessStatus[];
  /** Whether a majority answers: a READ of sector 0 was answered. */
  readonly quorum: boolean;
  readonly readLatencyMs: number | null;
  readonly readTrouble: string | null;
}

/** The first answer of a new connection is slower than the others. */
const PING_COUNT = 3;

/** Of the one process that a client here knows. */
const ONLY_RANK = 1;

/** @returns the exit code. */
export async function status(command: Command, options: StatusOptions): Promise<number> {
  const config = await loadClientConfig(command);
  // Without a log: troubles are what is shown, they need not be told besides. One per process:
  // a client of all would give the read to any of them, and wait for it should it hang.
  const clients = config.processes.map((address) =>
    openClient({ ...connectOptions(config, options.timeout), processes: [address] }),
  );
  try {
    const [read, ...processes] = await Promise.all([
      firstRead(clients),
      ...config.processes.map((address, index) =>
        askProcess(clients[index], index + 1, address, options.timeout),
      ),
    ]);
    const result: ClusterStatus = { processes, ...read };
    await writeStdout(options.json === true ? `${JSON.stringify(result)}\n` : describe(result));
    return result.quorum ? 0 : 1;
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

async function askProcess(
  client: AtomicDiskClient,
  rank: number,
  { host, port }: ProcessAddress,
  timeoutMs: number,
): Promise<ProcessStatus> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  try {
    let latencyMs = Infinity;
    for (let count = 0; count < PING_COUNT; count += 1) {
      latencyMs = Math.min(latencyMs, await client.ping(ONLY_RANK, timeoutMs));
    }
    return { rank, address, reachable: true, latencyMs, trouble: null };
  } catch (error) {
    if (!(error instanceof AtomicDiskError)) throw error;
    const trouble = typeof error.cause === 'string' ? error.cause : error.message;
    return { rank, address, reachable: false, latencyMs: null, trouble };
  }
}

/** Reads through every process. One of them is enough: it has asked a majority. */
async function firstRead(
  clients: readonly AtomicDiskClient[],
): Promise<Omit<ClusterStatus, 'processes'>> {
  try {
    const readLatencyMs = await Promise.any(clients.map(timeRead));
    return { quorum: true, readLatencyMs, readTrouble: null };
  } catch (error) {
    const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
    const trouble = errors.find((each) => !(each instanceof AtomicDiskError)) ?? errors[0];
    if (!(trouble instanceof AtomicDiskError)) throw trouble;
    return { quorum: false, readLatencyMs: null, readTrouble: trouble.message };
  }
}

async function timeRead(client: AtomicDiskClient): Promise<number> {
  await client.readSector(0);
  const startMs = performance.now();
  await client.readSector(0);
  return performance.now() - startMs;
}

export function describe({ processes, quorum, readLatencyMs }: ClusterStatus): string {
  const rows = processes.map(({ rank, address, reachable, latencyMs, trouble }) => [
    String(rank),
    address,
    reachable ? 'yes' : 'no',
    latencyMs === null ? (trouble ?? '') : `${latencyMs.toFixed(2)} ms`,
  ]);
  const table = [['rank', 'address', 'reachable', 'latency'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map((row) =>
    row.map((cell, column) => cell.padEnd(widths.at(column) ?? 0)).join('  '),
  );
  lines.push(
    quorum
      ? `A majority answers: a read takes ${(readLatencyMs ?? 0).toFixed(2)} ms.`
      : 'No majority answers: reads and writes wait.',
  );
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}
