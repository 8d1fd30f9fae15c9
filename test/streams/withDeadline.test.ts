import test from 'ava';
import type { RunHelpers } from 'rxjs/testing';
import { TestScheduler } from 'rxjs/testing';
import { withDeadline } from '../../streams/withDeadline.js';

/** Due after six frames, unless a d has come. */
const deadlineTest = test.macro(
  (t, body: (h: RunHelpers, deadline: ReturnType<typeof withDeadline<string>>) => void) => {
    const scheduler = new TestScheduler((actual, expected) => {
      t.deepEqual(actual, expected);
    });
    scheduler.run((helpers) => {
      const isDone = (value: string) => value === 'd';
      body(helpers, withDeadline({ clock: scheduler, dueMs: 6, isDone, late: 'l' }));
    });
  },
);

test('what has not come in time ends the stream', deadlineTest, (h, deadline) => {
  const source$ = h.cold('-a--b------x-d');
  h.expectObservable(source$.pipe(deadline)).toBe('-a--b-(l|)');
  h.expectSubscriptions(source$.subscriptions).toBe('^-----!');
});

test('what has come in time is all that counts', deadlineTest, (h, deadline) => {
  h.expectObservable(h.cold('-a--d------x--|').pipe(deadline)).toBe('-a--d------x--|');
});

test('the end of the source, errors, nothing, and unsubscribing', deadlineTest, (h, deadline) => {
  h.expectObservable(h.cold('--|').pipe(deadline)).toBe('--|');
  h.expectObservable(h.cold('-a-#').pipe(deadline)).toBe('-a-#');
  h.expectObservable(h.cold('-').pipe(deadline)).toBe('------(l|)');
  const source$ = h.cold('-a----------');
  h.expectObservable(source$.pipe(deadline), '---!').toBe('-a--');
  h.expectSubscriptions(source$.subscriptions).toBe('^--!');
});
