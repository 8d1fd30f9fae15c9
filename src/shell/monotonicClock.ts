/**
 * The clock of a process: timers in milliseconds, and a time that only goes forward. (RxJS's own asyncScheduler tells
 * the time of day, which an administrator or NTP may set back by an hour; what was due then would be due in an hour.)
 */
import type { SchedulerLike } from 'rxjs';
import { asyncScheduler } from 'rxjs';

export const monotonicClock: SchedulerLike = {
  now: () => performance.now(),
  schedule: asyncScheduler.schedule.bind(asyncScheduler),
};
