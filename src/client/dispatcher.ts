/**
 * Decides which operation goes over which connection, and sends operations again whose connection has failed. It is a
 * state machine of plain maps and sets: it has no timers and no sockets, only links that come and go.
 *
 * The rule that needs care is when to send a WRITE again, because a write that is sent again too early can undo a later
 * one. Say process 1 got our write of `a` and is slow: it has not yet asked the others for their stamps. We turn to
 * process 2, which writes `a` with stamp (5, 2): acknowledged. Then we write `b`, stamp (6, 2): acknowledged. Now
 * process 1 goes on with the first attempt. It asks, hears of (6, 2), and writes `a` with stamp (7, 1). Everyone reads
 * `a` again; `b`, which was acknowledged, is undone.
 *
 * So an attempt has to be unable to *choose a stamp* before the next is made. A process that loses a client's
 * connection drops the client's operations that have not begun their write phase. An operation that has begun it has
 * chosen its stamp already. From then on it is harmless, because our later writes get higher stamps
 * (docs/adr/0006-client-resubmission.md gives the limits of this). Hence:
 * - a READ is sent again at once, because it changes nothing;
 * - a WRITE is sent again when its connection is known closed: the other side has ended or reset it;
 * - while the connection to a silent process is being given up, its writes wait for the end of the connection;
 * - a WRITE whose connection ended on our side only is held until `release` is called (heldWrites.ts), which may be
 *   never. It keeps its sector until then, whether its caller still waits or not.
 *
 * An operation that a process refuses, because it has no such sector, has had no effect there. It is sent to another
 * process at once (linkChoice.ts). When all have refused it, it fails. But if the caller knows the size of the disk, it
 * waits, because the disk is being grown and will soon have the sector.
 *
 * Bound: the caller's unanswered calls, and the held writes. Each connection that ends on our side only adds at most as
 * many held writes as it takes requests.
 */
import { Observable } from 'rxjs';
import { assert, unreachable } from '../core/assert.js';
import type { ResponseStatus } from '../core/message.js';
import type { Rank } from '../core/rank.js';
import type { SectorData, SectorIndex } from '../core/sector.js';
import { ChangeFailure, guarded } from '../coordinator/changeFailure.js';
import { AtomicDiskError } from '../errors.js';
import type { AttemptEvent } from './clientEvents.js';
import type { DispatcherOptions } from './dispatcherOptions.js';
import type { PendingRequest, LostReason } from './pendingRequest.js';
import { HedgeDelay, HedgeQueue } from './open/hedging.js';
import type { Link } from './link.js';
import { LinkChoice } from './linkChoice.js';
import type { Operation, SectorRequest } from './operation.js';
import { begin, describeOutcome, refusal } from './operation.js';
import { createSectorQueues } from './sectorQueues.js';

/** A READ that may be sent to a second process as well. */
interface HedgeableRead {
  readonly operation: Operation;
  readonly attempt: number;
  readonly rank: Rank;
}

export class Dispatcher {
  private readonly queues = createSectorQueues<Operation>();
  private readonly choice: LinkChoice;
  /** Operations for a link, in order of insertion. Those that are sent again, and the WRITE of an update, go first. */
  private readonly urgent = new Set<Operation>();
  private readonly ready = new Set<Operation>();
  /**
   * Operations on sectors that some process has refused: they wait for room on a link to a process that may have them.
   */
  private readonly choosy = new Set<Operation>();
  /** Operations on sectors that every connected process has refused. */
  private readonly beyond = new Set<Operation>();
  private readonly hedgeDelay = new HedgeDelay();
  private readonly hedgeable = new HedgeQueue<HedgeableRead>();
  private closed = false;

  constructor(private readonly options: DispatcherOptions) {
    this.choice = new LinkChoice({
      counters: options.counters,
      nextRequestNumber: () => options.nextRequestNumber(),
      togetherMax: options.togetherMax ?? 0,
      onImproved: () => {
        this.pump();
      },
    });
  }

  /**
   * Begins when subscribed to. Emits what a read has read or an update has written, and completes, or fails with an
   * AtomicDiskError. To unsubscribe gives the operation up. If it has not been sent, it never will be. If it has, the
   * sector stays taken until the process has answered or can no longer carry the operation out.
   * @param timedOut$ When it emits, the operation fails with ATDD_TIMEOUT.
   */
  perform(request: SectorRequest, timedOut$: Observable<unknown> | null): Observable<SectorData> {
    return new Observable((subscriber) => {
      this.options.check(request);
      if (this.closed) {
        subscriber.error(new AtomicDiskError('ATDD_CLIENT_CLOSED', 'the client is closed'));
        return;
      }
      const operation = begin(request, subscriber);
      subscriber.add(() => {
        this.abandon(operation);
      });
      if (timedOut$ !== null) {
        const giveUp = (): void => {
          subscriber.error(new AtomicDiskError('ATDD_TIMEOUT', describeOutcome(operation)));
        };
        const error = (failure: unknown): void => {
          subscriber.error(failure);
        };
        subscriber.add(timedOut$.subscribe({ next: giveUp, error }));
      }
      if (this.queues.add(operation)) this.makeReady(operation, this.ready);
      this.pump();
    });
  }

  /** @param isOnTrial Whether the link is on trial, until `endTrial` is called. */
  addLink(link: Link, isOnTrial: boolean): void {
    this.choice.add(link, isOnTrial);
    this.reconsider();
  }

  endTrial(link: Link): void {
    this.choice.endTrial(link);
    this.pump();
  }

  /** The process at the other end has said whether it is a member. */
  setMember(link: Link, isMember: boolean): void {
    this.choice.setMember(link, isMember);
    this.pump();
  }

  /** To be called after the link has given its requests back. */
  removeLink(link: Link): void {
    this.choice.remove(link);
  }

  /** Sends the operations that every process has refused again. @returns whether some still wait. */
  askAgain(): boolean {
    this.choice.forgetSizes();
    this.reconsider();
    return this.beyond.size > 0;
  }

  /** Sends the operations for which there is a link. */
  pump(): void {
    if (this.closed) return;
    for (const source of [this.choosy, this.urgent, this.ready]) {
      for (const operation of source) {
        const link = this.choice.pick(operation);
        if (link !== undefined) {
          source.delete(operation);
          this.send(operation, link);
        } else if (this.choice.isRefusedByAll(operation.sector)) {
          source.delete(operation);
          this.putBeyond(operation);
        } else if (source !== this.choosy && this.choice.isRefusedBySome(operation.sector)) {
          source.delete(operation);
          this.choosy.add(operation);
        } else {
          // There is no room for the operations behind it either. In `choosy` a few of them may have to wait for it.
          break;
        }
      }
    }
  }

  /** Number of operations that are not over, including abandoned ones that keep their sector. */
  get operationCount(): number {
    return this.queues.all().length;
  }

  /** The sectors with operations that are not over, including abandoned ones. */
  sectorsInUse(): Iterable<SectorIndex> {
    return this.queues.sectors();
  }

  /** Fails all operations, those under way and later ones, with ATDD_CLIENT_CLOSED. */
  close(): void {
    this.closed = true;
    for (const operation of this.queues.all()) {
      const text = `the client was closed: ${describeOutcome(operation)}`;
      operation.caller.error(new AtomicDiskError('ATDD_CLIENT_CLOSED', text));
    }
  }

  /**
   * Sends reads that have taken too long (hedging.ts) to a second process as well. The first answer counts.
   * @returns whether there are reads to be watched.
   */
  hedge(): boolean {
    const { hedging, counters } = this.options;
    if (hedging === undefined || this.closed) return false;
    const nowMs = hedging.nowMs();
    const isWaiting = ({ operation, attempt }: HedgeableRead): boolean =>
      operation.place === 'sent' &&
      operation.stage === 'read' &&
      operation.attemptCount === attempt &&
      !operation.abandoned;
    for (const read of this.hedgeable.takeDue(nowMs, this.hedgeDelay.delayMs, isWaiting)) {
      const link = this.choice.pick(read.operation, read.rank);
      if (link === undefined) {
        this.hedgeable.add(read, nowMs);
        continue;
      }
      counters.hedgedReads += 1;
      this.choice.readHedged(read.rank);
      this.send(read.operation, link);
    }
    return !this.hedgeable.isEmpty;
  }

  private send(operation: Operation, link: Link): void {
    const { counters } = this.options;
    operation.place = 'sent';
    const isFirst = operation.inFlightCount === 0;
    operation.attemptCount += 1;
    operation.inFlightCount += 1;
    if (operation.stage === 'read') counters.readsSent += 1;
    else counters.writesSent += 1;
    link.send(this.pendingRequest(operation, link));
    if (operation.stage === 'read' && isFirst) this.watch(operation, link.rank);
  }

  private watch(operation: Operation, rank: Rank): void {
    const { hedging } = this.options;
    if (hedging === undefined) return;
    const isFirst = this.hedgeable.isEmpty;
    this.hedgeable.add({ operation, attempt: operation.attemptCount, rank }, hedging.nowMs());
    if (isFirst) hedging.onReadsUnderWay();
  }

  private pendingRequest(operation: Operation, link: Link): PendingRequest {
    const { rank } = link;
    const { stage: kind, sector, data, attemptCount: attempt } = operation;
    const { hedging, onAttempt } = this.options;
    const sentMs = hedging?.nowMs() ?? 0;
    const observe = (event: AttemptEvent['event']): void => onAttempt?.({ kind, sector, rank, attempt, event });
    // A hedged read may be answered twice. By then the operation is over, or in its next stage.
    const isCurrent = (): boolean => operation.place === 'sent' && operation.stage === kind;
    observe('sent');
    return {
      kind,
      requestNumber: this.options.nextRequestNumber(),
      sector,
      ...(data !== undefined && { data }),
      answered: (status, answer) => {
        this.options.counters.answers += 1;
        this.choice.answered(link);
        observe('answered');
        if (isCurrent()) {
          operation.inFlightCount -= 1;
          if (hedging !== undefined && kind === 'read' && status === 'ok') {
            this.hedgeDelay.add(hedging.nowMs() - sentMs);
          }
          this.answered(operation, link, status, answer);
        } else {
          this.pump();
        }
      },
      lost: (reason) => {
        observe('lost');
        if (isCurrent()) {
          operation.inFlightCount -= 1;
          this.lost(operation, link, reason);
        }
      },
    };
  }

  private answered(operation: Operation, link: Link, status: ResponseStatus, data: SectorData | null): void {
    switch (status) {
      case 'ok':
        this.succeeded(operation, data);
        break;
      case 'authFailure':
        this.fail(operation, status);
        break;
      case 'invalidSectorIndex':
        this.choice.refused(link, operation.sector);
        this.options.onSmaller(link.rank, operation.sector);
        operation.refusedCount += 1;
        // The other attempt may still be answered.
        if (operation.inFlightCount === 0) this.letGo(operation);
        break;
      default:
        unreachable(status);
    }
    this.pump();
  }

  private succeeded(operation: Operation, data: SectorData | null): void {
    const { request, stage, caller } = operation;
    const result = stage === 'read' ? data : operation.data;
    assert(result != null, 'an answered operation has data');
    if (request.kind === 'update' && stage === 'read' && !operation.abandoned) {
      try {
        operation.data = guarded(request.change)(result);
      } catch (error) {
        if (!(error instanceof ChangeFailure)) throw error;
        this.leaveQueue(operation);
        caller.error(error.failure);
        return;
      }
      operation.stage = 'write';
      operation.attemptCount = 0;
      operation.refusedCount = 0;
      operation.inFlightCount = 0;
      this.makeReady(operation, this.urgent);
      return;
    }
    this.leaveQueue(operation);
    if (request.kind !== 'write') caller.next(result);
    caller.complete();
  }

  private lost(operation: Operation, link: Link, reason: LostReason): void {
    assert(reason !== 'left' || operation.stage === 'read', 'a WRITE stays with its connection');
    // The other attempt may still be answered.
    if (operation.inFlightCount > 0) return;
    if (reason === 'unconfirmed' && operation.stage === 'write') {
      this.options.counters.heldWrites += 1;
      operation.place = 'held';
      this.options.onHeld(link, () => {
        this.letGo(operation);
        this.pump();
      });
    } else {
      this.letGo(operation);
    }
    this.pump();
  }

  /** No attempt of the operation can begin to take effect any more. */
  private letGo(operation: Operation): void {
    if (operation.abandoned) this.leaveQueue(operation);
    else this.makeReady(operation, this.urgent);
  }

  /** The caller does not wait for the operation any more. */
  private abandon(operation: Operation): void {
    if (operation.place === 'settled') return;
    operation.abandoned = true;
    // An operation that was sent keeps its sector until it is answered or lost, and until it is released if it is held.
    if (operation.place === 'sent' || operation.place === 'held') return;
    for (const set of [this.urgent, this.ready, this.choosy, this.beyond]) set.delete(operation);
    this.leaveQueue(operation);
    this.pump();
  }

  /** Every connected process has refused its sector. */
  private putBeyond(operation: Operation): void {
    if (this.options.onBeyond === undefined) {
      // The next operation is to be refused by a process, not here.
      this.choice.forgetSizes();
      this.fail(operation, 'invalidSectorIndex');
      return;
    }
    operation.place = 'beyond';
    this.beyond.add(operation);
    this.options.onBeyond();
  }

  /** Sectors that every process has refused may be there now. */
  private reconsider(): void {
    for (const operation of this.beyond) this.makeReady(operation, this.choosy);
    this.beyond.clear();
    this.pump();
  }

  private fail(operation: Operation, status: Parameters<typeof refusal>[1]): void {
    this.leaveQueue(operation);
    operation.caller.error(refusal(operation, status));
  }

  private makeReady(operation: Operation, set: Set<Operation>): void {
    operation.place = 'ready';
    set.add(operation);
  }

  /** The operation is over: the next of its sector has its turn. */
  private leaveQueue(operation: Operation): void {
    operation.place = 'settled';
    const next = this.queues.remove(operation);
    if (next !== undefined) this.makeReady(next, this.ready);
  }
}
