/**
 * The clock of a process: timers in milliseconds, and a time that only goes forward. (RxJS's own asyncScheduler gives
 * the time of day. If an administrator or NTP set it back by an hour, everything would be due an hour later.)
 */
import type { SchedulerLike } from 'rxjs';
import { asyncScheduler } from 'rxjs';

export const monotonicClock: SchedulerLike = {
  now: () => performance.now(),
  schedule: asyncScheduler.schedule.bind(asyncScheduler),
};
