import test from 'ava';
import { defer } from 'rxjs';
import { NoSpace } from '../../src/ports/blockFiles.js';
import { retryWithoutRoom } from '../../streams/retryWithoutRoom.js';
import { marbles } from '../helpers/marbles.js';

test('what found no room is tried again after a while', marbles, ({ cold, expectObservable }, scheduler) => {
  const tries = [cold('-#', {}, new NoSpace('full')), cold('(a|)')];
  const source$ = defer(() => tries.shift() ?? []);
  expectObservable(source$.pipe(retryWithoutRoom(scheduler, 3))).toBe('----(a|)');
});

test('any other error is passed on', marbles, ({ cold, expectObservable }, scheduler) => {
  const broken = new Error('broken');
  const source$ = cold('-a#', undefined, broken);
  expectObservable(source$.pipe(retryWithoutRoom(scheduler, 3))).toBe('-a#', undefined, broken);
});
