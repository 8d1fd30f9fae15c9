import test from 'ava';
import { EMPTY, VirtualAction, VirtualTimeScheduler, asyncScheduler } from 'rxjs';
import { workLanes } from '../../streams/workLanes.js';
import { marbles } from '../helpers/marbles.js';

test('as many pieces at a time as there are lanes, one after the other', marbles, (helpers) => {
  const { cold, expectObservable, expectSubscriptions } = helpers;
  const pieces = ['a', 'b', 'c'];
  const [a$, b$, c$] = [cold('---|'), cold('-|'), cold('--|')];
  const works = new Map([
    ['a', a$],
    ['b', b$],
    ['c', c$],
  ]);
  const result$ = workLanes({
    lanes: () => 2,
    take: () => pieces.shift() ?? null,
    handle: (piece) => works.get(piece) ?? EMPTY,
    idleMs: 2,
    clock: asyncScheduler,
  });
  expectObservable(result$, '---------!').toBe('----------');
  expectSubscriptions(a$.subscriptions).toBe('--^--!');
  expectSubscriptions(b$.subscriptions).toBe('--^!');
  expectSubscriptions(c$.subscriptions).toBe('---^-!');
});

test('an error of a piece ends everything; unsubscribing ends what is under way', marbles, (helpers) => {
  const { cold, expectObservable, expectSubscriptions } = helpers;
  const lanesOver = (work$: ReturnType<typeof cold>, pieces: number[]) =>
    workLanes({
      lanes: () => 1,
      take: () => pieces.shift() ?? null,
      handle: () => work$,
      idleMs: 1,
      clock: asyncScheduler,
    });
  expectObservable(lanesOver(cold('--#'), [1])).toBe('---#');
  const long$ = cold('------|');
  expectObservable(lanesOver(long$, [1]), '---!').toBe('----');
  expectSubscriptions(long$.subscriptions).toBe('-^-!');
});

test('work that ends on the spot does not go deep into the stack', (t) => {
  const clock = new VirtualTimeScheduler(VirtualAction, 10);
  let left = 50_000;
  const doing = workLanes({
    lanes: () => 1,
    take: () => (left === 0 ? null : (left -= 1)),
    handle: () => EMPTY,
    idleMs: 1,
    clock,
  }).subscribe();
  clock.flush();
  doing.unsubscribe();
  t.is(left, 0);
});
