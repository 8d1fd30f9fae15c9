import type { SchedulerLike } from 'rxjs';

/** All time comes from here. */
export interface Schedulers {
  /** Timers, in milliseconds. */
  readonly clock: SchedulerLike;
  /**
   * The end of the current turn of the event loop: what is scheduled without a delay runs after everything that has
   * arrived by now was taken in. Messages gathered until then go out together.
   */
  readonly turn: SchedulerLike;
}
