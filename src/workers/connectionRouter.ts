/**
 * The main thread of a process with workers: takes the bytes of each connection apart into messages and passes each on
 * to the worker whose sector it is about (src/wire/shardRoute.ts), and writes what workers have to say. It believes
 * nothing and checks no tag, but of what it acts on itself: inquiries about the process, and who a peer says to be.
 *
 * Bounds: of each connection a worker is sent ROUTER_WINDOW_BYTES, and what one read of the socket adds, beyond what it
 * has taken; then the socket is not read from. So it is while the other side does not take what it is sent, or has
 * asked INQUIRIES_PER_CONNECTION times without an answer.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { assert } from '../core/assert.js';
import type { Inquiry } from '../core/membership/memberMessage.js';
import { isMember } from '../core/rank.js';
import type { Rank } from '../core/rank.js';
import type { Connection } from '../ports/connection.js';
import type { Log } from '../ports/log.js';
import { RateLimitedLog } from '../rateLimitedLog.js';
import { OFFSET_REQUEST_NUMBER } from '../wire/constants.js';
import type { Frame, FrameDecoder } from '../wire/frame.js';
import { createFrameDecoder } from '../wire/frame.js';
import { SERVER_MESSAGES } from '../wire/messageTypes.js';
import { serializeReport } from '../wire/inquiryMessages.js';
import { readShard } from '../wire/shardMessage.js';
import { shardRouteOf } from '../wire/shardRoute.js';
import type { Tagger } from '../wire/tag.js';
import type { ThreadBatch } from './threadBatch.js';
import { BatchWriter, TAKEN_STEP_BYTES, Notice, readBatch } from './threadBatch.js';
import type { AdmissionEvent, Load, Admission } from '../core/admission.js';
import { ADMISSION_INITIAL, admit } from '../core/admission.js';
import { oncePerTurn } from '../oncePerTurn.js';

export interface ConnectionRouterOptions {
  readonly rank: Rank;
  readonly processCount: number;
  readonly shardCount: number;
  readonly clientTagger: Tagger;
  readonly systemTagger: Tagger;
  readonly windowBytes: number;
  /** Bytes that the other side has not taken; then it is not read from. */
  readonly clientBufferBytes: number;
  readonly inquiriesPerConnection: number;
  /** To the worker of that shard. */
  readonly post: (shard: number, batch: ThreadBatch) => void;
  /** Emits a report of the whole process, as text, and completes. */
  readonly inquire: (inquiry: Inquiry) => Observable<string>;
  readonly trust: (connection: Connection) => void;
  readonly turn: SchedulerLike;
  readonly log: Log;
  /** Something is broken here, and the process has to stop. */
  readonly failed: (error: unknown) => void;
}

/** A connection as one worker has it. */
interface WorkerChannel {
  /** Sent to the worker and not taken by it. */
  sentBytes: number;
  /** Written by the worker, and not told of as handed to the system. */
  writtenBytes: number;
  hasEnded: boolean;
}

interface Routed {
  readonly number: number;
  readonly connection: Connection;
  readonly decoder: FrameDecoder;
  /** By shard; null: its worker has not been told of the connection. */
  readonly channels: (WorkerChannel | null)[];
  /** Which worker of a peer is at the other end; null: it is none, or has not said so. */
  declared: number | null;
  inquiryCount: number;
  admission: Admission;
  isClosed: boolean;
}

/** To look at: what is held up. */
export interface ConnectionRouterStats {
  readonly connections: number;
  /** Connections that are not read from. */
  readonly paused: number;
  /** Questions about the process without an answer. */
  readonly inquiries: number;
  /** Of any worker and connection: sent to it and not known to be taken … */
  readonly sentBytesMax: number;
  /** … and written by it, and not told of as handed to the system. */
  readonly writtenBytesMax: number;
}

/** That peers are refused is not logged again for so long (milliseconds). */
const REFUSAL_LOG_MS = 10_000;

export class ConnectionRouter {
  readonly #routed = new Map<number, Routed>();
  readonly #batches: readonly BatchWriter[];
  #nextNumber = 0;
  /** At the end of this turn. */
  readonly #flushSoon: () => void;
  readonly #refusals: RateLimitedLog;

  constructor(private readonly options: ConnectionRouterOptions) {
    const { log, turn, shardCount } = options;
    this.#batches = Array.from({ length: shardCount }, () => new BatchWriter());
    this.#refusals = new RateLimitedLog({ log, clock: turn, intervalMs: REFUSAL_LOG_MS });
    this.#flushSoon = oncePerTurn(turn, () => {
      this.#flush();
    });
  }

  /** A connection that was taken in. */
  accept(connection: Connection): void {
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    const routed: Routed = {
      number,
      connection,
      decoder: createFrameDecoder(SERVER_MESSAGES),
      channels: this.#batches.map(() => null),
      declared: null,
      inquiryCount: 0,
      admission: ADMISSION_INITIAL,
      isClosed: false,
    };
    this.#routed.set(number, routed);
    const error = this.options.failed;
    connection.drained$.subscribe({
      next: () => {
        this.#drained(routed);
      },
      error,
    });
    connection.closed$.subscribe({
      error,
      complete: () => {
        this.#close(routed);
      },
    });
    connection.bytes$.subscribe({
      error,
      next: (chunk) => {
        for (const frame of routed.decoder.push(chunk)) {
          if (routed.isClosed) return;
          this.#route(routed, frame);
        }
        this.#step(routed, 'entered');
      },
      complete: () => {
        this.#notifyAll(routed, Notice.ended);
        this.#step(routed, 'ended');
      },
    });
  }

  /** What a worker tells. */
  take(shard: number, told: ThreadBatch): void {
    readBatch(told, {
      opened: () => {
        assert(false, 'workers open no connections of others');
      },
      bytes: (number, bytes) => {
        const routed = this.#routed.get(number);
        const channel = routed?.channels[shard];
        if (routed === undefined || channel == null) return;
        channel.writtenBytes += bytes.length;
        routed.connection.write([bytes]);
        this.#step(routed, 'answered');
      },
      notice: (what, number, amount) => {
        const routed = this.#routed.get(number);
        const channel = routed?.channels[shard];
        if (routed === undefined || channel == null) return;
        switch (what) {
          case Notice.taken:
            channel.sentBytes -= amount;
            this.#step(routed, 'handled');
            break;
          case Notice.trusted:
            this.options.trust(routed.connection);
            break;
          case Notice.ended:
            channel.hasEnded = true;
            this.#step(routed, 'handled');
            break;
          default:
            routed.connection.destroy();
        }
      },
    });
  }

  stats(): ConnectionRouterStats {
    const all = [...this.#routed.values()];
    const channels = all.flatMap((one) => one.channels.filter((channel) => channel !== null));
    return {
      connections: all.length,
      paused: all.filter(({ admission }) => admission.isPaused && !admission.hasEnded).length,
      inquiries: all.reduce((sum, { inquiryCount }) => sum + inquiryCount, 0),
      sentBytesMax: Math.max(0, ...channels.map(({ sentBytes }) => sentBytes)),
      writtenBytesMax: Math.max(0, ...channels.map(({ writtenBytes }) => writtenBytes)),
    };
  }

  #route(routed: Routed, frame: Frame): void {
    const { shardCount, systemTagger } = this.options;
    const route = shardRouteOf(frame, shardCount, routed.declared);
    switch (route.kind) {
      case 'one':
        this.#send(routed, route.shard, frame.bytes);
        break;
      case 'all':
        for (let shard = 0; shard < shardCount; shard += 1) {
          this.#send(routed, shard, frame.bytes);
        }
        break;
      case 'inquiry':
        this.#takeInquiry(routed, route.inquiry, frame.bytes);
        break;
      case 'declaration':
        this.#takeDeclaration(routed, frame.bytes);
        break;
      case 'undeclared':
        if (systemTagger.verify(frame.bytes)) this.#refuse(routed, 0);
        else this.#dropByWorker(routed, frame.bytes);
        break;
    }
  }

  #takeInquiry(routed: Routed, inquiry: Inquiry, bytes: Uint8Array): void {
    const { clientTagger, inquire, trust, failed } = this.options;
    if (!clientTagger.verify(bytes)) {
      this.#dropByWorker(routed, bytes);
      return;
    }
    const { connection } = routed;
    const { buffer, byteOffset } = bytes;
    const requestNumber = new DataView(buffer, byteOffset).getBigUint64(OFFSET_REQUEST_NUMBER);
    trust(connection);
    routed.inquiryCount += 1;
    const next = (text: string): void => {
      routed.inquiryCount -= 1;
      if (routed.isClosed) return;
      connection.write([serializeReport(inquiry, requestNumber, text, clientTagger)]);
      this.#step(routed, 'answered');
    };
    inquire(inquiry).subscribe({ next, error: failed });
  }

  #takeDeclaration(routed: Routed, bytes: Uint8Array): void {
    const { systemTagger, shardCount, rank, processCount, trust } = this.options;
    const { sender, index, count } = readShard(bytes);
    const isPeer = sender !== rank && isMember(sender, processCount);
    if (!isPeer || !systemTagger.verify(bytes)) this.#dropByWorker(routed, bytes);
    else if (count !== shardCount || index >= count) this.#refuse(routed, count);
    else {
      routed.declared = index;
      trust(routed.connection);
    }
  }

  /** Invalid messages go to worker 0, so that each is rejected exactly once. */
  #dropByWorker(routed: Routed, bytes: Uint8Array): void {
    this.#send(routed, 0, bytes);
  }

  /** Shards of so many and of so many others are not the same clusters. */
  #refuse(routed: Routed, workers: number): void {
    const { remote } = routed.connection;
    routed.connection.destroy();
    this.#close(routed);
    const event = 'otherWorkers';
    this.#refusals.write({
      kind: event,
      level: 'warn',
      message: 'refused a peer: its configuration has another number of workers',
      fields: () => ({ event, remote, found: workers, expected: this.options.shardCount }),
    });
  }

  #send(routed: Routed, shard: number, bytes: Uint8Array): void {
    const batch = this.#batches[shard];
    let channel = routed.channels[shard];
    if (channel === null) {
      channel = { sentBytes: 0, writtenBytes: 0, hasEnded: false };
      routed.channels[shard] = channel;
      batch.open(routed.number, routed.connection.remote);
    }
    channel.sentBytes += bytes.length;
    batch.add(routed.number, bytes);
    this.#flushSoon();
  }

  #notifyAll(routed: Routed, what: Notice): void {
    routed.channels.forEach((channel, shard) => {
      if (channel !== null) this.#batches[shard].notify(what, routed.number);
    });
    this.#flushSoon();
  }

  #drained(routed: Routed): void {
    routed.channels.forEach((channel, shard) => {
      if (channel === null || channel.writtenBytes < TAKEN_STEP_BYTES) return;
      this.#batches[shard].notify(Notice.taken, routed.number, channel.writtenBytes);
      channel.writtenBytes = 0;
      this.#flushSoon();
    });
    this.#step(routed, 'drained');
  }

  #close(routed: Routed): void {
    if (routed.isClosed) return;
    routed.isClosed = true;
    this.#routed.delete(routed.number);
    this.#notifyAll(routed, Notice.closed);
  }

  #step(routed: Routed, event: AdmissionEvent): void {
    if (routed.isClosed) return;
    const { connection } = routed;
    const [after, effect] = admit(routed.admission, event, this.#load(routed));
    routed.admission = after;
    if (effect === 'pause') connection.pause();
    else if (effect === 'resume') connection.resume();
    else if (effect === 'end') connection.end();
  }

  #load({ connection, channels, inquiryCount }: Routed): Load {
    const { windowBytes, clientBufferBytes, inquiriesPerConnection } = this.options;
    return {
      isFull:
        inquiryCount >= inquiriesPerConnection ||
        connection.bufferedBytes > clientBufferBytes ||
        channels.some((channel) => channel !== null && channel.sentBytes > windowBytes),
      // Nothing can come any more: of no worker, and of no inquiry.
      isIdle: inquiryCount === 0 && channels.every((channel) => channel === null || channel.hasEnded),
    };
  }

  #flush(): void {
    this.#batches.forEach((batch, shard) => {
      if (!batch.isEmpty) this.options.post(shard, batch.take());
    });
  }
}
