import type { Observable } from 'rxjs';
import { BehaviorSubject, Subject, distinctUntilChanged } from 'rxjs';
import { assert } from '../../../src/core/assert.js';
import type { Rank } from '../../../src/core/rank.js';
import type { Incarnations, ReplicaAnswer, ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import type { ReceivedAnswer, ReplicaPort } from '../../../src/coordinator/replicaPort.js';
import { oncePerTurn } from '../../../src/oncePerTurn.js';
import type { Schedulers } from '../../../src/ports/schedulers.js';
import type { RequestFrom } from '../../replicaRegisters.js';
import type { Outgoing } from '../../writeTogether.js';
import type { Asker } from './asker.js';

export interface OwnPortOptions {
  readonly rank: Rank;
  readonly schedulers: Pick<Schedulers, 'turn'>;
  /** What this process knows of all (E4). */
  readonly incarnations: () => Incarnations;
}

const NOTHING: readonly Outgoing[] = [];

/**
 * The replica of a process as the coordinator in the same process sees it: requests go to it at the end of the turn,
 * and its answers come back as they are. Up while the process votes.
 *
 * Bound: what its coordinator has under way.
 */
export class OwnPort implements ReplicaPort {
  readonly rank: Rank;
  readonly bufferedBytes = 0;
  readonly isUp$: Observable<boolean>;
  readonly answer$: Observable<ReceivedAnswer>;
  /** For the replica. */
  readonly request$: Observable<RequestFrom<Asker>>;
  readonly #isUp = new BehaviorSubject(false);
  readonly #answer = new Subject<ReceivedAnswer>();
  readonly #request = new Subject<RequestFrom<Asker>>();
  readonly #incarnations: () => Incarnations;
  readonly #flushAtTurn: () => void;
  #gathered: RequestFrom<Asker>[] = [];
  #nextNumber = 0;
  /** Answers to earlier numbers were given up. */
  #firstNumber = 0;

  constructor({ rank, schedulers, incarnations }: OwnPortOptions) {
    this.rank = rank;
    this.#incarnations = incarnations;
    this.isUp$ = this.#isUp.pipe(distinctUntilChanged());
    this.answer$ = this.#answer.asObservable();
    this.request$ = this.#request.asObservable();
    this.#flushAtTurn = oncePerTurn(schedulers.turn, () => {
      const gathered = this.#gathered;
      this.#gathered = [];
      for (const request of gathered) this.#request.next(request);
    });
  }

  /** The process has begun or stopped to vote. */
  setUp(isUp: boolean): void {
    if (!isUp) {
      this.#firstNumber = this.#nextNumber;
      this.#gathered = [];
    }
    this.#isUp.next(isUp);
  }

  send(request: ReplicaRequest): number {
    assert(this.#isUp.value, 'the port to the own replica is up');
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    const answered = (answer: ReplicaAnswer | null): readonly Outgoing[] => {
      this.#answered(number, answer);
      return NOTHING;
    };
    this.#gathered.push({ origin: { connection: this, answered }, request });
    this.#flushAtTurn();
    return number;
  }

  #answered(request: number, answer: ReplicaAnswer | null): void {
    if (answer === null || request < this.#firstNumber) return;
    this.#answer.next({ request, answer, incarnations: this.#incarnations() });
  }
}
