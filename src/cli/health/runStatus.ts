/** The work of `atdd status`. */
import type { Command } from 'commander';
import { defer, lastValueFrom, tap } from 'rxjs';
import type { ClusterConfig } from '../../../config/load.js';
import type { AtomicDiskClient, ProcessAddress } from '../../client/client.js';
import { openClient } from '../../client/client.js';
import { AtomicDiskError, troubleOf } from '../../errors.js';
import { EXIT_FAILURE, EXIT_SUCCESS } from '../../exitCodes.js';
import { monotonicClock } from '../../shell/monotonicClock.js';
import { askReport } from './askReport.js';
import { connectOptions } from '../clientSession.js';
import type { ClusterStatus, ProcessStatus } from './clusterStatus.js';
import { describeStatus } from './describeStatus.js';
import { loadClientConfig } from '../options.js';
import { disagreementsOf, redundancyOf } from './redundancy.js';
import { startSectorProgress } from './sectorProgress.js';
import { writeStdout } from '../standardStreams.js';
import type { WaitResult } from './untilFull.js';
import { untilFull } from './untilFull.js';

export interface StatusOptions {
  readonly json?: true;
  /** Milliseconds. */
  readonly timeout: number;
  /** Milliseconds to wait for full redundancy. */
  readonly waitFull?: number;
}

/** Pings for each process: the first answer of a new connection is slower than the others. */
const PING_COUNT = 3;

/** The rank of the only process that each client of this command knows. */
const ONLY_RANK = 1;

/** A process that answers pings, but no inquiry within so many milliseconds, does not understand inquiries. */
const REPORT_TIMEOUT_MS = 1_000;

/** Milliseconds between two statuses of the cluster while the command waits. */
const STATUS_PAUSE_MS = 500;

/** @returns the exit code. */
export async function status(command: Command, options: StatusOptions): Promise<number> {
  const config = await loadClientConfig(command);
  // The clients have no log, because the output shows every trouble. Each process has a client of its own, because a
  // client of all would send the read to any of them, and wait for it if that one hangs.
  const shared = connectOptions(config, options.timeout);
  const clients = config.processes.map((address) => openClient({ ...shared, processes: [address], mode: 'open' }));
  const together = openClient(shared);
  const inspect = () => inspectCluster(config, { clients, together }, options.timeout);
  try {
    const { waitFull } = options;
    const waiting = waitFull === undefined ? null : await waitUntilFull(inspect, waitFull);
    const result = waiting?.status ?? (await inspect());
    const waitedMs = waiting?.waitedMs ?? null;
    const json = { ...result, ...(waitedMs !== null && { waitedMs }) };
    await writeStdout(options.json === true ? `${JSON.stringify(json)}\n` : describeStatus(result, waitedMs));
    const isAgreed = result.disagreements.length === 0;
    const isWell = waiting === null ? result.quorum && isAgreed : result.redundancy.settled;
    return isWell ? EXIT_SUCCESS : EXIT_FAILURE;
  } finally {
    await Promise.all([...clients, together].map((client) => client.close()));
  }
}

async function waitUntilFull(inspect: () => Promise<ClusterStatus>, waitMs: number): Promise<WaitResult> {
  const progress = await startSectorProgress({
    label: 'redundancy',
    stream: process.stderr,
    nowMs: () => performance.now(),
  });
  const waiting$ = untilFull({
    status$: defer(inspect),
    waitMs,
    pauseMs: STATUS_PAUSE_MS,
    scheduler: monotonicClock,
  });
  try {
    return await lastValueFrom(
      waiting$.pipe(
        tap(({ sectors }) => {
          progress.moveTo(sectors);
        }),
      ),
    );
  } finally {
    progress.stop();
  }
}

/** A client of each process, and one of all of them. */
interface Clients {
  readonly clients: readonly AtomicDiskClient[];
  readonly together: AtomicDiskClient;
}

async function inspectCluster(config: ClusterConfig, parts: Clients, timeoutMs: number): Promise<ClusterStatus> {
  const { clients } = parts;
  const asked = config.processes.map((address, index) => askProcess(clients[index], index + 1, address, timeoutMs));
  const [read, ...processes] = await Promise.all([firstRead(parts, asked), ...asked]);
  const disagreements = disagreementsOf(processes, config.sectors);
  return { processes, ...read, disagreements, redundancy: redundancyOf(processes, disagreements) };
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
    const reportTimeoutMs = Math.min(REPORT_TIMEOUT_MS, timeoutMs);
    const answer = await askReport(client, ONLY_RANK, 'status', reportTimeoutMs);
    const outcome =
      answer.kind === 'report'
        ? { report: answer.report, reportTrouble: null }
        : { report: null, reportTrouble: answer.trouble };
    return { rank, address, reachable: true, latencyMs, trouble: null, ...outcome };
  } catch (error) {
    const trouble = troubleOf(error);
    const untold = { report: null, reportTrouble: null };
    return { rank, address, reachable: false, latencyMs: null, trouble, ...untold };
  }
}

/**
 * Sends a read to every process, and one to all. One answer is enough, because a majority has been asked: by the
 * process, or in the strict mode by the client of all.
 * @param asked The answers to the inquiries: a fresh process is left out, because it would end the connection.
 */
async function firstRead(
  { clients, together }: Clients,
  asked: readonly Promise<ProcessStatus>[],
): Promise<Omit<ClusterStatus, 'processes' | 'disagreements' | 'redundancy'>> {
  try {
    const reads = clients.map(async (client, index) => {
      const { rank, report } = await asked[index];
      if (report?.standing !== 'fresh') return timeRead(client);
      const reason = `process ${rank} is not part of a cluster yet`;
      throw new AtomicDiskError('ATDD_TIMEOUT', reason);
    });
    const readLatencyMs = await Promise.any([...reads, timeRead(together)]);
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
