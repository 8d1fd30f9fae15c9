/**
 * A marble test: `test('title', marbles, ({ cold, expectObservable }, clock) => { … })` runs its body in the virtual
 * time of RxJS's TestScheduler, which is its clock, and compares with the assertions of the test.
 */
import test from 'ava';
import type { SchedulerLike } from 'rxjs';
import type { RunHelpers } from 'rxjs/testing';
import { TestScheduler } from 'rxjs/testing';

export const marbles = test.macro((t, body: (helpers: RunHelpers, clock: SchedulerLike) => void) => {
  const scheduler = new TestScheduler((actual, expected) => {
    t.deepEqual(actual, expected);
  });
  scheduler.run((helpers) => {
    body(helpers, scheduler);
  });
});
