/**
 * The supervisor of `atdd cluster`: composes one process for each rank, kept running, the signals that end them, and
 * the output. The only subscriptions of the command are here.
 */
import { connect as connectTcp } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Observable, OperatorFunction, SchedulerLike } from 'rxjs';
import { monotonicClock } from '../shell/monotonicClock.js';
import {
  connect,
  debounceTime,
  defer,
  distinct,
  EMPTY,
  filter,
  finalize,
  from,
  ignoreElements,
  lastValueFrom,
  map,
  merge,
  mergeMap,
  ReplaySubject,
  retry,
  skip,
  startWith,
  switchMap,
  take,
  takeUntil,
  tap,
  timer,
} from 'rxjs';
import type { Address } from '../../config/address.js';
import { SHUTDOWN_SLACK_MS } from '../../config/limits.js';
import type { ProcessConfig } from '../../config/load.js';
import type { Rank } from '../core/rank.js';
import { AtomicDiskError } from '../errors.js';
import { ownHosts } from '../surroundings.js';
import { endSignal$, reload$ } from '../serve/hangup.js';
import type { Member, MemberEvent, SupervisorEvent } from './keepRunning.js';
import { keepRunning } from './keepRunning.js';
import { localRanks } from './localHost.js';
import { spawnChild } from './spawnChild.js';
import type { StopRequest } from '../serve/stopRequests.js';
import { stopRequests } from '../serve/stopRequests.js';
import { addressOf, clusterReport } from './clusterReport.js';

export interface SuperviseOptions {
  /** The program for a rank: arguments of Node, the program first. */
  readonly argsOf?: (rank: Rank) => readonly string[];
  /** The program for the NBD gateway, if there is to be one. */
  readonly gatewayArgs?: readonly string[];
  /** Emits for each signal that asks to end. */
  readonly signals$?: Observable<unknown>;
  /** Emits for each signal that asks to read the configuration again. */
  readonly hangup$?: Observable<unknown>;
  /** How long the processes may take to end in good order before they are killed. */
  readonly patienceMs?: number;
  readonly scheduler?: SchedulerLike;
  readonly write?: (line: string) => void;
  /** Whether each line of the output is a JSON object, for programs. Default: as the processes log. */
  readonly isJson?: boolean;
}

const PROGRAM = fileURLToPath(new URL('../../main.js', import.meta.url));

/** Added to the time that a process allows itself to end in good order, so that it is killed only if it hangs. */
const PATIENCE_EXTRA_MS = 2_000;

/** When all processes listen and nothing was logged for so long, the commands to try are shown. */
const SETTLE_MS = 1_000;
/** They are shown after this time in any case. */
const SETTLE_MS_MAX = 5_000;

/** How long after the processes the NBD gateway is started (milliseconds). */
const GATEWAY_START_MS = 1_000;

/** Milliseconds between two attempts to connect to a process that was just started. */
const PROBE_INTERVAL_MS = 50;

/**
 * Runs until a signal ends it.
 * @returns the exit code: 0 if all processes ended in good order because they were asked to
 */
export async function supervise(config: ProcessConfig, options: SuperviseOptions = {}): Promise<number> {
  const {
    argsOf = (rank: Rank) => argsToRun(config, rank),
    gatewayArgs = [PROGRAM, 'nbd', '--config', config.file],
    signals$ = endSignal$,
    hangup$ = reload$,
    patienceMs = config.timeouts.shutdownMs + SHUTDOWN_SLACK_MS + PATIENCE_EXTRA_MS,
    scheduler = monotonicClock,
    write = (line) => process.stdout.write(`${line}\n`),
    isJson = config.log.format === 'json' || (config.log.format === 'auto' && !process.stdout.isTTY),
  } = options;
  const ranks = ranksToRun(config);
  const stop$ = new ReplaySubject<StopRequest>(2);
  const requests = stopRequests({ signals$, patienceMs, scheduler }).subscribe(stop$);
  const env = childEnvironment(config);
  const report = clusterReport({ config, ranks, write, isJson });
  const reporting = stop$.subscribe({ next: report.stopping, error: report.failed });
  const run = (member: Member): Observable<MemberEvent> => {
    const child$ = spawnChild({
      args: member === 'nbd' ? gatewayArgs : argsOf(member),
      env,
      stop$,
      reload$: hangup$,
    });
    return keepRunning({ child$, stop$, scheduler }).pipe(
      withListening(addressOf(config, member), scheduler),
      map((event): MemberEvent => ({ member, event })),
    );
  };
  // The gateway is started later, so that it does not delay the start of the processes.
  const gateway$: Observable<Member> =
    config.nbd === null
      ? EMPTY
      : timer(GATEWAY_START_MS, scheduler).pipe(
          map((): Member => 'nbd'),
          takeUntil(stop$),
        );
  report.starting();
  const done$ = merge(from<readonly Member[]>(ranks), gateway$).pipe(
    mergeMap(run),
    tap(report.happened),
    connect((events$) =>
      merge(
        events$,
        events$.pipe(
          allListening(ranks.length + (config.nbd === null ? 0 : 1)),
          // The logs of the start are shown first, so that this stays visible.
          switchMap(() => quiet(events$, scheduler)),
          tap(report.settled),
          ignoreElements(),
          takeUntil(stop$),
        ),
      ),
    ),
    finalize(() => {
      requests.unsubscribe();
      reporting.unsubscribe();
    }),
  );
  await lastValueFrom(done$, { defaultValue: null });
  return report.exitCode();
}

function argsToRun({ file, processes }: ProcessConfig, rank: Rank): string[] {
  const args = [PROGRAM, 'run', '--config', file, '--rank', String(rank)];
  // All processes run here: so they are the founders, and no other process could object.
  return processes.length === 1 ? [...args, '--found'] : args;
}

/** @throws {AtomicDiskError} if no process runs on this machine, or if the processes could not run together. */
function ranksToRun({ processes, storagePattern, file }: ProcessConfig): readonly Rank[] {
  const ranks = localRanks(processes, ownHosts());
  if (ranks.length === 0) {
    throw new AtomicDiskError('ATDD_USAGE', `${file}: no process has an address of this machine`);
  }
  if (ranks.length > 1 && !storagePattern.includes('{rank}')) {
    const text = `${file}: storage: found one folder for all processes; expected "{rank}" in it`;
    throw new AtomicDiskError('ATDD_CONFIG_INVALID', text);
  }
  return ranks;
}

/** Emits once: when no event has come for a moment, or after a longer time in any case. */
function quiet(events$: Observable<unknown>, scheduler: SchedulerLike): Observable<unknown> {
  const silent$ = events$.pipe(startWith(null), debounceTime(SETTLE_MS, scheduler));
  return merge(silent$, timer(SETTLE_MS_MAX, scheduler)).pipe(take(1));
}

/** Emits once: when each of so many programs has accepted a connection. */
function allListening(count: number): OperatorFunction<MemberEvent, unknown> {
  return (events$) =>
    events$.pipe(
      filter(({ event }) => event.kind === 'listening'),
      map(({ member }) => member),
      distinct(),
      skip(count - 1),
      take(1),
    );
}

/** On a terminal the processes log for people, as they would if each had a terminal of its own. */
function childEnvironment({ log }: ProcessConfig): Record<string, string | undefined> {
  const pretty = log.format === 'auto' && process.stdout.isTTY;
  return pretty ? { ...process.env, ATDD_LOG_FORMAT: 'pretty' } : process.env;
}

/** Adds the event `listening` once the process that was started accepts connections. */
function withListening(
  address: Address,
  scheduler: SchedulerLike,
): (events$: Observable<SupervisorEvent>) => Observable<MemberEvent['event']> {
  const listening$ = defer(() => canConnect(address)).pipe(
    retry({ delay: () => timer(PROBE_INTERVAL_MS, scheduler) }),
    map(() => ({ kind: 'listening' }) as const),
  );
  return connect((events$) =>
    merge(
      events$,
      events$.pipe(
        filter(({ kind }) => kind === 'started' || kind === 'ended'),
        switchMap(({ kind }) => (kind === 'started' ? listening$ : EMPTY)),
      ),
    ),
  );
}

/** Resolves when a connection could be made, and closes it at once. Rejects if none could be made. */
async function canConnect({ host, port }: Address): Promise<void> {
  const socket = connectTcp({ host, port });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
  } finally {
    socket.destroy();
  }
}
