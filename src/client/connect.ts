/** The client library: src/client/diskClient.ts on TCP, with promises for results. */
import type { Observable } from 'rxjs';
import { asyncScheduler, firstValueFrom, lastValueFrom, timeout, throwError } from 'rxjs';
import type { SchedulerLike } from 'rxjs';
import type { Inquiry } from '../core/membership/memberMessage.js';
import type { Rank } from '../core/rank.js';
import { RANK_MAX } from '../core/rank.js';
import { AtomicDiskError } from '../errors.js';
import type { Log } from '../ports/log.js';
import { dialTcp } from '../shell/tcpConnection.js';
import { systemRandom } from '../shell/systemRandom.js';
import { turnScheduler } from '../shell/turnScheduler.js';
import { CLIENT_KEY_SIZE_BYTES } from '../wire/constants.js';
import { createTagger } from '../wire/tag.js';
import { CLIENT_DEFAULTS, CLIENT_TIMEOUTS_DEFAULT, CONNECTIONS_MAX, OUTSTANDING_MAX } from './clientDefaults.js';
import type { AttemptObserver, ClientCounters } from './clientEvents.js';
import type { ClientDisk } from './clientDisk.js';
import { ClusterDisk } from './clusterDisk.js';
import type { ClientTimeouts } from './diskClient.js';
import { DiskClient } from './diskClient.js';

export interface ProcessAddress {
  readonly host: string;
  readonly port: number;
}

/** Milliseconds: whole numbers from 1 to 2^31 - 1. */
export interface ConnectTimeouts extends Partial<ClientTimeouts> {
  /** `connect` fails with ATDD_TIMEOUT if no process has accepted a connection by then. Default: it waits. */
  readonly connectMs?: number;
}

export interface ConnectOptions {
  /** Every process of the cluster in the order of ranks, that of rank 1 first: 1 to 254 of them. */
  readonly processes: readonly ProcessAddress[];
  /** The client key of the processes: 32 bytes. */
  readonly clientKey: Uint8Array;
  /**
   * Number of sectors of the disk. If it is given, operations outside the disk are refused without asking a process. An
   * operation inside waits, with a warning in the log, as long as no process has its sector, because the disk is being
   * grown. If it is not given, an operation fails when no process has its sector.
   */
  readonly sectors?: number;
  /**
   * `auto`, the default: the processes are asked for the mode of the cluster, over one connection to each. `open`: they
   * are spoken to by READ and WRITE without asking.
   */
  readonly mode?: 'auto' | 'open';
  /** Of the open mode, beside the one over which it is asked for: 1 or more, default 1. */
  readonly connectionsPerProcess?: number;
  /**
   * Of the open mode: connections in all, shared out over the processes in turn; instead of `connectionsPerProcess`. 1
   * to 1024.
   */
  readonly connections?: number;
  /** Of the open mode: operations under way on one connection; more wait in the client. 1 to 255, default 64. */
  readonly outstandingPerConnection?: number;
  /** The largest number of sectors that one `read` or `write` has under way at a time. Default 256. */
  readonly windowSectors?: number;
  /**
   * Of the open mode: whether a read that takes much longer than usual is sent to a second process as well; the first
   * answer counts. Default: true. In the strict mode reads are asked of two processes of three anyway.
   */
  readonly hedgesReads?: boolean;
  /** See CLIENT_TIMEOUTS_DEFAULT. By default operations wait until the cluster answers. */
  readonly timeouts?: ConnectTimeouts;
  /**
   * Called, synchronously, at each step of each attempt; must not throw. In the strict mode an attempt is a message to
   * one replica (AttemptEvent), and each operation has several at the same time.
   */
  readonly onAttempt?: AttemptObserver;
  /** For unusual events: processes that cannot be reached, wrong tags. Default: nothing is logged. */
  readonly log?: Log;
}

/**
 * A disk. Operations may be called at any time, and any number of them at once. The client sends as many as it has room
 * for, one per sector at a time, in the order of the calls; the others wait.
 *
 * A cluster has a mode, which the client learns from its processes. In the *strict* mode (docs/strict-register.md) the
 * client speaks to all of them at once, and a majority is enough at every moment. In the *open* mode each operation
 * goes to one process, and to another one when that fails.
 *
 * Each operation fails with an AtomicDiskError whose `code` says why:
 * - ATDD_INVALID_SECTOR_INDEX, ATDD_RANGE: the disk has no such sector or range;
 * - ATDD_OUTCOME_UNKNOWN: other writes have hidden whether an `update` took effect;
 * - ATDD_TIMEOUT: `timeouts.operationMs` was given and has passed; ATDD_CLIENT_CLOSED: `close` was called. The message
 *   of a write says whether it may have taken effect;
 * - ATDD_AUTH_FAILURE: a process rejected a request's tag, although the keys agree: it was damaged on the way, and had
 *   no effect.
 */
export interface AtomicDiskClient {
  /**
   * Reads a sector: the data of the last write, or zeros if there was none.
   * @param index 0 to sectors - 1.
   * @returns its 4096 bytes, in memory of the caller's own.
   */
  readSector(index: number): Promise<Uint8Array>;
  /**
   * Writes a sector. Resolves when it is durable on a majority of the processes.
   * @param index 0 to sectors - 1.
   * @param data 4096 bytes; they are copied.
   */
  writeSector(index: number, data: Uint8Array): Promise<void>;
  /**
   * Changes a sector: "compare and write". In the strict mode no write of any client comes in between. In the open mode
   * no other operation of this client does, but one of another client may, and then its write is lost.
   *
   * `change` gets the 4096 bytes that are there, in memory of its own, and returns the 4096 bytes to be written. It may
   * be called several times, on different data, because others change the sector; what is stored need not be the result
   * of the last call. So judge by what `update` resolves to. To write nothing, return the data unchanged. If `change`
   * throws, `update` fails with that error; a result of an earlier call may still take effect.
   *
   * ```ts
   * const stored = await disk.update(7, (current) => (isFree(current) ? mine : current));
   * const isMine = Buffer.compare(stored, mine) === 0;
   * ```
   * Fails with ATDD_OUTCOME_UNKNOWN if the sector was changed by others so soon that it cannot be told whether this
   * update took effect before that. It took effect by now, or it never will: so read the sector, and decide.
   * @param index 0 to sectors - 1.
   * @returns the data that was stored, durable on a majority.
   */
  update(index: number, change: (current: Uint8Array) => Uint8Array): Promise<Uint8Array>;
  /**
   * Reads a range of bytes of the disk, many sectors in parallel. Each sector is read atomically; concurrent writes may
   * be seen in some sectors and not in others.
   * @param offsetBytes From the start of the disk.
   */
  read(offsetBytes: number | bigint, lengthBytes: number): Promise<Uint8Array>;
  /**
   * Writes a range of bytes of the disk, many sectors in parallel. Resolves when all of it is durable; if it fails, any
   * part of it may have been written. A sector that is written in part is changed as by
   * `update`.
   * @param offsetBytes From the start of the disk.
   * @param data Must not be changed until the promise is settled.
   */
  write(offsetBytes: number | bigint, data: Uint8Array): Promise<void>;
  /**
   * Asks one process for an answer that it gives without the other processes.
   * @param rank 1 to the number of processes.
   * @param timeoutMs Fails with ATDD_TIMEOUT after this many milliseconds. Default 2000.
   * @returns the time that the answer took, in milliseconds.
   */
  ping(rank: number, timeoutMs?: number): Promise<number>;
  /**
   * Asks one process for its status report: for example how many sectors it holds, how many of them are damaged, and
   * how many its peers have missed. The inquiry `scrub` also starts a scrub.
   * @param rank 1 to the number of processes.
   * @param timeoutMs Fails with ATDD_TIMEOUT after this many milliseconds. Default 2000. Foreign processes and those of
   * older versions do not answer.
   * @returns JSON (README, "Status") as the process sent it. The caller has to check it.
   */
  inquire(rank: number, inquiry: Inquiry, timeoutMs?: number): Promise<string>;
  /** The present values of the counters, in an object of their own. */
  readonly counters: Readonly<ClientCounters>;
  /**
   * Ends every connection. Operations that are not over fail with ATDD_CLIENT_CLOSED. Resolves when the connections are
   * gone, at most about a second later.
   */
  close(): Promise<void>;
}

/**
 * Opens a disk. Resolves when the first process has accepted a connection. The client connects to the others meanwhile,
 * and again whenever they come back.
 * @throws {AtomicDiskError} ATDD_USAGE for options that make no sense; ATDD_TIMEOUT if `timeouts.connectMs` was given
 * and no process has accepted a connection by then.
 */
export async function connect(options: ConnectOptions): Promise<AtomicDiskClient> {
  const { client, connected$ } = open(options);
  const connectMs = options.timeouts?.connectMs;
  const timedOut = (): AtomicDiskError =>
    new AtomicDiskError('ATDD_TIMEOUT', `no process took a connection within ${connectMs} ms`);
  const waited$ =
    connectMs === undefined
      ? connected$
      : connected$.pipe(timeout({ first: connectMs, with: () => throwError(timedOut) }));
  try {
    await lastValueFrom(waited$, { defaultValue: null });
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

/**
 * Like `connect`, but does not wait for a connection: for callers that want to know which processes are there.
 * @throws {AtomicDiskError} ATDD_USAGE for options that make no sense.
 */
export function openClient(options: ConnectOptions): AtomicDiskClient {
  return open(options).client;
}

/**
 * The same disk with Observables instead of promises, for programs that are streams themselves.
 * @throws {AtomicDiskError} ATDD_USAGE for options that make no sense.
 */
export function openDisk(options: ConnectOptions & { togetherMax?: number }): ClientDisk {
  return openCore(options);
}

const ANSWER_TIMEOUT_MS = 2_000;

/** The longest delay that timers of Node take, 24 days: with a longer one they run at once. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

const SILENT_LOG: Log = {
  debugEnabled: false,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** asyncScheduler, but with a clock that measures fractions of a millisecond and never steps back. */
const clock: SchedulerLike = {
  now: () => performance.now(),
  schedule: asyncScheduler.schedule.bind(asyncScheduler),
};

interface Opened {
  readonly client: AtomicDiskClient;
  readonly connected$: Observable<never>;
}

function open(options: ConnectOptions): Opened {
  const core = openCore(options);
  const ranks = options.mode === 'open' ? slotsOf(options) : options.processes.map((_, index) => index + 1);
  return { client: facadeOf(core, ranks), connected$: core.connected() };
}

function openCore(options: Parameters<typeof openDisk>[0]): ClientDisk {
  const { processes } = options;
  const timeouts = { ...CLIENT_TIMEOUTS_DEFAULT, ...options.timeouts };
  checkOptions(options, timeouts);
  const core = diskOf(
    {
      processCount: processes.length,
      slots: slotsOf(options),
      outstandingPerConnection: options.outstandingPerConnection ?? CLIENT_DEFAULTS.outstandingPerConnection,
      windowSectors: options.windowSectors ?? CLIENT_DEFAULTS.windowSectors,
      ...(options.sectors !== undefined && { sectors: options.sectors }),
      ...(options.togetherMax !== undefined && { togetherMax: options.togetherMax }),
      timeouts,
      hedgesReads: options.hedgesReads ?? true,
      tagger: createTagger(options.clientKey),
      ...(options.onAttempt !== undefined && { onAttempt: options.onAttempt }),
    },
    {
      dial: (rank) => dialTcp(processes[rank - 1]),
      schedulers: { clock, turn: turnScheduler },
      random: systemRandom(),
      log: options.log ?? SILENT_LOG,
    },
    options.mode,
  );
  // An error is a broken invariant: unhandled on purpose, it ends the program.
  core.run$.subscribe();
  return core;
}

function diskOf(
  options: ConstructorParameters<typeof ClusterDisk>[0],
  ports: ConstructorParameters<typeof ClusterDisk>[1],
  mode: ConnectOptions['mode'] = 'auto',
): ClientDisk {
  return mode === 'open' ? new DiskClient(options, ports) : new ClusterDisk(options, ports);
}

function facadeOf(core: ClientDisk, slots: readonly Rank[]): AtomicDiskClient {
  const done = async (result$: Observable<never>): Promise<void> => {
    await lastValueFrom(result$, { defaultValue: null });
  };
  const checkRank = (rank: Rank): void => {
    if (!slots.includes(rank)) throw usage(`no connection goes to a process of rank ${rank}`);
  };
  return {
    readSector: (index) => firstValueFrom(core.read(index)),
    writeSector: (index, data) => done(core.write(index, Uint8Array.from(data))),
    update: async (index, change) => Uint8Array.from(await firstValueFrom(core.update(index, onCopies(change)))),
    read: (offsetBytes, lengthBytes) => firstValueFrom(core.readRange(offsetBytes, lengthBytes)),
    write: (offsetBytes, data) => done(core.writeRange(offsetBytes, data)),
    ping: async (rank, timeoutMs = ANSWER_TIMEOUT_MS) => {
      checkRank(rank);
      return firstValueFrom(core.ping(rank, timeoutMs));
    },
    inquire: async (rank, inquiry, timeoutMs = ANSWER_TIMEOUT_MS) => {
      checkRank(rank);
      return firstValueFrom(core.inquire(rank, inquiry, timeoutMs));
    },
    get counters() {
      return { ...core.counters };
    },
    close: () => done(core.close()),
  };
}

/** The caller may keep or change what it gets and gives. */
function onCopies(change: (current: Uint8Array) => Uint8Array): (current: Uint8Array) => Uint8Array {
  return (current) => {
    const changed = change(Uint8Array.from(current));
    // Anything else is refused by the disk.
    return changed instanceof Uint8Array ? Uint8Array.from(changed) : changed;
  };
}

/** The process of each connection: the connections are shared out in turn. */
function slotsOf(options: ConnectOptions): Rank[] {
  const { processes, connectionsPerProcess = CLIENT_DEFAULTS.connectionsPerProcess } = options;
  const count = options.connections ?? connectionsPerProcess * processes.length;
  return Array.from({ length: count }, (_, index) => (index % processes.length) + 1);
}

function checkOptions(options: ConnectOptions, timeouts: ConnectTimeouts): void {
  const { processes, clientKey } = options;
  checkNumber('number of processes', processes.length, RANK_MAX);
  for (const { port } of processes) checkNumber('port', port, 65_535);
  if (clientKey.length !== CLIENT_KEY_SIZE_BYTES) {
    throw usage(`clientKey has ${CLIENT_KEY_SIZE_BYTES} bytes, not ${clientKey.length}`);
  }
  checkNumber('sectors', options.sectors ?? 1, Number.MAX_SAFE_INTEGER);
  checkNumber('connections', options.connections ?? 1, CONNECTIONS_MAX);
  checkNumber('connectionsPerProcess', options.connectionsPerProcess ?? 1, CONNECTIONS_MAX);
  checkNumber('number of connections', slotsOf(options).length, CONNECTIONS_MAX);
  checkNumber('outstandingPerConnection', options.outstandingPerConnection ?? 1, OUTSTANDING_MAX);
  checkNumber('windowSectors', options.windowSectors ?? 1, Number.MAX_SAFE_INTEGER);
  for (const [name, value] of Object.entries(timeouts)) {
    checkNumber(`timeouts.${name}`, Number(value), TIMEOUT_MS_MAX);
  }
}

function checkNumber(name: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return;
  throw usage(`${name} is a whole number from 1 to ${max}, not ${value}`);
}

function usage(text: string): AtomicDiskError {
  return new AtomicDiskError('ATDD_USAGE', text);
}
