/**
 * The requests that were sent to a replica over one connection and are not answered, and how long it has been silent.
 *
 * Bound: what its user sends; of a request only its range and stamp are kept, not its data.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { BehaviorSubject } from 'rxjs';
import type { ReplicaRequest } from '../core/strict/replicaMessage.js';
import type { NumberedAnswer } from '../wire/strict/answers.js';
import type { Expectation } from './expectation.js';
import { expectationOf, misfitOf } from './expectation.js';
import { watchWhile } from './watchWhile.js';

/** What an answer is to the requests: one of them is answered; none is waited for; it does not fit its request. */
export type Match =
  { readonly kind: 'answer' } | { readonly kind: 'unexpected' } | { readonly kind: 'misfit'; readonly trouble: string };

const ANSWER: Match = { kind: 'answer' };
const UNEXPECTED: Match = { kind: 'unexpected' };

/** Silence is checked for this many times in `unansweredMs`, so it is noticed at most a part of that late. */
const SILENCE_CHECKS = 4;

export class SentRequests {
  readonly #expected = new Map<number, Expectation>();
  readonly #isWaiting = new BehaviorSubject(false);
  /** Checks since the last answer. */
  #silentChecks = 0;

  /** @param unansweredMs Milliseconds without any answer, while one is waited for, that are too many. */
  constructor(private readonly unansweredMs: number) {}

  /** How many have no answer. */
  get size(): number {
    return this.#expected.size;
  }

  add(number: number, request: ReplicaRequest): void {
    const expectation = expectationOf(request);
    if (expectation === null) return;
    if (this.#expected.size === 0) {
      this.#silentChecks = 0;
      if (!this.#isWaiting.value) this.#isWaiting.next(true);
    }
    this.#expected.set(number, expectation);
  }

  take(answer: NumberedAnswer): Match {
    const expected = this.#expected.get(answer.number);
    if (expected === undefined) return UNEXPECTED;
    const misfit = misfitOf(expected, answer);
    if (misfit !== null) return { kind: 'misfit', trouble: `an answer does not fit its request: ${misfit}` };
    this.#expected.delete(answer.number);
    this.heard();
    return ANSWER;
  }

  /** The replica has shown that it is there. */
  heard(): void {
    this.#silentChecks = 0;
  }

  /** None is waited for any more. */
  clear(): void {
    this.#expected.clear();
    this.#isWaiting.next(false);
  }

  /** Calls `onSilent` with the trouble when the replica has been silent for too long. Emits nothing. */
  watch(clock: SchedulerLike, onSilent: (trouble: string) => void): Observable<never> {
    const check = (): void => {
      if (this.#expected.size === 0) {
        this.#isWaiting.next(false);
        return;
      }
      this.#silentChecks += 1;
      if (this.#silentChecks > SILENCE_CHECKS) onSilent(`it has answered nothing for ${this.unansweredMs} ms`);
    };
    return watchWhile(this.#isWaiting, check, this.unansweredMs / SILENCE_CHECKS, clock);
  }
}
