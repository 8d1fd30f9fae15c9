/**
 * The composition root of a process: puts it together from its options and ports. It knows no socket, no file and no
 * clock, so that the simulation starts exactly what production runs.
 */
import type { SchedulerLike, Subscription } from 'rxjs';
import {
  EMPTY,
  Observable,
  Subject,
  concat,
  concatMap,
  defer,
  distinctUntilChanged,
  endWith,
  filter,
  map,
  merge,
  shareReplay,
  take,
  tap,
  timer,
} from 'rxjs';
import { assert } from './core/assert.js';
import type { ProcessCounters } from './core/counters.js';
import { countWrite, newCounters } from './core/counters.js';
import type { Ledger } from './core/ledger.js';
import { Coordinator } from './coordinator/coordinator.js';
import { COORDINATOR_LIMITS_DEFAULT } from './coordinator/coordinatorLimits.js';
import type { MemberState } from './core/membership/identity.js';
import { incarnationsOf } from './core/membership/membership.js';
import type { RegisterMode } from './core/membership/registerMode.js';
import { REGISTER_MODES } from './core/membership/registerMode.js';
import type { MembershipOptions } from './core/membership/state.js';
import type { Inquiry } from './core/membership/memberMessage.js';
import type { Rank } from './core/rank.js';
import { ranksBut } from './core/rank.js';
import { newMissedLog } from './core/repair/missedLog.js';
import type { Shard } from './core/shard.js';
import { modeWanted } from './core/membership/transition.js';
import type { Connection } from './ports/connection.js';
import type { Log } from './ports/log.js';
import type { StrictStore } from './ports/strictStore.js';
import { ProcessLog } from './processLog.js';
import { FEATURE_BUNDLES, FEATURE_HELLO, FEATURE_PACKS } from './wire/constants.js';
import { Packer } from './wire/strict/pack.js';
import { countedTagger, createTagger } from './wire/tag.js';
import type { VerdictOptions } from './wire/verdict.js';
import { drained, endConnections, idle } from '../streams/pipelines/draining.js';
import type { ProcessOutput } from '../streams/pipelines/process.js';
import type { StatusReport } from '../streams/pipelines/status/statusReport.js';
import type { MembershipState } from '../streams/pipelines/membership/membershipState.js';
import { keepIdentity, openMembership } from '../streams/pipelines/membership/membershipState.js';
import { membershipReports } from '../streams/pipelines/membership/membershipReports.js';
import { processPipeline } from '../streams/pipelines/process.js';
import type {
  ProcessLimits,
  ProcessPipelineOptions,
  ProcessPorts,
  ProcessTimeouts,
} from '../streams/pipelines/processOptions.js';
import { BootNumber } from '../streams/pipelines/membership/bootNumber.js';
import type { ProcessStats, ProcessState, ProcessStateOptions } from '../streams/pipelines/processState.js';
import { statsOf, newProcessState } from '../streams/pipelines/processState.js';
import { OwnPort } from '../streams/pipelines/replica/ownPort.js';
import { PeerPort } from '../streams/pipelines/replica/peerPort.js';
import { newReplicaState } from '../streams/pipelines/replica/replicaState.js';
import type { StrictLimits } from '../streams/pipelines/replica/strictLimits.js';
import type { StrictPart } from '../streams/pipelines/replica/strictPart.js';
import type { RepairLimits } from '../streams/pipelines/repair/repairOptions.js';
import { answerTo } from '../streams/pipelines/status/inquiries.js';
import { Exchange } from '../streams/pipelines/repair/exchange.js';

export interface ProcessOptions {
  readonly rank: Rank;
  /** Number of processes of the cluster: 1 to 254. */
  readonly processCount: number;
  /** Number of sectors of the disk. */
  readonly sectors: number;
  /** The part of the sectors that is kept here; null, the default: all. */
  readonly shard?: Shard | null;
  /** 32 bytes. */
  readonly clientKey: Uint8Array;
  /** 64 bytes. */
  readonly systemKey: Uint8Array;
  readonly limits: ProcessLimits;
  /** Digest of the list of addresses: 16 bytes, as latin1 (src/shell/addressesDigest.ts). */
  readonly addresses: string;
  /** Whether an operator vouches that there is no cluster yet: see src/core/membership/founding.ts. */
  readonly isFounder: boolean;
  /** Whether the storage folder is empty, but was in use before: see src/shell/storageMarker.ts. */
  readonly wasInUse: boolean;
  /** Whether the extension is used with peers that understand it (docs/peer-extension.md). Of the open mode alone. */
  readonly isExtended: boolean;
  readonly repair: RepairLimits;
  /**
   * strict: the process is a replica of the strict register (docs/strict-register.md), and a coordinator for clients of
   * the base protocol. Default: open.
   */
  readonly mode?: RegisterMode;
  /** Whether the process may have to go on in the other mode: see src/core/membership/transition.ts. Default: no. */
  readonly canChange?: boolean;
  readonly strictLimits: StrictLimits;
  readonly timeouts: ProcessTimeouts & {
    /** How long ending in good order may take, in milliseconds. */
    readonly shutdownMs: number;
  };
}

/** Of a process that goes on in the other mode. */
export interface Retired {
  /** Connections of clients that were ended, and that have to be destroyed later. */
  readonly connections: readonly Connection[];
}

export interface StartPorts extends ProcessPorts {
  readonly log: Log;
  /** The counters to which the store adds as well. Default: new ones. */
  readonly counters?: ProcessCounters;
  /** Needed in the strict mode. Over the same disk as `store`. */
  readonly strictStore?: StrictStore;
}

export interface RunningProcess {
  /** Fails when the process must stop at once: a broken invariant or an unusable disk. */
  readonly failure$: Observable<never>;
  /** Emits the member state, at once and whenever it changes. `member` is durable by then. */
  readonly memberState$: Observable<MemberState>;
  /** Completes once the process takes connections, which is not before its disk has an id (keepIdentity). */
  readonly ready$: Observable<never>;
  /** Sizes of what is in memory at this moment. */
  stats(): ProcessStats;
  /** Does what an inquiry asks for. @returns the status report after that. */
  inquire(inquiry: Inquiry): StatusReport;
  /**
   * Begins no more operations, lets those under way finish for at most `shutdownMs`, then ends everything. Completes
   * when that is done. It does not close the store.
   */
  close(): Observable<never>;
}

export interface ProcessOfOneMode extends RunningProcess {
  /** Emits when it has to go on in the other mode. Then `retire` it, and start it again: see src/startModes.ts. */
  readonly modeWanted$: Observable<RegisterMode>;
  /**
   * Begins no more operations, and waits until all processes have finished theirs, at most `patienceMs`. Then ends its
   * connections and everything else, as a crash does: operations that are left get no answer. Emits once when that is
   * done, and completes. It does not close the store, where puts may still be under way.
   */
  retire(patienceMs: number): Observable<Retired>;
}

export function startProcess(options: ProcessOptions, ports: StartPorts): ProcessOfOneMode {
  const { log, schedulers } = ports;
  const { rank } = options;
  const { random, store, notes, counters = newCounters() } = ports;
  const membership = openMembership(membershipOptions(options, ports), notes);
  const bootNumber = new BootNumber(notes);
  const taggers = taggersOf(options, counters);
  const exchange = new Exchange({ self: rank, systemTagger: taggers.systemTagger, random });
  const state = stateOf(options, { membership, exchange, counters, clock: schedulers.clock });
  const { ledger } = state;
  const failure$ = new Subject<never>();
  const ready$ = keepIdentity(membership, notes, schedulers.clock).pipe(shareReplay({ bufferSize: 1, refCount: true }));
  let isAdmitting = true;
  // All workers dial the same peers. So only the first one logs which of them cannot be reached.
  const isOfPeers = (options.shard?.index ?? 0) === 0;
  const processLog = new ProcessLog({ rank, log, clock: schedulers.clock, isOfPeers });

  const bootId = Buffer.from(random.operationId(), 'latin1').toString('hex');
  const strict = strictPart(options, ports, taggers, state);
  const parts = { bootId, strict, state, membership, bootNumber, isAdmitting: () => isAdmitting };
  const pipeline = pipelineOptions(options, parts, taggers);
  const error = (failure: unknown): void => {
    failure$.error(failure);
  };
  const subscription: Subscription = concat(ready$, processPipeline(pipeline, ports)).subscribe({
    next: (output) => {
      apply(output, state, processLog);
    },
    error,
  });
  subscription.add(membershipReports(membership, log, schedulers.clock).subscribe({ error }));

  return {
    failure$: failure$.asObservable(),
    memberState$: membership.memberState$,
    ready$,
    stats: () => statsOf(state),
    inquire: (inquiry) => answerTo(inquiry, pipeline, store),
    modeWanted$: modesWanted(membership),
    retire: (patienceMs) =>
      defer(() => {
        isAdmitting = false;
        return drained(state, membership, schedulers.clock, patienceMs);
      }).pipe(
        endWith(null),
        map(() => retired(state, subscription, log)),
      ),
    close: () =>
      new Observable<never>((subscriber) => {
        isAdmitting = false;
        return idleOrLate(ledger, options.timeouts.shutdownMs, schedulers.clock)
          .pipe(
            tap(() => {
              warnOfUnfinished(ledger, log);
            }),
            concatMap(() => stopped(strict)),
          )
          .subscribe({
            error: (failure: unknown) => {
              subscriber.error(failure);
            },
            complete: () => {
              subscription.unsubscribe();
              subscriber.complete();
            },
          });
      }),
  };
}

function membershipOptions(
  options: ProcessOptions,
  { store, random }: Pick<StartPorts, 'store' | 'random'>,
): MembershipOptions {
  const { rank, processCount, sectors, addresses, wasInUse, isFounder, mode = 'open', canChange = false } = options;
  return {
    self: { rank, processCount },
    configuration: { processCount, sectors, addresses, mode: REGISTER_MODES.indexOf(mode) },
    wasInUse,
    isFounder,
    canChange,
    hasData: () => store.counts().written > 0,
    draw: () => random.operationId(),
  };
}

/** @throws {AtomicDiskError} ATDD_STORE_CORRUPT if a note of the replica is not of its format. */
function strictPart(
  { rank, processCount, sectors, timeouts, strictLimits, mode = 'open' }: ProcessOptions,
  { strictStore: store, notes, schedulers, random }: StartPorts,
  { clientTagger, systemTagger }: ReturnType<typeof taggersOf>,
  { membership, repair }: ProcessState,
): StrictPart | null {
  if (mode === 'open') return null;
  assert(store !== undefined, 'a process of the strict mode has a store for it');
  const systemPacker = new Packer(rank, systemTagger);
  const incarnations = () => incarnationsOf(membership.current);
  const ownPort = new OwnPort({ rank, schedulers, incarnations });
  const peerPorts = ranksBut(rank, processCount).map((peer) => {
    const unansweredMs = timeouts.linkSilentMs;
    const unansweredMax = strictLimits.peerUnanswered;
    return new PeerPort({ rank: peer, packer: systemPacker, schedulers, unansweredMs, unansweredMax });
  });
  const coordinator = new Coordinator({
    ...{ id: random.operationId(), processCount, sectors, ports: [ownPort, ...peerPorts], schedulers, random },
    limits: COORDINATOR_LIMITS_DEFAULT,
  });
  return {
    store,
    state: newReplicaState({ self: rank, sectors, store, notes, schedulers, limits: strictLimits.replica }),
    limits: strictLimits,
    clientPacker: new Packer(rank, clientTagger),
    systemPacker,
    ownPort,
    peerPorts: new Map(peerPorts.map((port) => [port.rank, port])),
    healed: (count) => {
      repair.healedCount += count;
    },
    coordinator,
  };
}

function warnOfUnfinished({ entries: { size: operations } }: Ledger<unknown>, log: Log): void {
  if (operations === 0) return;
  log.warn('stopping with operations unfinished; their clients get no answer', { operations });
}

function retired(state: ProcessState, subscription: Subscription, log: Log): Retired {
  warnOfUnfinished(state.ledger, log);
  const connections = endConnections(state);
  subscription.unsubscribe();
  return { connections };
}

/** Emits in which mode the process has to go on, if not in the one that it has. */
function modesWanted({ transition$, current }: MembershipState): Observable<RegisterMode> {
  return transition$.pipe(
    map(() => modeWanted(current)),
    filter((mode) => mode !== null),
    distinctUntilChanged(),
  );
}

/** Completes when the next start knows that the replica was stopped in good order. */
function stopped(strict: StrictPart | null): Observable<never> {
  if (strict === null) return EMPTY;
  const { regionNotes, promises } = strict.state;
  return regionNotes.stop(promises.openRegions());
}

/** Emits once, when no operation is left or the time is over, and completes. */
function idleOrLate(ledger: Ledger<unknown>, timeoutMs: number, clock: SchedulerLike): Observable<unknown> {
  return merge(idle(ledger, clock), timer(timeoutMs, clock)).pipe(take(1));
}

function taggersOf({ clientKey, systemKey }: ProcessOptions, counters: ProcessCounters) {
  const tagger = (key: Uint8Array) => countedTagger(createTagger(key), counters);
  return { clientTagger: tagger(clientKey), systemTagger: tagger(systemKey) };
}

function stateOf(
  options: ProcessOptions,
  parts: Pick<ProcessStateOptions, 'membership' | 'exchange' | 'counters' | 'clock'>,
): ProcessState {
  const { rank, processCount, limits, timeouts } = options;
  const { retransmitMs, retransmitMsMax } = timeouts;
  // Members of the strict mode are all of this implementation, and say nothing of the other registers to each other.
  const openFeatures = options.isExtended ? FEATURE_BUNDLES | FEATURE_HELLO : 0;
  const features = options.mode === 'strict' ? FEATURE_HELLO | FEATURE_PACKS : openFeatures;
  const link = { retransmitMs, retransmitMsMax, repliesMax: limits.linkReplies, features };
  const missed = newMissedLog(ranksBut(rank, processCount), limits.missedChunks);
  return newProcessState({ self: { rank, processCount }, limits, link, missed, ...parts });
}

function apply(output: ProcessOutput, state: ProcessState, log: ProcessLog): void {
  switch (output.kind) {
    case 'write': {
      const { connection, chunks, isLast } = output.batch;
      if (chunks.length > 0) {
        const to = state.peerConnections.has(connection) ? 'peer' : 'client';
        countWrite(state.counters, to, chunks);
        connection.write(chunks);
      }
      if (isLast) connection.end();
      break;
    }
    case 'dropped':
      if (output.reason === 'badTag') state.badTags.add(output.remote);
      log.write(output);
      break;
    default:
      log.write(output);
  }
}

function pipelineOptions(
  options: ProcessOptions,
  parts: Pick<ProcessPipelineOptions, 'bootId' | 'strict' | 'state' | 'membership' | 'bootNumber' | 'isAdmitting'>,
  taggers: Pick<VerdictOptions, 'clientTagger' | 'systemTagger'>,
): ProcessPipelineOptions {
  const { rank, processCount, sectors, shard, limits, timeouts } = options;
  return {
    self: { rank, processCount },
    verdict: { self: rank, processCount, sectors, shard, ...taggers },
    ...parts,
    isExtended: options.isExtended && options.mode !== 'strict',
    repair: options.repair,
    limits,
    timeouts,
  };
}
