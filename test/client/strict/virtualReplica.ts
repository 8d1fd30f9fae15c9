/**
 * A replica that exists in virtual time only, for tests of the port to it: the test is the process. Real bytes flow,
 * tags included.
 */
import type { Observable } from 'rxjs';
import { ReplaySubject, VirtualAction, VirtualTimeScheduler, map, throwError, timer } from 'rxjs';
import type { ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import { createCounters } from '../../../src/client/clientEvents.js';
import type { ClientPortOptions } from '../../../src/client/strict/clientPort.js';
import { ClientPort } from '../../../src/client/strict/clientPort.js';
import type { ReceivedAnswer } from '../../../src/coordinator/replicaPort.js';
import { createFrameDecoder } from '../../../src/wire/frame.js';
import { SERVER_MESSAGES } from '../../../src/wire/messageTypes.js';
import type { NumberedAnswer } from '../../../src/wire/strict/answers.js';
import { serializeResponse } from '../../../src/wire/serialize.js';
import { SIZE_PACK_MAX } from '../../../src/wire/strict/layout.js';
import type { OpenFields, Opened } from '../../../src/wire/strict/openMessages.js';
import { serializeOpened } from '../../../src/wire/strict/openMessages.js';
import { Packer } from '../../../src/wire/strict/pack.js';
import type { NumberedRequest } from '../../../src/wire/strict/requests.js';
import type { Tagger } from '../../../src/wire/tag.js';
import { createTagger } from '../../../src/wire/tag.js';
import { judge } from '../../../src/wire/verdict.js';
import { FakeConnection } from '../../helpers/fakeConnection.js';

export const tagger = createTagger(Buffer.alloc(32, 7));
export const RANK = 2;
export const SECTORS = 1_000;
export const INCARNATIONS = [0, 3, 1];

/** The other end of it is the test. */
export class ReplicaEnd extends FakeConnection {
  readonly opens: OpenFields[] = [];
  /** The requests of each pack that has come. */
  readonly packs: (readonly NumberedRequest[])[] = [];
  /** READs of a sector that no disk has. */
  pings = 0;
  private readonly decoder = createFrameDecoder(SERVER_MESSAGES, () => SIZE_PACK_MAX);

  override write(chunks: readonly Uint8Array[]): void {
    super.write(chunks);
    const options = { self: RANK, processCount: 3, sectors: SECTORS, clientTagger: tagger, systemTagger: tagger };
    for (const frame of chunks.flatMap((chunk) => this.decoder.push(chunk))) {
      const verdict = judge({ frame: frame.bytes, message: frame.type.parse(frame.bytes) }, options);
      if (verdict.kind === 'refused' || verdict.kind === 'request') this.pings += 1;
      else if (verdict.kind === 'open') this.opens.push(verdict.open);
      else if (verdict.kind === 'pack' && verdict.content.kind === 'requests') {
        this.packs.push(verdict.content.requests);
      } else throw new Error(`not expected: ${JSON.stringify(verdict)}`);
    }
  }

  get requests(): readonly NumberedRequest[] {
    return this.packs.flat();
  }

  get isDestroyed(): boolean {
    return this.calls.includes('destroy');
  }

  opened(fields: Partial<Opened> = {}, by = tagger): void {
    const { token } = this.opens[this.opens.length - 1];
    const said: Opened = {
      ...{ rank: RANK, echo: token, version: 1, mode: 'strict', processCount: 3 },
      ...{ memberState: 'member', sectors: SECTORS, incarnations: INCARNATIONS },
      ...fields,
    };
    this.receive(serializeOpened(said, by));
  }

  /** Answers the ping. */
  pong(): void {
    const request = {
      request: 'read',
      status: 'invalidSectorIndex',
      requestNumber: 2n ** 64n - 1n,
      data: null,
    } as const;
    this.receive(serializeResponse(request, tagger));
  }

  answer(answers: readonly NumberedAnswer[], { by = tagger, rank = RANK }: { by?: Tagger; rank?: number } = {}): void {
    for (const piece of new Packer(rank, by).packAnswers(INCARNATIONS, answers)) this.receive(piece);
  }
}

export class VirtualReplica {
  readonly port: ClientPort;
  readonly ends: ReplicaEnd[] = [];
  readonly troubles: string[] = [];
  readonly counters = createCounters();
  readonly ups: boolean[] = [];
  readonly modes: (string | null)[] = [];
  readonly answers: ReceivedAnswer[] = [];
  isRefusing = false;
  isOver = false;
  private readonly stopped = new ReplaySubject<void>(1);
  private readonly scheduler = new VirtualTimeScheduler(VirtualAction, 0);

  constructor(options: Partial<ClientPortOptions> = {}) {
    const { scheduler } = this;
    let tokens = 0;
    this.port = new ClientPort({
      rank: RANK,
      processCount: 3,
      sectors: null,
      tagger,
      schedulers: { clock: scheduler, turn: scheduler },
      timeouts: {
        ...{ dialMs: 100, reconnectMs: 50, reconnectMsMax: 200 },
        ...{ openMs: 500, openAgainMs: 300, unansweredMs: 1_000 },
      },
      limits: { unansweredMax: 100, bufferBytesMax: 100_000 },
      random: {
        fraction: () => 0,
        operationId: () => {
          tokens += 1;
          return `token number ${String(tokens).padStart(3, '0')}`;
        },
      },
      counters: this.counters,
      stop$: this.stopped,
      dial: () => this.dial(),
      onDialFailed: () => undefined,
      onTrouble: (trouble, isFirst) => {
        if (isFirst) this.troubles.push(trouble);
      },
      ...options,
    });
    this.port.isUp$.subscribe((isUp) => this.ups.push(isUp));
    this.port.mode$.subscribe((mode) => this.modes.push(mode));
    this.port.answer$.subscribe((answer) => this.answers.push(answer));
    this.port.run$.subscribe({
      complete: () => {
        this.isOver = true;
      },
    });
    this.advance(1);
  }

  /** The newest connection. */
  get end(): ReplicaEnd {
    return this.ends[this.ends.length - 1];
  }

  get isUp(): boolean {
    return this.ups[this.ups.length - 1];
  }

  /** Lets virtual time pass; what is due by then happens. */
  advance(ms: number): void {
    const until = this.scheduler.frame + ms;
    this.scheduler.schedule(() => undefined, ms);
    this.scheduler.maxFrames = until;
    this.scheduler.flush();
  }

  stop(): void {
    this.stopped.next();
    this.stopped.complete();
    this.advance(1);
  }

  /** Sends them in one turn. @returns the numbers of those that are sent. */
  send(...requests: readonly ReplicaRequest[]): number[] {
    const numbers = requests.map((request) => this.port.send(request));
    this.advance(0);
    return numbers.filter((number) => number !== null);
  }

  private dial(): Observable<ReplicaEnd> {
    if (this.isRefusing) return throwError(() => new Error('refused'));
    return timer(1, this.scheduler).pipe(
      map(() => {
        const end = new ReplicaEnd('virtual', this.scheduler);
        this.ends.push(end);
        return end;
      }),
    );
  }
}
