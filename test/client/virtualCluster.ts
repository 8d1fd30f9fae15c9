/**
 * A cluster that exists in virtual time only, for tests of the client: a test sees each request that arrives at a
 * process and decides what that process does. Real bytes flow, tags included.
 */
import type { Observable } from 'rxjs';
import { map, throwError, timer, VirtualAction, VirtualTimeScheduler } from 'rxjs';
import type { AnyInquiry } from '../../src/core/membership/memberMessage.js';
import type { ResponseStatus } from '../../src/core/message.js';
import type { AttemptEvent } from '../../src/client/clientEvents.js';
import { CLIENT_TIMEOUTS_DEFAULT } from '../../src/client/clientDefaults.js';
import type { DiskClientOptions } from '../../src/client/diskClient.js';
import { DiskClient } from '../../src/client/diskClient.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { serializeReport } from '../../src/wire/inquiryMessages.js';
import { serializeResponse } from '../../src/wire/serialize.js';
import { createTagger } from '../../src/wire/tag.js';
import { FakeConnection } from '../helpers/fakeConnection.js';

const KEY = Buffer.alloc(32, 7);
export const tagger = createTagger(KEY);

export interface Request {
  readonly kind: 'read' | 'write';
  readonly requestNumber: bigint;
  readonly sector: bigint;
  readonly data: Uint8Array | null;
}

/** A connection of the client; the test is the process. */
export class VirtualConnection extends FakeConnection {
  /** What has arrived, in order. */
  readonly requests: Request[] = [];
  /** Questions to the process about itself, apart. */
  readonly inquiries: { readonly inquiry: AnyInquiry; readonly requestNumber: bigint }[] = [];
  /** How many pieces it arrived in. */
  writeCount = 0;
  private readonly decoder = createFrameDecoder(SERVER_MESSAGES);

  get clientEnded(): boolean {
    return this.calls.includes('end');
  }
  get clientDestroyed(): boolean {
    return this.calls.includes('destroy');
  }

  override write(chunks: readonly Uint8Array[]): void {
    if (this.clientEnded || this.clientDestroyed) throw new Error('write after the end');
    super.write(chunks);
    this.writeCount += 1;
    for (const chunk of chunks) {
      for (const { type, bytes } of this.decoder.push(chunk)) {
        const message = type.parse(bytes);
        if (!tagger.verify(bytes)) throw new Error('bad tag');
        if (message.family === 'inquiry') {
          this.inquiries.push(message);
          continue;
        }
        if (message.family !== 'request') throw new Error('bad request');
        const { request: kind, requestNumber, sector, data } = message;
        this.requests.push({ kind, requestNumber, sector, data });
      }
    }
  }
  override pause(): void {
    throw new Error('not expected');
  }

  /** Bytes from the process. */
  say(bytes: Uint8Array): void {
    this.receive(bytes);
  }

  /** Answers the request at that position. */
  answer(position: number, data?: Uint8Array, status: ResponseStatus = 'ok'): void {
    this.say(this.responseTo(position, data, status));
  }

  /** Answers the question at that position; null: its tag was wrong. */
  report(position: number, text: string | null): void {
    const { inquiry, requestNumber } = this.inquiries[position];
    this.say(serializeReport(inquiry, requestNumber, text, tagger));
  }

  responseTo(position: number, data?: Uint8Array, status: ResponseStatus = 'ok'): Buffer {
    const { kind, requestNumber } = this.requests[position];
    const carriesData = kind === 'read' && status === 'ok';
    return serializeResponse(
      {
        request: kind,
        status,
        requestNumber,
        data: carriesData ? (data ?? new Uint8Array(4096)) : null,
      },
      tagger,
    );
  }

  /** The process has ended its half, or died: its connections are reset. */
  endByProcess(): void {
    this.endReading();
  }

  /** The client's system has given the connection up; the process knows nothing of that. */
  vanish(): void {
    this.endedUnconfirmed = true;
    this.endReading();
  }
}

export interface VirtualClusterOptions extends Partial<Omit<DiskClientOptions, 'tagger' | 'timeouts'>> {
  readonly processCount?: number;
  readonly timeouts?: Partial<DiskClientOptions['timeouts']>;
  /** How long a dial takes. */
  readonly dialledAfterMs?: number;
}

export class VirtualCluster {
  readonly client: DiskClient;
  /** Every connection ever made, by rank. */
  readonly connections = new Map<number, VirtualConnection[]>();
  readonly attempts: AttemptEvent[] = [];
  readonly warnings: string[] = [];
  /** Ranks that refuse connections. */
  readonly refusing = new Set<number>();
  /** Virtual times at which each rank was dialled. */
  readonly dials = new Map<number, number[]>();
  stopped = false;
  private readonly scheduler = new VirtualTimeScheduler(VirtualAction, 0);

  constructor(options: VirtualClusterOptions = {}) {
    const { processCount = 3, dialledAfterMs = 1, timeouts, ...rest } = options;
    const ranks = Array.from({ length: processCount }, (_, index) => index + 1);
    const log = { debug: () => undefined, info: () => undefined, error: () => undefined };
    this.client = new DiskClient(
      {
        slots: ranks,
        outstandingPerConnection: 64,
        windowSectors: 256,
        onAttempt: (event) => this.attempts.push(event),
        ...rest,
        timeouts: { ...CLIENT_TIMEOUTS_DEFAULT, ...timeouts },
        tagger,
      },
      {
        dial: (rank) => this.dial(rank, dialledAfterMs),
        schedulers: { clock: this.scheduler, turn: this.scheduler },
        random: { fraction: () => 0 },
        log: {
          ...log,
          debugEnabled: false,
          warn: (message, fields) => this.warnings.push(`${message} ${JSON.stringify(fields)}`),
        },
      },
    );
    this.client.run$.subscribe({
      complete: () => {
        this.stopped = true;
      },
    });
    this.advance(dialledAfterMs);
  }

  get nowMs(): number {
    return this.scheduler.frame;
  }

  /** Lets virtual time pass; what is due by then happens. */
  advance(ms: number): void {
    const until = this.scheduler.frame + ms;
    // Due last at that moment, so that the clock stands there afterwards.
    this.scheduler.schedule(() => undefined, ms);
    this.scheduler.maxFrames = until;
    this.scheduler.flush();
  }

  /** The end of the turn: what was gathered goes out. */
  turn(): void {
    this.advance(0);
  }

  /** The newest connection to that process. */
  at(rank: number): VirtualConnection {
    const connection = this.connections.get(rank)?.at(-1);
    if (connection === undefined) throw new Error(`no connection to ${rank}`);
    return connection;
  }

  /** All requests of that sector, and where they have arrived. */
  requestsOf(sector: number): {
    readonly rank: number;
    readonly connection: VirtualConnection;
    readonly position: number;
    readonly request: Request;
  }[] {
    return [...this.connections].flatMap(([rank, connections]) =>
      connections.flatMap((connection) =>
        connection.requests
          .map((request, position) => ({ rank, connection, position, request }))
          .filter(({ request }) => request.sector === BigInt(sector)),
      ),
    );
  }

  /** Subscribes and notes what comes: values, then '|' or the code of the error. */
  watch<T>(source$: Observable<T>): { readonly seen: (T | string)[]; stop(): void } {
    const seen: (T | string)[] = [];
    const subscription = source$.subscribe({
      next: (value) => seen.push(value),
      error: (error: unknown) => seen.push(String((error as { code?: unknown }).code ?? error)),
      complete: () => seen.push('|'),
    });
    return {
      seen,
      stop: () => {
        subscription.unsubscribe();
      },
    };
  }

  private dial(rank: number, ms: number): Observable<VirtualConnection> {
    const times = this.dials.get(rank) ?? [];
    this.dials.set(rank, times);
    times.push(this.nowMs);
    if (this.refusing.has(rank)) return throwError(() => new Error('refused'));
    return timer(ms, this.scheduler).pipe(
      map(() => {
        const connection = new VirtualConnection('virtual', this.scheduler);
        this.connections.set(rank, [...(this.connections.get(rank) ?? []), connection]);
        return connection;
      }),
    );
  }
}

export function sectorOf(fill: number): Uint8Array {
  return new Uint8Array(4096).fill(fill);
}
