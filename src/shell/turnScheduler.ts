/**
 * The end of the current turn of the event loop as an RxJS scheduler. Node passes on what has arrived on all sockets in
 * one phase of its loop, and runs `setImmediate` right after it. So work that is scheduled here runs after everything
 * that had arrived by then was taken in, and what the turn sends goes out together.
 *
 * RxJS's own asapScheduler runs as a microtask, after each single callback: too early.
 */
import type { SchedulerAction, SchedulerLike } from 'rxjs';
import { asyncScheduler, Subscription } from 'rxjs';

type Work<T> = (this: SchedulerAction<T>, state?: T) => void;

/** The actions that were scheduled in this turn, in order. Bounded by the callers. */
let queue: (() => void)[] = [];

/** Without a delay: at the end of this turn. With one: after it, as asyncScheduler does. */
export const turnScheduler: SchedulerLike = {
  now: () => performance.now(),
  schedule<T>(work: Work<T>, delay = 0, state?: T): Subscription {
    return new TurnAction(work).schedule(state, delay);
  },
};

/** A class because RxJS wants its actions to be Subscriptions. */
class TurnAction<T> extends Subscription implements SchedulerAction<T> {
  /** Counts the calls of `schedule`: each one replaces the one before, as RxJS has it. */
  private scheduleCount = 0;
  private timer: Subscription | undefined;

  constructor(private readonly work: Work<T>) {
    super();
  }

  schedule(state?: T, delay = 0): Subscription {
    if (this.closed) return this;
    this.timer?.unsubscribe();
    this.scheduleCount += 1;
    const ticket = this.scheduleCount;
    const run = (): void => {
      if (ticket === this.scheduleCount && !this.closed) this.run(ticket, state);
    };
    if (delay > 0) {
      this.timer = asyncScheduler.schedule(run, delay);
      this.add(this.timer);
    } else {
      if (queue.length === 0) setImmediate(runTurn);
      queue.push(run);
    }
    return this;
  }

  /** An action whose work did not schedule it again is over. */
  private run(ticket: number, state: T | undefined): void {
    try {
      this.work(state);
    } finally {
      if (ticket === this.scheduleCount) this.unsubscribe();
    }
  }
}

function runTurn(): void {
  const runs = queue;
  queue = [];
  let next = 0;
  try {
    while (next < runs.length) {
      const run = runs[next];
      next += 1;
      run();
    }
  } finally {
    // An action has thrown. The error is thrown on to the process, and the other actions still run.
    if (next < runs.length) {
      if (queue.length === 0) setImmediate(runTurn);
      queue = [...runs.slice(next), ...queue];
    }
  }
}
