/** Marble tests: the body runs in the virtual time of a scheduler of its own. */
import test from 'ava';
import { TestScheduler } from 'rxjs/testing';

type Body = Parameters<TestScheduler['run']>[0];
type Helpers = Parameters<Body>[0];

export const marbles = test.macro<[(helpers: Helpers, scheduler: TestScheduler) => void]>((t, body) => {
  const scheduler = new TestScheduler((actual, expected) => t.deepEqual(actual, expected));
  scheduler.run((helpers) => {
    body(helpers, scheduler);
  });
});
