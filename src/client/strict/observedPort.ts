/** Counts what a coordinator sends to a replica, and tells an observer of it. */
import type { Observable } from 'rxjs';
import { tap } from 'rxjs';
import type { ReceivedAnswer, ReplicaPort } from '../../coordinator/replicaPort.js';
import type { Rank } from '../../core/rank.js';
import type { ReplicaRequest } from '../../core/strict/replicaMessage.js';
import type { AttemptEvent, AttemptObserver, ClientCounters } from '../clientEvents.js';

type Attempt = Omit<AttemptEvent, 'event'>;

/** QUERY is a read, and STORE a write, also that of a read that settles. Others are steps towards them. */
export class ObservedPort implements ReplicaPort {
  readonly rank: Rank;
  readonly isUp$: Observable<boolean>;
  readonly answer$: Observable<ReceivedAnswer>;
  /** By number. Kept only for an observer; bounded as the requests of the port are. */
  readonly #unanswered = new Map<number, Attempt>();

  constructor(
    private readonly port: ReplicaPort,
    private readonly counters: ClientCounters,
    private readonly observer: AttemptObserver | undefined,
  ) {
    this.rank = port.rank;
    this.isUp$ =
      observer === undefined
        ? port.isUp$
        : port.isUp$.pipe(
            tap((isUp) => {
              if (!isUp) this.#lost();
            }),
          );
    this.answer$ =
      observer === undefined
        ? port.answer$
        : port.answer$.pipe(
            tap(({ request }) => {
              this.#answered(request);
            }),
          );
  }

  get bufferedBytes(): number {
    return this.port.bufferedBytes;
  }

  send(request: ReplicaRequest): number | null {
    const number = this.port.send(request);
    if (number === null) return null;
    if (request.kind === 'query') {
      this.counters.readsSent += 1;
      this.#sent(number, 'read', request);
    } else if (request.kind === 'store') {
      this.counters.writesSent += 1;
      this.#sent(number, 'write', request);
    }
    return number;
  }

  #sent(number: number, kind: AttemptEvent['kind'], { range }: ReplicaRequest): void {
    if (this.observer === undefined) return;
    const attempt: Attempt = { kind, sector: range.first, rank: this.rank, attempt: 1 };
    this.#unanswered.set(number, attempt);
    this.observer({ ...attempt, event: 'sent' });
  }

  #answered(number: number): void {
    const attempt = this.#unanswered.get(number);
    if (attempt === undefined) return;
    this.#unanswered.delete(number);
    this.observer?.({ ...attempt, event: 'answered' });
  }

  #lost(): void {
    const attempts = [...this.#unanswered.values()];
    this.#unanswered.clear();
    for (const attempt of attempts) this.observer?.({ ...attempt, event: 'lost' });
  }
}
