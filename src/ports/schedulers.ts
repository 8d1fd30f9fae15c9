import type { SchedulerLike } from 'rxjs';

/** The only source of time. */
export interface Schedulers {
  /** Timers, in milliseconds. */
  readonly clock: SchedulerLike;
  /**
   * The end of the present turn of the event loop. Work scheduled without a delay runs after everything that has
   * arrived by now was handled. Messages gathered until then are sent together.
   */
  readonly turn: SchedulerLike;
}
