/**
 * Virtual time: everything that happens in a simulated cluster happens in one loop, one event after the other, in an
 * order that the seed alone decides. What takes no time in here takes none: between two events nothing happens.
 */
import type { Actor } from './actor.js';
import { EventHeap } from './eventHeap.js';
import { Trace } from './trace.js';

/** Something that must not happen has happened. The first one counts; the run ends. */
export interface Finding {
  /** Which check found it: a short word, see docs/testing.md. */
  readonly check: string;
  readonly text: string;
  readonly atUs: number;
  /** The part of the trace that it is about, if that is not what came just before. */
  readonly excerpt?: Excerpt;
}

export interface Excerpt {
  readonly sector: number;
  readonly fromUs: number;
  readonly toUs: number;
}

export interface Scheduled {
  cancel(): void;
}

/** Runs away rather than hangs: far above what any run needs. */
const EVENTS_MAX = 20_000_000;

export class World {
  readonly trace: Trace;
  nowUs = 0;
  eventCount = 0;
  finding: Finding | null = null;
  private readonly heap = new EventHeap();
  private latestInstantMs = -1;

  constructor(isRecording: boolean) {
    this.trace = new Trace(() => this.nowUs, isRecording);
  }

  /** A moment that nothing else happened at, in milliseconds; later than all before. */
  instantMs(): number {
    this.latestInstantMs = Math.max(this.nowUs / 1_000, this.latestInstantMs + 1 / 1_048_576);
    return this.latestInstantMs;
  }

  /** @param actor Whose event it is; null: the world's own. */
  schedule(actor: Actor | null, delayUs: number, run: () => void): Scheduled {
    const event = this.heap.push(this.nowUs + Math.max(0, Math.round(delayUs)), actor, run);
    return {
      cancel: () => {
        event.run = null;
      },
    };
  }

  /** Reports what must not have happened. Nothing of it is thrown into the code under test. */
  report(check: string, text: string, excerpt?: Excerpt): void {
    if (this.finding !== null) return;
    const found = { check, text, atUs: this.nowUs };
    this.finding = excerpt === undefined ? found : { ...found, excerpt };
    this.trace.note('FOUND', 0, 0, () => `${check}: ${text}`);
  }

  /** Lets time pass until then, until `isDone` says so after an event, or until a finding. */
  run(untilUs: number, isDone: () => boolean = () => false): void {
    while (this.finding === null) {
      const event = this.heap.peek();
      if (event === null || event.atUs > untilUs) {
        this.nowUs = Math.max(this.nowUs, untilUs);
        return;
      }
      this.heap.pop();
      const { actor, run } = event;
      if (run === null || actor?.isDead === true) continue;
      if (actor !== null && actor.stalledUntilUs > event.atUs) {
        this.heap.delay(event, actor.stalledUntilUs);
        continue;
      }
      this.nowUs = event.atUs;
      this.eventCount += 1;
      if (this.eventCount > EVENTS_MAX) throw new Error('the simulation runs away');
      this.runGuarded(run);
      if (isDone()) return;
    }
  }

  /** An exception that reaches the loop would have ended a real program. */
  private runGuarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.report('exception', error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }
}
