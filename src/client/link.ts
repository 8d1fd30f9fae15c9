/**
 * One connection to one process: requests out, responses in, in any order, paired by their number.
 *
 * A link has three states. Open, it takes requests up to its limit. Then it may be *leaving*: the process has answered
 * nothing for too long, so our half of the connection is ended, reads move on at once, and writes stay, because they
 * may still take effect (docs/adr/0006-client-resubmission.md). It is over when the other side's half has ended; only
 * then are writes given back too.
 *
 * Questions to the process about itself do not count: a process that does not know them never answers, which is no
 * silence. The caller withdraws a question that takes too long.
 *
 * Bound: `outstandingMax` requests, a ping and the questions that were not withdrawn, thus as many frames buffered; of
 * incoming bytes at most one incomplete response is kept.
 */
import type { Observable } from 'rxjs';
import {
  BehaviorSubject,
  EMPTY,
  connect,
  distinctUntilChanged,
  endWith,
  ignoreElements,
  interval,
  merge,
  switchMap,
  takeUntil,
  tap,
} from 'rxjs';
import { assert } from '../core/assert.js';
import type { ResponseStatus } from '../core/message.js';
import type { Rank } from '../core/rank.js';
import type { Connection } from '../ports/connection.js';
import type { Schedulers } from '../ports/schedulers.js';
import { STATUS_AUTH_FAILURE, STATUS_INVALID_SECTOR_INDEX, STATUS_OK } from '../wire/constants.js';
import type { Frame } from '../wire/frame.js';
import { createFrameDecoder } from '../wire/frame.js';
import { CLIENT_MESSAGES } from '../wire/messageTypes.js';
import { serializeInquiry } from '../wire/inquiryMessages.js';
import { serializeRequest } from '../wire/serialize.js';
import type { Tagger } from '../wire/tag.js';
import type { WireMessage } from '../wire/wireMessage.js';
import type { ClientCounters } from './clientEvents.js';
import type { PendingRequest, Question } from './pendingRequest.js';
import { oncePerTurn } from '../oncePerTurn.js';

/** A connection that may know, once it is over, whether the other side has ended it as well. */
export interface ClientConnection extends Connection {
  /**
   * True if the connection ended on our side only, for example because the network went silent: the other side may not
   * have noticed. Absent or false: the other side has ended or reset it.
   */
  readonly endedUnconfirmed?: boolean;
}

export interface LinkOptions {
  readonly rank: Rank;
  readonly connection: ClientConnection;
  readonly tagger: Tagger;
  readonly schedulers: Schedulers;
  readonly outstandingMax: number;
  /** Milliseconds after which the connection is given up because a request is unanswered. */
  readonly unansweredMs: number;
  readonly counters: ClientCounters;
  /** Called with the trouble with the process, in words: once per connection for each kind of trouble. */
  onTrouble(trouble: string): void;
}

/** The trouble with a process that has another client key, or whose traffic somebody tampers with. */
export const WRONG_TAGS = 'its responses carry wrong tags: is the client key the right one?';

/**
 * Unanswered requests are checked for this many times in `unansweredMs`. So they are noticed at most `unansweredMs /
 * SILENCE_CHECKS` late.
 */
const SILENCE_CHECKS = 4;

const STATUSES: ReadonlyMap<number, ResponseStatus> = new Map([
  [STATUS_OK, 'ok'],
  [STATUS_AUTH_FAILURE, 'authFailure'],
  [STATUS_INVALID_SECTOR_INDEX, 'invalidSectorIndex'],
]);

type Answer = Extract<WireMessage, { family: 'response' | 'report' }>;

interface PendingAnswer {
  readonly request: PendingRequest;
  readonly sentAtCheck: number;
}

export class Link {
  readonly rank: Rank;
  /**
   * Runs the traffic: to be subscribed to once. Completes when the connection is over, after all unanswered requests
   * were reported lost.
   */
  readonly run$: Observable<never>;
  private readonly decoder = createFrameDecoder(CLIENT_MESSAGES);
  /** By request number, oldest first. */
  private readonly outstanding = new Map<bigint, PendingAnswer>();
  private readonly questions = new Map<bigint, Question>();
  /**
   * Whether unanswered requests are checked for. This goes on for one check after the last answer, because traffic
   * comes in bursts.
   */
  private readonly watched = new BehaviorSubject(false);
  private state: 'open' | 'leaving' | 'over' = 'open';
  private answeredEver = false;
  private warned = false;
  /** Number of checks so far. The age of a request is counted in checks. */
  private checkCount = 0;
  /** Frames to be sent at the end of this turn. */
  private gathered: Uint8Array[] = [];
  private readonly flushAtTurn: () => void;

  constructor(private readonly options: LinkOptions) {
    this.rank = options.rank;
    this.flushAtTurn = oncePerTurn(options.schedulers.turn, () => {
      this.flush();
    });
    this.run$ = merge(this.received(), this.silence());
  }

  /**
   * Runs the traffic, in place of `run$`, and `beside$` with it for as long as the link lasts.
   *
   * ```
   * run$     -------------------|
   * beside$  --------------------- …
   * result   -------------------|     does not wait for what is not over
   * ```
   */
  runWith(beside$: Observable<never>): Observable<never> {
    return this.run$.pipe(connect((run$) => merge(run$, beside$.pipe(takeUntil(run$.pipe(endWith(null)))))));
  }

  get outstandingCount(): number {
    return this.outstanding.size;
  }

  /** Whether `send` may be called. */
  get isOpen(): boolean {
    return this.state === 'open';
  }

  /** Whether an operation may be sent. A ping may be sent even if not. */
  get hasRoom(): boolean {
    return this.state === 'open' && this.outstanding.size < this.options.outstandingMax;
  }

  /** Whether the link is going to write to its connection at the end of this turn anyway. */
  get isGathering(): boolean {
    return this.gathered.length > 0;
  }

  /** Whether the process has ever given an authentic answer over this connection. */
  get hasAnswered(): boolean {
    return this.answeredEver;
  }

  /** Sends the request at the end of the turn, together with others. */
  send(request: PendingRequest): void {
    assert(this.isOpen, 'the link is open');
    assert(!this.outstanding.has(request.requestNumber), 'a request number is used once');
    this.gather(serializeRequest(requestOf(request), this.options.tagger));
    const waiting = { request, sentAtCheck: this.checkCount };
    this.outstanding.set(request.requestNumber, waiting);
    if (!this.watched.value) this.watched.next(true);
  }

  /**
   * Sends an inquiry to the process.
   * @returns a function that withdraws the question: it is then neither answered nor lost.
   */
  ask(question: Question): () => void {
    assert(this.isOpen, 'the link is open');
    assert(!this.questions.has(question.requestNumber), 'a request number is used once');
    this.gather(serializeInquiry(question, this.options.tagger));
    this.questions.set(question.requestNumber, question);
    return () => {
      this.questions.delete(question.requestNumber);
    };
  }

  /** Ends our half of the connection. Reads are lost at once, writes only when the other side has ended too. */
  leave(): void {
    if (this.state !== 'open') return;
    this.state = 'leaving';
    this.flush();
    this.options.connection.end();
    this.loseQuestions();
    for (const { request } of [...this.outstanding.values()]) {
      if (request.kind !== 'read') continue;
      this.outstanding.delete(request.requestNumber);
      request.lost('left');
    }
  }

  private received(): Observable<never> {
    return this.options.connection.bytes$.pipe(
      tap({
        next: (chunk) => {
          for (const frame of this.decoder.push(chunk)) this.receive(frame);
        },
        complete: () => {
          this.finish();
        },
      }),
      ignoreElements(),
    );
  }

  private silence(): Observable<never> {
    const { unansweredMs, schedulers } = this.options;
    return this.watched.pipe(
      distinctUntilChanged(),
      switchMap((isWatched) => (isWatched ? interval(unansweredMs / SILENCE_CHECKS, schedulers.clock) : EMPTY)),
      tap(() => {
        this.checkSilence();
      }),
      ignoreElements(),
    );
  }

  /** Goes out at the end of the turn. */
  private gather(bytes: Uint8Array): void {
    this.gathered.push(bytes);
    this.flushAtTurn();
  }

  private flush(): void {
    if (this.gathered.length === 0) return;
    const chunks = this.gathered;
    this.gathered = [];
    this.options.connection.write(chunks);
  }

  private receive(frame: Frame): void {
    // The tag is checked first: before that, nothing in a message is believed, not even its number.
    if (!this.options.tagger.verify(frame.bytes)) {
      this.countBadTag();
      return;
    }
    const message = frame.type.parse(frame.bytes);
    if (message.family !== 'response' && message.family !== 'report') {
      // A message of the strict register: nothing here has asked for it.
      this.options.counters.unexpectedResponses += 1;
      return;
    }
    const waiting = this.waitingFor(message);
    const status = STATUSES.get(message.status);
    if (waiting === null || status === undefined) {
      // After `leave`, answers to reads that were sent to another process are expected.
      if (this.state === 'open') this.options.counters.unexpectedResponses += 1;
      return;
    }
    this.answeredEver = true;
    this.outstanding.delete(message.requestNumber);
    this.questions.delete(message.requestNumber);
    // The data is a view into a chunk of the socket. The copy lets the chunk be freed.
    waiting.answered(status, message.data === null ? null : Uint8Array.from(message.data));
  }

  /** The request or question that the message answers; null: there is none. */
  private waitingFor(message: Answer): PendingRequest | Question | null {
    const { requestNumber } = message;
    if (message.family === 'report') {
      const question = this.questions.get(requestNumber);
      return question?.inquiry === message.inquiry ? question : null;
    }
    const request = this.outstanding.get(requestNumber)?.request;
    return request?.kind === message.request ? request : null;
  }

  private loseQuestions(): void {
    const questions = [...this.questions.values()];
    this.questions.clear();
    for (const question of questions) question.lost();
  }

  private countBadTag(): void {
    this.options.counters.badTagResponses += 1;
    if (this.warned) return;
    this.warned = true;
    this.options.onTrouble(WRONG_TAGS);
  }

  /**
   * The age of the oldest request counts, not the time since the last answer. Otherwise a process that answers some
   * requests and never the others (for example writes, because its disk is full) would collect all of the others.
   */
  private checkSilence(): void {
    if (this.outstanding.size === 0 || this.state !== 'open') {
      this.watched.next(false);
      return;
    }
    this.checkCount += 1;
    const oldest = firstOf(this.outstanding.values());
    if (oldest === null || this.checkCount - oldest.sentAtCheck <= SILENCE_CHECKS) return;
    this.options.counters.leftConnections += 1;
    this.options.onTrouble(`a request has had no answer for ${this.options.unansweredMs} ms`);
    this.leave();
  }

  private finish(): void {
    this.state = 'over';
    this.gathered = [];
    const reason = this.options.connection.endedUnconfirmed === true ? 'unconfirmed' : 'closed';
    const requests = [...this.outstanding.values()].map(({ request }) => request);
    this.outstanding.clear();
    this.watched.next(false);
    this.watched.complete();
    for (const request of requests) request.lost(reason);
    this.loseQuestions();
  }
}

function requestOf(request: PendingRequest): Parameters<typeof serializeRequest>[0] {
  const { kind, requestNumber, sector } = request;
  if (kind === 'read') return { kind, requestNumber, sector };
  const { data } = request;
  assert(data !== undefined, 'a WRITE carries data');
  return { kind, requestNumber, sector, data };
}

function firstOf<T>(values: Iterable<T>): T | null {
  for (const value of values) return value;
  return null;
}
