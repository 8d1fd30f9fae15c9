/**
 * Runs the tasks of operations against the replicas: src/core/strict/coordinate.ts decides, and this carries it out.
 *
 * ```
 * start ─► beginTask ─► effects ─► requests ─► ReplicaPort
 *             ▲                                    │
 *          stepTask ◄── answers, up, down, alarms ─┘
 * ```
 *
 * Bounds: the operations that were given to it and are not over; of those whose users have their results, at most
 * `limits.concluding` with `limits.concludingBytes`. For replicas see replica.ts.
 */
import type { Observable } from 'rxjs';
import { ReplaySubject, ignoreElements, merge, takeUntil, tap } from 'rxjs';
import { unreachable } from '../core/assert.js';
import type { Rank } from '../core/rank.js';
import { beginTask, isOver, stepTask } from '../core/strict/coordinate.js';
import type { CoordinationStep, CoordinatorView } from '../core/strict/coordination.js';
import type { RangeData, ReplicaRequest } from '../core/strict/replicaMessage.js';
import type { PartEffect, TaskEvent } from '../core/strict/task.js';
import { AtomicDiskError } from '../errors.js';
import { Alarms } from './alarms.js';
import { ChangeFailure } from './changeFailure.js';
import { CountersUsedUp } from './countersUsedUp.js';
import type { CoordinatorOptions } from './coordinatorOptions.js';
import { Deadlines } from './deadlines.js';
import { KnownIncarnations, StampSource } from './heard.js';
import { HedgeDelay } from './latencies.js';
import { pauseMs } from './pauses.js';
import type { RangeOperation } from './rangeOperation.js';
import { dataRead, describeOutcome, noteDone } from './rangeOperation.js';
import { Replica } from './replica.js';
import type { ReceivedAnswer, ReplicaPort } from './replicaPort.js';

export type TaskOutcome =
  | { readonly kind: 'done'; readonly data: RangeData | null }
  /** An update that another write has hidden. */
  | { readonly kind: 'unknown' }
  /** The function of an update has failed, or no stamp is left. */
  | { readonly kind: 'failed'; readonly error: unknown };

/** The largest range of which a query with data tells how near a replica is: more data takes time of its own. */
const NEARNESS_SECTORS_MAX = 16;

/**
 * An update leaps only after so many refusals. A leap takes precedence of whoever is between ORDER and STORE: to a
 * write that costs time, but an update may become unknown by it. Among writers updates get on more slowly for that.
 */
const UPDATE_PATIENCE = 2;

/** How long the order of the replicas is used before it is looked at again (milliseconds). */
const ORDER_MS = 1;

export class TaskRunner {
  /** Takes in what the ports say: to be subscribed to once. Completes after `close`. */
  readonly run$: Observable<never>;
  readonly alarms: Alarms;
  readonly #replicas: readonly Replica<RangeOperation>[];
  readonly #stamps: StampSource;
  readonly #incarnations: KnownIncarnations;
  readonly #hedge: HedgeDelay;
  /** Operations that are not over. */
  readonly #active = new Set<RangeOperation>();
  /** Those of them whose users have their results, oldest first. */
  readonly #concluding: Deadlines<RangeOperation>;
  #concludingBytes = 0;
  /** The replicas that are watched because they are behind. */
  readonly #behind = new Set<Rank>();
  readonly #view: CoordinatorView;
  /** The ranks, nearest first, and when that was looked at. */
  #order: readonly Rank[];
  #orderMs = -Infinity;
  readonly #closing = new ReplaySubject<void>(1);

  /** @param finished Called once for each operation that was started and not forgotten, when its result is known. */
  constructor(
    private readonly options: CoordinatorOptions,
    private readonly finished: (operation: RangeOperation, outcome: TaskOutcome) => void,
  ) {
    const { id, processCount, ports, schedulers, limits } = options;
    this.alarms = new Alarms(schedulers.clock);
    this.#replicas = ports.toSorted((a, b) => a.rank - b.rank).map((port) => new Replica(port, limits));
    this.#stamps = new StampSource(id);
    this.#incarnations = new KnownIncarnations(processCount);
    this.#hedge = new HedgeDelay(limits.hedge);
    this.#concluding = new Deadlines(this.alarms, limits.concludeMs, (operation) => {
      this.#conclude(operation);
    });
    this.#order = this.#replicas.map(({ rank }) => rank);
    this.#view = this.#createView();
    this.run$ = merge(...ports.map((port) => this.#listen(port))).pipe(takeUntil(this.#closing));
  }

  get concludingCount(): number {
    return this.#concluding.size;
  }

  /** Requests that the replicas have not answered, that of rank 1 first. */
  get unansweredCounts(): readonly number[] {
    return this.#replicas.map(({ unansweredCount }) => unansweredCount);
  }

  start(operation: RangeOperation): void {
    operation.place = 'running';
    this.#active.add(operation);
    this.#run(operation, () => beginTask(operation.task, operation.range, this.#view));
  }

  /** Nothing more is done for the operation. What it has promised or stored is settled by others. */
  forget(operation: RangeOperation): void {
    const isHealed = operation.place === 'concluding' && operation.task.kind === 'heal';
    operation.place = 'over';
    operation.coordination = null;
    this.#active.delete(operation);
    if (this.#concluding.delete(operation)) this.#concludingBytes -= operation.bytes;
    if (isHealed) operation.caller.complete();
  }

  /** Says CONCLUDED of what was stored, and forgets everything. */
  close(): void {
    for (const operation of [...this.#active]) {
      if (operation.place === 'concluding') this.#conclude(operation);
      this.forget(operation);
    }
    this.alarms.clear();
    this.#closing.next();
  }

  #createView(): CoordinatorView {
    const order = (): readonly Rank[] => this.#ordered();
    const incarnations = (): readonly number[] => this.#incarnations.all;
    return {
      processCount: this.options.processCount,
      get order() {
        return order();
      },
      get incarnations() {
        return incarnations();
      },
      isUp: (rank) => this.#replicas[rank - 1].isUsable,
      draw: () => this.#stamps.draw(),
    };
  }

  #listen(port: ReplicaPort): Observable<never> {
    const replica = this.#replicas[port.rank - 1];
    const isUp$ = port.isUp$.pipe(
      tap((isUp) => {
        replica.setUp(isUp);
        this.#tellAll({ kind: isUp ? 'up' : 'down', rank: replica.rank });
      }),
    );
    const answer$ = port.answer$.pipe(
      tap((received) => {
        this.#answered(replica, received);
      }),
    );
    return merge(isUp$, answer$).pipe(ignoreElements());
  }

  #answered(replica: Replica<RangeOperation>, { request: number, answer, incarnations }: ReceivedAnswer): void {
    const sent = replica.take(number);
    if (sent === null) return;
    const { owner, request, sentMs } = sent;
    this.#measure(replica, request, this.alarms.nowMs - sentMs);
    this.#stamps.hear(answer);
    if (this.#incarnations.learn(incarnations)) {
      this.#tellAll({ kind: 'incarnations', known: this.#incarnations.all });
    }
    const { rank } = replica;
    this.#step(owner, { kind: 'answer', from: rank, request, answer, incarnation: incarnations[rank - 1] });
    this.#checkBehind(replica);
  }

  #measure(replica: Replica<RangeOperation>, request: ReplicaRequest, latencyMs: number): void {
    if (request.kind !== 'query') return;
    this.#hedge.add(latencyMs);
    if (request.wantsData && request.range.count > NEARNESS_SECTORS_MAX) return;
    if (replica.nearness.add(latencyMs)) this.#orderMs = -Infinity;
  }

  #tellAll(event: TaskEvent): void {
    for (const operation of [...this.#active]) this.#step(operation, event);
  }

  /** A replica that has caught up is as one that has come back, but for operations that it has still to answer. */
  #checkBehind(replica: Replica<RangeOperation>): void {
    if (!replica.catchUp()) return;
    const asking = replica.owners();
    for (const operation of [...this.#active]) {
      if (!asking.has(operation)) this.#step(operation, { kind: 'up', rank: replica.rank });
    }
  }

  #watchBehind(replica: Replica<RangeOperation>): void {
    if (!replica.isBehind || this.#behind.has(replica.rank)) return;
    this.#behind.add(replica.rank);
    this.alarms.after(this.options.limits.behindCheckMs, () => {
      this.#behind.delete(replica.rank);
      this.#checkBehind(replica);
      this.#watchBehind(replica);
    });
  }

  #step(operation: RangeOperation, event: TaskEvent): void {
    const { coordination } = operation;
    if (coordination === null) return;
    this.#run(operation, () => stepTask(coordination, event, this.#view));
  }

  #run(operation: RangeOperation, decide: () => CoordinationStep): void {
    let decided: CoordinationStep;
    try {
      decided = decide();
    } catch (error) {
      const failure = failureOf(error, operation);
      const isWaitedFor = operation.place === 'running';
      this.forget(operation);
      if (isWaitedFor) this.finished(operation, { kind: 'failed', error: failure });
      return;
    }
    operation.coordination = decided.coordination;
    for (const effect of decided.effects) {
      // The user of an operation that is done may have closed this.
      if (!this.#active.has(operation)) return;
      this.#perform(operation, effect);
    }
    if (isOver(decided.coordination)) this.forget(operation);
  }

  #perform(operation: RangeOperation, { range, effect }: PartEffect): void {
    switch (effect.kind) {
      case 'send':
        if (effect.request.kind === 'store') operation.hasStored = true;
        this.#send(this.#replicas[effect.to - 1], operation, effect.request);
        break;
      case 'hedgeLater':
        this.alarms.after(this.#hedge.delayMs, () => {
          this.#step(operation, { kind: 'hedge', range });
        });
        break;
      case 'pause': {
        const { limits, random } = this.options;
        this.alarms.after(pauseMs(effect, limits.pauses, random.fraction()), () => {
          if (operation.task.kind !== 'update') this.#stamps.leap(effect.attempt);
          else if (effect.attempt > UPDATE_PATIENCE) this.#stamps.leap(effect.attempt - UPDATE_PATIENCE);
          this.#step(operation, { kind: 'resume', range });
        });
        break;
      }
      case 'done':
        if (!noteDone(operation, range, effect.data)) break;
        this.#finish(operation, { kind: 'done', data: dataRead(operation) });
        break;
      case 'unknown':
        this.#finish(operation, { kind: 'unknown' });
        break;
      case 'concluded': {
        const { stamp, lacking } = effect;
        if (operation.task.kind === 'heal') operation.caller.next({ range, lacking });
        for (const replica of this.#replicas) {
          if (!replica.isUsable) continue;
          this.#send(replica, operation, { kind: 'concluded', range, stamp, lacking });
        }
        break;
      }
      default:
        unreachable(effect);
    }
  }

  #send(replica: Replica<RangeOperation>, operation: RangeOperation, request: ReplicaRequest): void {
    replica.send(operation, request, this.alarms.nowMs);
    this.#watchBehind(replica);
  }

  #finish(operation: RangeOperation, outcome: TaskOutcome): void {
    const { limits } = this.options;
    operation.place = 'concluding';
    this.#concluding.add(operation);
    this.#concludingBytes += operation.bytes;
    this.finished(operation, outcome);
    while (this.#concluding.size > limits.concluding || this.#concludingBytes > limits.concludingBytes) {
      const oldest = this.#concluding.first;
      if (oldest === undefined) break;
      this.#conclude(oldest);
    }
  }

  /** Answers of the operation are waited for no longer. */
  #conclude(operation: RangeOperation): void {
    this.#step(operation, { kind: 'conclude' });
    this.forget(operation);
  }

  /** Replicas that have not answered for longer than is usual come last; of the others the nearest first. */
  #ordered(): readonly Rank[] {
    const { nowMs } = this.alarms;
    if (nowMs - this.#orderMs < ORDER_MS) return this.#order;
    this.#orderMs = nowMs;
    const { id, processCount } = this.options;
    const isSilent = (replica: Replica<RangeOperation>): number =>
      nowMs - replica.oldestMs > this.#hedge.delayMs ? 1 : 0;
    // Coordinators differ in the order of equally near replicas, so that these share the load.
    const place = ({ rank }: Replica<RangeOperation>): number => (rank + id.charCodeAt(0)) % processCount;
    this.#order = this.#replicas
      .toSorted((a, b) => isSilent(a) - isSilent(b) || a.nearness.step - b.nearness.step || place(a) - place(b))
      .map(({ rank }) => rank);
    return this.#order;
  }
}

/** What fails the operation. @throws the error if it is a broken invariant. */
function failureOf(error: unknown, operation: RangeOperation): unknown {
  if (error instanceof ChangeFailure) return error.failure;
  if (!(error instanceof CountersUsedUp)) throw error;
  return new AtomicDiskError('ATDD_COUNTERS_USED_UP', `${describeOutcome(operation)}: ${error.message}`);
}
