/**
 * The gateway between its sockets and the disk. This file only composes the parts.
 *
 * ```
 * bytes ─► decodeNbd ─► withDeadline ─► mergeByCost ─► performNbd ─► replies ─► writeTogether
 *                                          │  ▲            │ ▲
 *                                          ▼  │            ▼ │
 *                                    pause, resume         disk
 * ```
 *
 * Each connection has three lanes, each with a mergeByCost: TRIM, WRITE_ZEROES, and all others. The others do not wait
 * for the first two, which may be as long as the disk.
 *
 * Bounds: a connection is read only while its requests under way and waiting cost no more than `requestBytes`, and no
 * more than `replyBytes` of its replies are buffered. While more replies are buffered, no request of it is begun.
 */
import type { Observable, OperatorFunction } from 'rxjs';
import {
  EMPTY,
  concat,
  connect,
  defer,
  endWith,
  filter,
  map,
  merge,
  mergeMap,
  of,
  takeUntil,
  takeWhile,
  tap,
} from 'rxjs';
import { unreachable } from '../../../src/core/assert.js';
import { SECTOR_SIZE_BYTES } from '../../../src/core/sector.js';
import type { AtomicDiskError } from '../../../src/errors.js';
import type { NbdExport } from '../../../src/nbd/nbdExport.js';
import type { Negotiated } from '../../../src/nbd/handshake.js';
import { errorReply } from '../../../src/nbd/replies.js';
import type { NbdRequest, Refusal } from '../../../src/nbd/request.js';
import type { Connection } from '../../../src/ports/connection.js';
import type { Disk } from '../../../src/ports/disk.js';
import type { Schedulers } from '../../../src/ports/schedulers.js';
import type { NbdInput } from '../../decodeNbd.js';
import { decodeNbd } from '../../decodeNbd.js';
import { mapEach } from '../../mapEach.js';
import { mergeByCost } from '../../mergeByCost.js';
import { withDeadline } from '../../withDeadline.js';
import type { Batch, Outgoing } from '../../writeTogether.js';
import { writeTogether } from '../../writeTogether.js';
import { performNbd } from './nbdCommand.js';
import type { AdmissionEvent } from '../../../src/core/admission.js';
import { ADMISSION_INITIAL, admit } from '../../../src/core/admission.js';

export interface NbdLimits {
  /** Bytes of memory that the requests of one connection, under way or waiting, may take together. */
  readonly requestBytes: number;
  /** Bytes of replies that may be buffered for a client. */
  readonly replyBytes: number;
  readonly windowSectors: number;
  readonly statusSectors: number;
  /** Milliseconds after which a TRIM is answered, even if sectors of it are left. */
  readonly trimMs: number;
  /** Milliseconds after which a client is let go that has not finished its handshake. */
  readonly handshakeMs: number;
}

/** The events of the gateway, for the log. */
export interface NbdObserver {
  negotiated(connection: Connection, negotiated: Negotiated): void;
  ended(connection: Connection, reason: string): void;
  refused(connection: Connection, refusal: Refusal): void;
  failed(connection: Connection, request: NbdRequest, error: AtomicDiskError): void;
}

export interface NbdOptions {
  readonly exports: readonly NbdExport[];
  readonly disk: Disk;
  readonly limits: NbdLimits;
  readonly observer: NbdObserver;
}

/** One connection, and the cost of what it has under way: this decides whether the connection is read. */
class NbdSession {
  negotiated: Negotiated | null = null;
  #costBytes = 0;
  #admission = ADMISSION_INITIAL;
  readonly #limits: NbdLimits;

  constructor(
    readonly connection: Connection,
    limits: NbdLimits,
  ) {
    this.#limits = limits;
  }

  /** An input has come that takes so many bytes of memory until it is handled. */
  entered(costBytes: number): void {
    this.#costBytes += costBytes;
    this.#step('entered');
  }

  handled(costBytes: number): void {
    this.#costBytes -= costBytes;
    this.#step('handled');
  }

  /** The connection has passed on bytes that it was given. */
  drained(): void {
    this.#step('drained');
  }

  #step(event: AdmissionEvent): void {
    const { requestBytes, replyBytes } = this.#limits;
    const isFull = this.#costBytes > requestBytes || this.connection.bufferedBytes > replyBytes;
    const [after, effect] = admit(this.#admission, event, { isFull, isIdle: this.#costBytes === 0 });
    this.#admission = after;
    if (effect === 'pause') this.connection.pause();
    else if (effect === 'resume') this.connection.resume();
  }
}

/** An input, and when it came, in milliseconds of the clock. */
interface Arrival {
  readonly input: NbdInput;
  readonly atMs: number;
}

/** The least cost of a request: even without data it takes memory. */
const REQUEST_COST_BYTES = 4_096;

/** The client has ended the connection without a DISC. */
const GONE: NbdInput = { kind: 'end', reason: 'the client is gone without a goodbye' };

/**
 * Serves every connection until it ends. Each batch is to be written to its connection.
 * @param stop$ When it emits, no more requests are taken. The result completes when the rest is answered.
 */
export function nbdGateway(
  connections$: Observable<Connection>,
  options: NbdOptions,
  schedulers: Schedulers,
  stop$: Observable<unknown>,
): Observable<Batch> {
  const admitted$ = connections$.pipe(takeUntil(stop$));
  return admitted$.pipe(
    mergeMap((connection) => serveNbd(connection, options, schedulers, stop$)),
    writeTogether(schedulers.turn),
  );
}

/** Serves one connection until all its requests are answered or given up. Its last output ends the connection. */
export function serveNbd(
  connection: Connection,
  options: NbdOptions,
  { clock }: Schedulers,
  stop$: Observable<unknown>,
): Observable<Outgoing> {
  const { limits, observer, exports } = options;
  return defer(() => {
    const session = new NbdSession(connection, limits);
    const cost = ({ input }: Arrival): number => memoryOf(input, limits);
    const closed$ = connection.closed$.pipe(endWith(null));
    const drained$ = connection.drained$.pipe(
      tap(() => {
        session.drained();
      }),
      takeUntil(closed$),
    );
    const arrival$ = connection.bytes$.pipe(
      decodeNbd(exports),
      withDeadline<NbdInput>({
        clock,
        dueMs: limits.handshakeMs,
        isDone: ({ kind }) => kind === 'negotiated',
        late: { kind: 'end', reason: 'the handshake took too long' },
      }),
      endWith(GONE),
      takeWhile(({ kind }) => kind !== 'end', true),
      map((input): Arrival => ({ input, atMs: clock.now() })),
      tap((arrival) => {
        observe(session, arrival.input, observer);
        session.entered(cost(arrival));
      }),
      // A stop has the effect of a DISC of the client: the requests that have come are answered.
      takeUntil(stop$),
    );
    const lane = (costMax: number): OperatorFunction<Arrival, readonly Uint8Array[]> =>
      mergeByCost({
        costOf: ({ input }) => workOf(input, limits),
        costMax,
        isOpen: () => connection.bufferedBytes <= limits.replyBytes,
        opened$: drained$,
        handle: ({ input, atMs }) => answer(session, input, options, () => clock.now() - atMs >= limits.trimMs),
        handled: (arrival) => {
          session.handled(cost(arrival));
        },
      });
    const windowBytes = limits.windowSectors * SECTOR_SIZE_BYTES;
    const pieces$ = arrival$.pipe(
      connect((shared$) => {
        const inLane = (name: Lane): Observable<Arrival> => shared$.pipe(filter(({ input }) => laneOf(input) === name));
        return merge(
          inLane('TRIM').pipe(lane(windowBytes)),
          inLane('WRITE_ZEROES').pipe(lane(windowBytes)),
          inLane('other').pipe(lane(limits.requestBytes)),
        ).pipe(takeUntil(shared$.pipe(filter(({ input }) => input === GONE))));
      }),
    );
    const outgoing$ = pieces$.pipe(mapEach((pieces) => pieces.map((content): Outgoing => ({ connection, content }))));
    const end: Outgoing = { connection, content: null };
    return concat(outgoing$, of(end)).pipe(takeUntil(closed$));
  });
}

/** Emits the pieces of the reply to one input, all at once. */
function answer(
  { connection, negotiated }: NbdSession,
  input: NbdInput,
  { disk, limits, observer }: NbdOptions,
  isTrimOver: () => boolean,
): Observable<readonly Uint8Array[]> {
  switch (input.kind) {
    case 'reply':
      return of([input.bytes]);
    case 'negotiated':
    case 'end':
      return EMPTY;
    case 'refused': {
      const { cookie, error, text } = input.refusal;
      return of(errorReply(cookie, error, text, negotiated?.isStructured === true));
    }
    case 'request':
      if (negotiated === null) return EMPTY;
      return performNbd(input.request, {
        disk,
        negotiated,
        windowSectors: limits.windowSectors,
        statusSectors: limits.statusSectors,
        isTrimOver,
        onFailure: (request, error) => {
          observer.failed(connection, request, error);
        },
      });
    default:
      return unreachable(input);
  }
}

function observe(session: NbdSession, input: NbdInput, observer: NbdObserver): void {
  const { connection } = session;
  if (input.kind === 'negotiated') {
    session.negotiated = input.negotiated;
    observer.negotiated(connection, input.negotiated);
  } else if (input.kind === 'end') {
    // A client that leaves before the handshake is over has asked for nothing.
    if (input === GONE && session.negotiated === null) return;
    observer.ended(connection, input.reason);
  } else if (input.kind === 'refused') {
    observer.refused(connection, input.refusal);
  }
}

/** Requests of one lane wait for each other, but not for those of other lanes. */
type Lane = 'TRIM' | 'WRITE_ZEROES' | 'other';

function laneOf(input: NbdInput): Lane {
  if (input.kind !== 'request') return 'other';
  const { command } = input.request;
  return command === 'TRIM' || command === 'WRITE_ZEROES' ? command : 'other';
}

/**
 * Bytes of memory that an input takes until it is answered. A request without data takes only its own, because the
 * sectors that its lane has under way are bounded by a window.
 */
function memoryOf(input: NbdInput, limits: NbdLimits): number {
  return laneOf(input) === 'other' ? workOf(input, limits) : REQUEST_COST_BYTES;
}

/** Roughly the bytes that an input has under way: those that it carries, asks for, or works on. */
function workOf(input: NbdInput, { windowSectors }: NbdLimits): number {
  if (input.kind !== 'request') return REQUEST_COST_BYTES;
  const { command, lengthBytes } = input.request;
  switch (command) {
    case 'READ':
    case 'WRITE':
      return Math.max(REQUEST_COST_BYTES, lengthBytes);
    // However long the request is, it has no more sectors under way than a window.
    case 'TRIM':
    case 'WRITE_ZEROES':
    case 'BLOCK_STATUS':
      return clamp(lengthBytes, REQUEST_COST_BYTES, windowSectors * SECTOR_SIZE_BYTES);
    case 'FLUSH':
    case 'CACHE':
    case 'DISC':
      return REQUEST_COST_BYTES;
    default:
      return unreachable(command);
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(value, max));
}
