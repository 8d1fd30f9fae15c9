/** What a coordinator has heard of: the highest counter of a stamp, and the highest incarnations. */
import { assert } from '../core/assert.js';
import { OPEN_STEP_MAX } from '../core/stamp.js';
import type { Incarnations, ReplicaAnswer } from '../core/strict/replicaMessage.js';
import type { CoordinatorId, StrictStamp } from '../core/strict/version.js';
import { COUNTER_REFUSED, rankOfCoordinator } from '../core/strict/version.js';
import { CountersUsedUp } from './countersUsedUp.js';

/** More stamps than others draw in a short pause. */
const LEAP = 1_024n;
const LEAP_DOUBLINGS_MAX = 12;

/** A Lamport counter (docs/strict-register.md, Roles). */
export class StampSource {
  #counter = 0n;

  constructor(private readonly coordinator: CoordinatorId) {}

  /**
   * @returns a stamp above all that were heard of, and that was never drawn before.
   * @throws {CountersUsedUp} Replicas let nobody get there by leaps (src/core/strict/counterBound.ts).
   */
  draw(): StrictStamp {
    const next = this.#counter + 1n;
    if (next >= COUNTER_REFUSED) throw new CountersUsedUp(next);
    this.#counter = next;
    return { counter: this.#counter, coordinator: this.coordinator };
  }

  /**
   * Others have drawn stamps that were not heard of during a pause. An ORDER that is refused for that alone would pause
   * again, and a coordinator that goes on without pauses would keep all others out. So the next stamp is far above.
   * @param attempt Counts the pauses of a task: those that meet again and again go further.
   */
  leap(attempt: number): void {
    this.#counter += LEAP << BigInt(Math.min(attempt, LEAP_DOUBLINGS_MAX));
  }

  /** No stamp in the answer is above a promise that it names beside it. */
  hear(answer: ReplicaAnswer): void {
    switch (answer.kind) {
      case 'state':
        for (const { promised } of answer.runs) this.#raise(promised);
        break;
      case 'ordered':
        for (const run of answer.runs) {
          if (run.outcome === 'refused') this.#raise(run.promised);
          else if (run.version !== null) this.#raise(run.version.stamp);
        }
        break;
      case 'stored':
        for (const run of answer.runs) if (run.outcome === 'refused') this.#raise(run.promised);
        break;
      case 'listed':
        break;
    }
  }

  #raise({ counter, coordinator }: StrictStamp): void {
    if (counter <= this.#counter) return;
    // G5: a write of the open mode that is half done may be above all that is heard of by one step of that mode.
    const isOpen = counter > 0n && rankOfCoordinator(coordinator) !== null;
    this.#counter = isOpen ? counter + OPEN_STEP_MAX : counter;
  }
}

/** E4. */
export class KnownIncarnations {
  #known: Incarnations;
  /** The last list that was found to raise nothing: a port gives the same one again and again. */
  #lastSeen: Incarnations | null = null;

  constructor(processCount: number) {
    this.#known = Array.from({ length: processCount }, () => 0);
  }

  /** The highest that were heard of, that of rank 1 first. Another list after each rise. */
  get all(): Incarnations {
    return this.#known;
  }

  /** @returns whether a later incarnation of some replica is known now. */
  learn(told: Incarnations): boolean {
    if (told === this.#lastSeen) return false;
    this.#lastSeen = told;
    assert(told.length === this.#known.length, `${told.length} incarnations of ${this.#known.length} processes`);
    if (!told.some((incarnation, index) => incarnation > this.#known[index])) return false;
    this.#known = this.#known.map((known, index) => Math.max(known, told[index]));
    return true;
  }
}
