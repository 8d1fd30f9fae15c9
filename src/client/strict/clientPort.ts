/**
 * A replica as a coordinator in a client sees it: over one connection at a time, which is dialled again when it is
 * over.
 *
 * A process that answers nothing holds nothing here. Its coordinator asks the others meanwhile, and keeps the work
 * under way for each replica bounded by `bufferedBytes`. What this port adds is the end of it: after `unansweredMs`
 * without any answer, or beyond the limits of src/client/strict/replicaConnection.ts, the connection is given up and
 * `isUp$` is false. It becomes true only when the process has answered OPEN over a new connection, so a process that is
 * stopped or cut off costs one connection and no requests.
 */
import type { Observable } from 'rxjs';
import { BehaviorSubject, Subject, distinctUntilChanged, merge } from 'rxjs';
import { assert } from '../../core/assert.js';
import type { Rank } from '../../core/rank.js';
import type { ReplicaRequest } from '../../core/strict/replicaMessage.js';
import type { ReceivedAnswer, ReplicaPort } from '../../coordinator/replicaPort.js';
import type { Connection } from '../../ports/connection.js';
import type { Random } from '../../ports/random.js';
import type { RegisterMode } from '../../core/membership/registerMode.js';
import type { Opened } from '../../wire/strict/openMessages.js';
import { keepConnected } from '../keepConnected.js';
import type { ClientConnection } from '../link.js';
import type { ReplicaConnectionOptions, ReplicaTimeouts } from './replicaConnection.js';
import { ReplicaConnection } from './replicaConnection.js';

/** How a process may be spoken to. `unknown`: it has not answered OPEN, so it is asked by READ and WRITE. */
export type PortMode = RegisterMode | 'unknown';

type Shared = 'rank' | 'processCount' | 'sectors' | 'tagger' | 'schedulers' | 'limits' | 'counters' | 'stop$';

export interface ClientPortOptions extends Pick<ReplicaConnectionOptions, Shared> {
  readonly timeouts: ReplicaTimeouts & {
    readonly dialMs: number;
    readonly reconnectMs: number;
    readonly reconnectMsMax: number;
  };
  readonly random: Pick<Random, 'fraction' | 'operationId'>;
  dial(): Observable<Connection>;
  onDialFailed(error: unknown): void;
  /** Runs beside each connection, for as long as that lasts. Default: nothing. */
  beside?(side: ClientConnection): Observable<never>;
  /**
   * Called with the trouble with the process, in words. `isFirst`: for the first time since the process has answered a
   * request.
   */
  onTrouble(trouble: string, isFirst: boolean): void;
}

/** Numbers of requests begin below this, at random, so that an old answer names no request of another client. */
const FIRST_NUMBER_MAX = 2 ** 52;

export class ClientPort implements ReplicaPort {
  readonly rank: Rank;
  readonly isUp$: Observable<boolean>;
  readonly answer$: Observable<ReceivedAnswer>;
  /** How the process may be spoken to, as it was last known: emits at once and at each change. null: not known yet. */
  readonly mode$: Observable<PortMode | null>;
  /**
   * Keeps the connection: to be subscribed to once. Completes only after `stop$`; an error is one of this program.
   */
  readonly run$: Observable<never>;
  readonly #isUp = new BehaviorSubject(false);
  readonly #mode = new BehaviorSubject<PortMode | null>(null);
  readonly #answer = new Subject<ReceivedAnswer>();
  readonly #troubles = new Set<string>();
  #current: ReplicaConnection | null = null;
  #opened: Opened | null = null;
  #nextNumber: number;

  constructor(private readonly options: ClientPortOptions) {
    const { rank, random, schedulers, stop$ } = options;
    const { dialMs, reconnectMs, reconnectMsMax } = options.timeouts;
    this.rank = rank;
    this.isUp$ = this.#isUp.pipe(distinctUntilChanged());
    this.mode$ = this.#mode.pipe(distinctUntilChanged());
    this.answer$ = this.#answer.asObservable();
    this.#nextNumber = Math.floor(random.fraction() * FIRST_NUMBER_MAX);
    this.run$ = keepConnected<Connection>({
      ...{ dialMs, reconnectMs, reconnectMsMax, random, schedulers, stop$ },
      dial: () => options.dial(),
      onDialFailed: (error) => {
        options.counters.failedDials += 1;
        options.onDialFailed(error);
      },
      serve: (connection, proved) => this.#serve(connection, proved),
    });
  }

  /** What the process has said of itself over the present connection; null: nothing yet. */
  get opened(): Opened | null {
    return this.#opened;
  }

  get bufferedBytes(): number {
    return this.#current?.bufferedBytes ?? 0;
  }

  send(request: ReplicaRequest): number | null {
    assert(this.#isUp.value && this.#current !== null, `the port to process ${this.rank} is up`);
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    return this.#current.send(number, request) ? number : null;
  }

  #serve(connection: Connection, proved: () => void): Observable<never> {
    const { options } = this;
    const current = new ReplicaConnection({
      ...options,
      connection,
      token: options.random.operationId(),
      onTrouble: (trouble) => {
        const isFirst = !this.#troubles.has(trouble);
        this.#troubles.add(trouble);
        options.onTrouble(trouble, isFirst);
      },
      onOpened: (opened) => {
        this.#opened = opened;
        this.#mode.next(opened?.mode ?? 'unknown');
        this.#isUp.next(opened?.mode === 'strict' && opened.memberState === 'member');
      },
      onAnswer: (answer) => {
        proved();
        this.#troubles.clear();
        this.#answer.next(answer);
      },
      onOver: () => {
        this.#current = null;
        this.#opened = null;
        this.#isUp.next(false);
      },
    });
    this.#current = current;
    return options.beside === undefined ? current.run$ : merge(options.beside(current.side), current.run$);
  }
}
