/**
 * The gateway between its sockets and the disk. Composition only.
 *
 * ```
 * bytes ─► decodeNbd ─► withDeadline ─► mergeByCost ─► performNbd ─► replies ─► writeTogether
 *                                          │  ▲            │ ▲
 *                                          ▼  │            ▼ │
 *                                    pause, resume         disk
 * ```
 *
 * There is a mergeByCost for each of the lanes of a connection: TRIMs, of which many may be as long as the disk,
 * WRITE_ZEROES, and all others, which do not wait for those.
 *
 * Where the bounds are: a connection is read from while what it has under way or waiting costs no more than
 * `requestBytes`, and it has taken its replies but for `replyBytes`; and nothing is begun for it otherwise.
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
  /** Bytes that the requests of one connection, under way or waiting, may take together. */
  readonly requestBytes: number;
  /** Bytes of replies that a client has not taken. */
  readonly replyBytes: number;
  readonly windowSectors: number;
  readonly statusSectors: number;
  /** A TRIM is answered after so long, whatever there is left of it (milliseconds). */
  readonly trimMs: number;
  /** A client that has not finished its handshake by then is let go (milliseconds). */
  readonly handshakeMs: number;
}

/** What the gateway tells whoever keeps the log. */
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

/** One connection, and what it has under way: that decides whether it is read from. */
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

  /** An input that costs so many bytes of memory until it is handled. */
  entered(costBytes: number): void {
    this.#costBytes += costBytes;
    this.#step('entered');
  }

  handled(costBytes: number): void {
    this.#costBytes -= costBytes;
    this.#step('handled');
  }

  /** The connection has taken bytes that it was given. */
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

/** An input, and when it came by the clock. */
interface Arrival {
  readonly input: NbdInput;
  readonly atMs: number;
}

/** Least cost of a request, whatever it is about: it has to be remembered. */
const REQUEST_COST_BYTES = 4_096;

/** The client's bytes have ended, and it has not said goodbye. */
const GONE: NbdInput = { kind: 'end', reason: 'the client is gone without a goodbye' };

/**
 * Serves every connection until it ends; the batches are to be written to theirs.
 * @param stop$ When it emits no more requests are taken; it completes when the rest is answered.
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

/** One connection, until all it asked for is answered, or given up, and it is to be ended. */
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
      // Stopped, it is as if the client had said goodbye: what it has asked for is answered.
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

/** The pieces of the reply to one input, all at once. */
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
    // Who leaves before the handshake is over has asked for nothing.
    if (input === GONE && session.negotiated === null) return;
    observer.ended(connection, input.reason);
  } else if (input.kind === 'refused') {
    observer.refused(connection, input.refusal);
  }
}

/** Requests of one lane wait for each other, not for those of others. */
type Lane = 'TRIM' | 'WRITE_ZEROES' | 'other';

function laneOf(input: NbdInput): Lane {
  if (input.kind !== 'request') return 'other';
  const { command } = input.request;
  return command === 'TRIM' || command === 'WRITE_ZEROES' ? command : 'other';
}

/**
 * Bytes of memory that it takes until it is answered. What one lane has under way of requests that carry no data is
 * bounded besides, by a window: of those that wait only themselves are there.
 */
function memoryOf(input: NbdInput, limits: NbdLimits): number {
  return laneOf(input) === 'other' ? workOf(input, limits) : REQUEST_COST_BYTES;
}

/** Bytes that it has under way, roughly: what it carries, asks for, or works on. */
function workOf(input: NbdInput, { windowSectors }: NbdLimits): number {
  if (input.kind !== 'request') return REQUEST_COST_BYTES;
  const { command, lengthBytes } = input.request;
  switch (command) {
    case 'READ':
    case 'WRITE':
      return Math.max(REQUEST_COST_BYTES, lengthBytes);
    // However long it is, it has no more sectors than a window under way.
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
