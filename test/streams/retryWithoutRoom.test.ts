import test from 'ava';
import { defer } from 'rxjs';
import type { Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { NoSpace } from '../../src/ports/blockFiles.js';
import { FULL_RETRY_MS, retryWithoutRoom } from '../../streams/retryWithoutRoom.js';

const full = new NoSpace('full');

test('what found no room is tried again after a while', (t) => {
  const scheduler = new TestScheduler((actual, expected) => t.deepEqual(actual, expected));
  scheduler.run(({ cold, expectObservable }) => {
    const tries: Observable<string>[] = [cold('   -#', undefined, full), cold('   -(a|)')];
    const result = `- ${FULL_RETRY_MS}ms -(a|)`;
    const source$ = defer(() => tries.shift() ?? cold('#'));
    expectObservable(source$.pipe(retryWithoutRoom(scheduler))).toBe(result);
  });
});

test('any other error is passed on', (t) => {
  const scheduler = new TestScheduler((actual, expected) => t.deepEqual(actual, expected));
  scheduler.run(({ cold, expectObservable }) => {
    const source$ = cold('-a#', undefined, new Error('broken'));
    expectObservable(source$.pipe(retryWithoutRoom(scheduler))).toBe('-a#', undefined, new Error('broken'));
  });
});
