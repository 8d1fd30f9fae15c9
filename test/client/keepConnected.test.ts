import test from 'ava';
import type { Observable } from 'rxjs';
import { NEVER, ReplaySubject, throwError } from 'rxjs';
import type { RunHelpers } from 'rxjs/testing';
import type { KeepConnectedOptions } from '../../src/client/keepConnected.js';
import { keepConnected } from '../../src/client/keepConnected.js';
import { marbles } from '../helpers/marbles.js';

const BROKEN = new Error('broken');

/** Delays of exactly 4, 8, 16, 16 … frames. */
function options({ cold }: RunHelpers, overrides: Partial<KeepConnectedOptions<string>>): KeepConnectedOptions<string> {
  const turn = {
    schedule: () => {
      throw new Error('not used');
    },
    now: () => 0,
  };
  return {
    dial: () => cold('-c|'),
    serve: () => NEVER,
    dialMs: 1_000,
    reconnectMs: 4,
    reconnectMsMax: 16,
    onDialFailed: () => undefined,
    stop$: NEVER,
    // The default clock is the virtual one while a marble test runs.
    schedulers: { clock: undefined as never, turn },
    random: { fraction: () => 1 },
    ...overrides,
  };
}

test('each failed dial doubles the delay, up to the most', marbles, (helpers) => {
  const { cold, expectObservable, expectSubscriptions } = helpers;
  const dials$ = cold('-#');
  const failures: unknown[] = [];
  const result$ = keepConnected(
    options(helpers, { dial: () => dials$, onDialFailed: (error) => failures.push(error) }),
  );
  expectObservable(result$, '     ------------------------------------------------------!').toBe('-');
  expectSubscriptions(dials$.subscriptions).toBe([
    '^!',
    '-----^!',
    '--------------^!',
    '-------------------------------^!',
    '------------------------------------------------^!',
  ]);
});

test('a connection that proved good starts the delays small again', marbles, (helpers) => {
  const { cold, expectObservable, expectSubscriptions } = helpers;
  const dials$ = cold('c|');
  let count = 0;
  const serve = (_connection: string, proved: () => void): Observable<never> => {
    count += 1;
    if (count === 3) proved();
    return cold('-|');
  };
  expectObservable(keepConnected(options(helpers, { dial: () => dials$, serve })), '30ms !').toBe('-');
  expectSubscriptions(dials$.subscriptions).toBe([
    '^!',
    '-----^!', // After 4.
    '--------------^!', // After 8; this one proves good.
    '-------------------^!', // After 4 again.
    '----------------------------^!', // After 8.
  ]);
});

test('a dial that takes too long has failed', marbles, (helpers) => {
  const failures: string[] = [];
  const onDialFailed = (error: unknown) => failures.push((error as Error).name);
  const { expectObservable, flush } = helpers;
  const result$ = keepConnected(options(helpers, { dial: () => NEVER, dialMs: 10, onDialFailed }));
  expectObservable(result$, '12ms !').toBe('-');
  flush();
  if (failures.join() !== 'TimeoutError') throw new Error(`failures: ${failures.join()}`);
});

/** Emits after that many frames, for late subscribers too. */
function stopAfter({ cold }: RunHelpers, frames: string): Observable<unknown> {
  const stop = new ReplaySubject<unknown>(1);
  cold(`${frames}s|`).subscribe(stop);
  return stop;
}

test('stop$ ends it between connections at once', marbles, (helpers) => {
  const dial = () => helpers.cold('-#');
  const result$ = keepConnected(options(helpers, { dial, stop$: stopAfter(helpers, '---') }));
  helpers.expectObservable(result$).toBe('---|');
});

test('stop$ ends a dial at once', marbles, (helpers) => {
  const dial = () => NEVER;
  const result$ = keepConnected(options(helpers, { dial, stop$: stopAfter(helpers, '---') }));
  helpers.expectObservable(result$).toBe('---|');
});

test('a connection in use is over when it says so, also after stop$', marbles, (helpers) => {
  const serve = () => helpers.cold<never>('-----|');
  const result$ = keepConnected(options(helpers, { serve, stop$: stopAfter(helpers, '--') }));
  helpers.expectObservable(result$).toBe('------|');
});

test('an error in use is the end', marbles, (helpers) => {
  const { expectObservable } = helpers;
  const serve = () => throwError(() => BROKEN);
  expectObservable(keepConnected(options(helpers, { serve }))).toBe('-#', undefined, BROKEN);
});
