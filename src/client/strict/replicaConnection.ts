/**
 * One connection of a client to a replica: OPEN and OPENED, packs of requests out at the end of the turn, packs of
 * answers in, paired by number.
 *
 * Bounds: as soon as the system has not taken `bufferBytesMax` bytes, or `unansweredMax` requests are unanswered, the
 * connection is given up. Of an unanswered request only its range and stamp are kept, not its data. Of incoming bytes
 * at most one incomplete pack is kept, and before OPENED no more than 64 KiB.
 */
import type { Observable } from 'rxjs';
import { BehaviorSubject, EMPTY, Subject, connect, defer, endWith, finalize, ignoreElements, merge } from 'rxjs';
import { repeat, switchMap, takeUntil, tap, timer } from 'rxjs';
import { assert } from '../../core/assert.js';
import type { LinkToken } from '../../core/membership/memberMessage.js';
import type { Rank } from '../../core/rank.js';
import type { ReplicaRequest } from '../../core/strict/replicaMessage.js';
import { endOf } from '../../core/strict/range.js';
import type { ReceivedAnswer } from '../../coordinator/replicaPort.js';
import { SentRequests } from '../../coordinator/sentRequests.js';
import { oncePerTurn } from '../../oncePerTurn.js';
import type { Connection } from '../../ports/connection.js';
import type { Schedulers } from '../../ports/schedulers.js';
import { SIZE_FRAME_UNPROVEN_MAX } from '../../wire/constants.js';
import type { Frame } from '../../wire/frame.js';
import { createFrameDecoder } from '../../wire/frame.js';
import { CLIENT_MESSAGES } from '../../wire/messageTypes.js';
import { serializeRequest } from '../../wire/serialize.js';
import { SIZE_PACK_MAX } from '../../wire/strict/layout.js';
import type { Opened } from '../../wire/strict/openMessages.js';
import { STRICT_VERSION, serializeOpen } from '../../wire/strict/openMessages.js';
import type { PackMessage } from '../../wire/strict/pack.js';
import { Packer, SENDER_CLIENT } from '../../wire/strict/pack.js';
import type { NumberedAnswer } from '../../wire/strict/answers.js';
import type { NumberedRequest } from '../../wire/strict/requests.js';
import { requestSize } from '../../wire/strict/requests.js';
import type { Tagger } from '../../wire/tag.js';
import type { ClientCounters } from '../clientEvents.js';
import { WRONG_TAGS } from '../link.js';
import { SECTOR_NOWHERE } from '../ping.js';
import { SideConnection } from './sideConnection.js';

export type PortCounters = Pick<
  ClientCounters,
  'badTagResponses' | 'unexpectedResponses' | 'failedDials' | 'lostConnections' | 'leftConnections'
>;

export interface ReplicaTimeouts {
  /**
   * Milliseconds without an answer to OPEN after which the process is pinged. If it answers that, and OPEN not within
   * as many milliseconds more, it counts as one that does not know OPEN. One that answers neither may only be slow.
   */
  readonly openMs: number;
  /** Milliseconds after which a process that is no member yet is asked again. */
  readonly openAgainMs: number;
  /** Milliseconds without any answer, while one is waited for, after which the connection is given up. */
  readonly unansweredMs: number;
}

export interface ReplicaLimits {
  /** Requests without an answer. */
  readonly unansweredMax: number;
  /** Bytes that the system has not taken. */
  readonly bufferBytesMax: number;
}

export interface ReplicaConnectionOptions {
  readonly rank: Rank;
  readonly processCount: number;
  /** The size of the disk that the client goes by; null: it goes by none. */
  readonly sectors: number | null;
  readonly connection: Connection;
  readonly token: LinkToken;
  readonly tagger: Tagger;
  readonly schedulers: Schedulers;
  readonly timeouts: ReplicaTimeouts;
  readonly limits: ReplicaLimits;
  readonly counters: PortCounters;
  /** Emits once, also for later subscribers: the connection is closed then. */
  readonly stop$: Observable<unknown>;
  onTrouble(trouble: string): void;
  /** The process has said what it is; null: it does not know OPEN. */
  onOpened(opened: Opened | null): void;
  onAnswer(answer: ReceivedAnswer): void;
  /** Nothing is answered over this connection any more. Called once. */
  onOver(): void;
}

/** The ping's number: a link counts its requests from 1. */
const PING_NUMBER = 2n ** 64n - 1n;

export class ReplicaConnection {
  /** Runs the traffic: to be subscribed to once. Completes when the connection is over. */
  readonly run$: Observable<never>;
  /** For what is no message of the strict register. */
  readonly side: SideConnection;
  readonly #pong = new Subject<void>();
  readonly #decoder = createFrameDecoder(CLIENT_MESSAGES, () =>
    this.#opened === null ? SIZE_FRAME_UNPROVEN_MAX : SIZE_PACK_MAX,
  );
  readonly #packer: Packer;
  readonly #sent: SentRequests;
  readonly #flushAtTurn: () => void;
  /** Whether the process is no member yet, and so is asked again. */
  readonly #asksAgain = new BehaviorSubject(false);
  #opened: Opened | null = null;
  #isOver = false;
  #gathered: NumberedRequest[] = [];
  #gatheredBytes = 0;

  constructor(private readonly options: ReplicaConnectionOptions) {
    const { tagger, schedulers, timeouts } = options;
    this.#sent = new SentRequests(timeouts.unansweredMs);
    this.#packer = new Packer(SENDER_CLIENT, tagger);
    this.#flushAtTurn = oncePerTurn(schedulers.turn, () => {
      this.#flush();
    });
    this.side = new SideConnection(options.connection, () => {
      this.#giveUp('a question about itself has had no answer');
    });
    this.run$ = this.#run();
  }

  get bufferedBytes(): number {
    return this.options.connection.bufferedBytes + this.#gatheredBytes;
  }

  /** Sends the request at the end of the turn. @returns false: the process does not have the sectors yet. */
  send(number: number, request: ReplicaRequest): boolean {
    assert(this.#opened !== null && !this.#isOver, 'the connection is open');
    if (endOf(request.range) > this.#opened.sectors) return false;
    this.#sent.add(number, request);
    this.#gathered.push({ number, request });
    this.#gatheredBytes += requestSize(request).totalBytes;
    this.#flushAtTurn();
    return true;
  }

  #run(): Observable<never> {
    const { connection, schedulers, stop$ } = this.options;
    const received$ = connection.bytes$.pipe(
      tap((chunk) => {
        for (const frame of this.#decoder.push(chunk)) if (!this.#isOver) this.#receive(frame);
      }),
      ignoreElements(),
    );
    const beside$ = merge(
      this.#asks(),
      this.#sent.watch(schedulers.clock, (trouble) => {
        this.#giveUp(trouble);
      }),
      stop$.pipe(
        tap(() => {
          this.#stop();
        }),
        ignoreElements(),
      ),
    );
    return defer(() => {
      connection.write([this.#open()]);
      return received$;
    }).pipe(
      connect((shared$) => merge(shared$, beside$.pipe(takeUntil(shared$.pipe(endWith(null)))))),
      finalize(() => {
        this.#end();
        connection.destroy();
      }),
    );
  }

  /** Asks again while the process is no member. One that has not answered is not asked again: it may not know OPEN. */
  #asks(): Observable<never> {
    const { connection, timeouts, schedulers } = this.options;
    const again$ = timer(timeouts.openAgainMs, schedulers.clock).pipe(
      tap(() => {
        connection.write([this.#open()]);
      }),
      repeat(),
    );
    const wait$ = timer(timeouts.openMs, schedulers.clock);
    const isSilent = (): boolean => this.#opened === null && !this.#isOver;
    const unanswered$ = wait$.pipe(
      tap(() => {
        if (isSilent()) connection.write([this.#ping()]);
      }),
      switchMap(() => this.#pong),
      switchMap(() => wait$),
      tap(() => {
        if (isSilent()) this.options.onOpened(null);
      }),
      ignoreElements(),
    );
    const asksAgain$ = this.#asksAgain.pipe(
      switchMap((asks) => (asks ? again$ : EMPTY)),
      ignoreElements(),
    );
    return merge(unanswered$, asksAgain$);
  }

  #open(): Uint8Array {
    const { token, tagger } = this.options;
    return serializeOpen({ token, version: STRICT_VERSION }, tagger);
  }

  #ping(): Uint8Array {
    const request = { kind: 'read', requestNumber: PING_NUMBER, sector: SECTOR_NOWHERE } as const;
    return serializeRequest(request, this.options.tagger);
  }

  #flush(): void {
    if (this.#isOver) return;
    const { connection, limits } = this.options;
    const gathered = this.#gathered;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    connection.write(this.#packer.packRequests(gathered));
    if (connection.bufferedBytes > limits.bufferBytesMax) {
      this.#giveUp(`it takes in too little: ${connection.bufferedBytes} bytes wait for it`);
    } else if (this.#sent.size > limits.unansweredMax) {
      this.#giveUp(`it leaves ${this.#sent.size} requests unanswered`);
    }
  }

  #receive({ type, bytes }: Frame): void {
    const { counters, tagger } = this.options;
    if (!tagger.verify(bytes)) {
      counters.badTagResponses += 1;
      this.options.onTrouble(WRONG_TAGS);
      return;
    }
    const message = type.parse(bytes);
    if (message.family === 'opened') this.#receiveOpened(message.content());
    else if (message.family === 'pack') this.#receivePack(message);
    else if (message.family !== 'response' && message.family !== 'report') counters.unexpectedResponses += 1;
    else if (message.requestNumber === PING_NUMBER) this.#pong.next();
    else this.side.receive(bytes);
  }

  #receiveOpened(opened: Opened | null): void {
    const { rank, processCount, sectors, token, counters } = this.options;
    if (opened === null) {
      this.#disbelieve('it says of itself what no process can say');
      return;
    }
    if (opened.echo !== token) {
      // Of another connection: somebody has replayed it.
      counters.unexpectedResponses += 1;
      return;
    }
    if (opened.rank !== rank) {
      this.#disbelieve(`process ${opened.rank} answers at the address of process ${rank}`);
      return;
    }
    if (opened.processCount !== processCount) {
      this.#disbelieve(`its cluster has ${opened.processCount} processes, and this client knows ${processCount}`);
      return;
    }
    if (sectors !== null && opened.sectors !== sectors) {
      this.options.onTrouble(`its disk has ${opened.sectors} sectors, and this client goes by ${sectors}`);
    }
    if (opened.version !== STRICT_VERSION) {
      this.options.onTrouble(`it speaks version ${opened.version} of the strict register, not ${STRICT_VERSION}`);
      this.options.onOpened(null);
      return;
    }
    if (this.#opened?.memberState === 'member' && opened.memberState !== 'member') {
      this.#disbelieve('it was a member, and says that it is none');
      return;
    }
    this.#opened = opened;
    this.#sent.heard();
    this.#asksAgain.next(opened.mode === 'strict' && opened.memberState !== 'member');
    this.options.onOpened(opened);
  }

  #receivePack({ sender, content }: PackMessage): void {
    const { rank, counters } = this.options;
    if (this.#opened === null || sender !== rank) {
      counters.unexpectedResponses += 1;
      return;
    }
    const read = content(this.#opened);
    if (typeof read === 'string') this.#disbelieve(`its answers are not valid: ${read}`);
    else if (read.kind === 'requests') this.#disbelieve('it sends requests to a client');
    else {
      for (const answer of read.answers) {
        this.#receiveAnswer(answer, read.incarnations);
        if (this.#isOver) return;
      }
    }
  }

  #receiveAnswer(answer: NumberedAnswer, incarnations: readonly number[]): void {
    const { number: request } = answer;
    const match = this.#sent.take(answer);
    if (match.kind === 'unexpected') this.options.counters.unexpectedResponses += 1;
    else if (match.kind === 'misfit') this.#disbelieve(match.trouble);
    else this.options.onAnswer({ request, answer: answer.answer, incarnations });
  }

  #giveUp(trouble: string): void {
    if (this.#isOver) return;
    this.options.counters.leftConnections += 1;
    this.options.onTrouble(trouble);
    this.#end();
  }

  #disbelieve(trouble: string): void {
    this.options.counters.unexpectedResponses += 1;
    this.options.onTrouble(trouble);
    this.#end();
  }

  /** What this turn has goes out, and the other side ends its half. */
  #stop(): void {
    if (this.#isOver) return;
    // May give the connection up; to end it then does nothing.
    this.#flush();
    this.#forget();
    this.options.connection.end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.options.counters.lostConnections += 1;
    this.#forget();
    this.options.connection.destroy();
  }

  #forget(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sent.clear();
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.side.over();
    this.options.onOver();
  }
}
