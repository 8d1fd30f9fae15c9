import test from 'ava';
import { asapScheduler, firstValueFrom, from, observeOn, scheduled, tap, timer, toArray } from 'rxjs';
import { turnScheduler } from '../../src/shell/turnScheduler.js';
import { untilSo } from '../helpers/within.js';

const nextImmediate = () => new Promise<void>((resolve) => setImmediate(resolve));

test.serial('work waits for the end of the turn, after every microtask, and keeps its order', async (t) => {
  const seen: string[] = [];
  turnScheduler.schedule(() => seen.push('a'));
  asapScheduler.schedule(() => seen.push('microtask'));
  turnScheduler.schedule(() => seen.push('b'));
  process.nextTick(() => seen.push('tick'));
  t.deepEqual(seen, []);
  await nextImmediate();
  t.deepEqual(seen.slice(0, 2).sort(), ['microtask', 'tick']);
  t.deepEqual(seen.slice(2), ['a', 'b']);
});

test.serial('all work of a turn shares one setImmediate', async (t) => {
  const original = globalThis.setImmediate;
  let count = 0;
  globalThis.setImmediate = ((callback: () => void) => {
    count += 1;
    return original(callback);
  }) as typeof setImmediate;
  try {
    for (let index = 0; index < 100; index += 1) turnScheduler.schedule(() => undefined);
  } finally {
    globalThis.setImmediate = original;
  }
  await nextImmediate();
  t.is(count, 1);
});

test.serial('work scheduled by work runs in the next turn', async (t) => {
  const seen: string[] = [];
  turnScheduler.schedule(() => {
    seen.push('first');
    turnScheduler.schedule(() => seen.push('second'));
  });
  await nextImmediate();
  t.deepEqual(seen, ['first']);
  await nextImmediate();
  t.deepEqual(seen, ['first', 'second']);
});

test.serial('unsubscribed work does not run, with a delay or without', async (t) => {
  const seen: string[] = [];
  turnScheduler.schedule(() => seen.push('now')).unsubscribe();
  turnScheduler.schedule(() => seen.push('later'), 1).unsubscribe();
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.deepEqual(seen, []);
});

test.serial('an action schedules itself again with a state, and ends when it does not', async (t) => {
  const seen: number[] = [];
  const subscription = turnScheduler.schedule<number>(
    function (state) {
      seen.push(state);
      if (state < 2) this.schedule(state + 1, state === 0 ? 0 : 1);
    },
    0,
    0,
  );
  await untilSo(() => seen.length >= 3);
  t.deepEqual(seen, [0, 1, 2]);
  t.true(subscription.closed);
});

test.serial('scheduling an action again replaces what was scheduled', async (t) => {
  const seen: string[] = [];
  turnScheduler.schedule<string>(function (state) {
    seen.push(state ?? 'begin');
    if (state !== undefined) return;
    this.schedule('replaced');
    this.schedule('kept', 1);
  });
  await untilSo(() => seen.includes('kept'));
  t.deepEqual(seen, ['begin', 'kept']);
});

test.serial('operators and creation functions work on it', async (t) => {
  const order: string[] = [];
  const values = firstValueFrom(
    from([1, 2, 3]).pipe(
      observeOn(turnScheduler),
      tap(() => order.push('value')),
      toArray(),
    ),
  );
  order.push('subscribed');
  t.deepEqual(await values, [1, 2, 3]);
  t.is(order[0], 'subscribed');
  t.is(await firstValueFrom(timer(5, turnScheduler)), 0);
  t.is(await firstValueFrom(scheduled(['x'], turnScheduler)), 'x');
});

test.serial('work that throws does not take the rest of the turn with it', async (t) => {
  const seen: string[] = [];
  const caught = new Promise<unknown>((resolve) => {
    process.setUncaughtExceptionCaptureCallback(resolve);
  });
  turnScheduler.schedule(() => {
    throw new Error('broken work');
  });
  turnScheduler.schedule(() => seen.push('after'));
  const error = await caught;
  await nextImmediate();
  await nextImmediate();
  process.setUncaughtExceptionCaptureCallback(null);
  t.is((error as Error).message, 'broken work');
  t.deepEqual(seen, ['after']);
});
