import test from 'ava';
import { map, tap } from 'rxjs';
import { holdWhile } from '../../streams/holdWhile.js';
import { marbles } from '../helpers/marbles.js';

/** Held by each capital letter, until released. */
function setup() {
  const calls: string[] = [];
  let held = false;
  return {
    calls,
    hold: tap((letter: string) => {
      if (letter === letter.toUpperCase()) held = true;
    }),
    open: map(() => {
      held = false;
    }),
    isHeld: () => held,
    onEmpty: () => {
      calls.push('empty');
    },
    keepAtEnd: (letter: string) => letter !== 'x',
  };
}

test('what comes after a holder waits for its release, in order', marbles, (helpers) => {
  const { cold, expectObservable } = helpers;
  const { hold, open, ...options } = setup();
  const source$ = cold('    -(Abc)--------|');
  const released$ = cold('  -------r-------').pipe(open);
  const expected = '        -A-----(bc)---|';
  expectObservable(source$.pipe(holdWhile({ ...options, released$ }), hold)).toBe(expected);
});

test('a release lets through up to the next holder', marbles, (helpers) => {
  const { cold, expectObservable } = helpers;
  const { hold, open, ...options } = setup();
  const source$ = cold('    -(ABc)-d--------|');
  const released$ = cold('  --------r---r----').pipe(open);
  const expected = '        -A------B---(cd)|';
  expectObservable(source$.pipe(holdWhile({ ...options, released$ }), hold)).toBe(expected);
});

test('the source is told to go on only when nothing waits', (t) => {
  const { hold, open, calls, ...options } = setup();
  marbles.exec(t, ({ cold, expectObservable }) => {
    const released$ = cold('--r-r').pipe(open);
    const source$ = cold('  (AB)--------|').pipe(holdWhile({ ...options, released$ }), hold);
    expectObservable(source$).toBe('A-B---------|');
  });
  t.deepEqual(calls, ['empty']);
});

test('at the end what may be kept comes out, the rest is dropped', marbles, (helpers) => {
  const { cold, expectObservable } = helpers;
  const { hold, ...options } = setup();
  const source$ = cold('-(Axb|)').pipe(holdWhile({ ...options, released$: cold('--') }), hold);
  expectObservable(source$).toBe('-(Ab|)');
});

test('nothing, for ever, an error, and letting go', marbles, (helpers) => {
  const { cold, expectObservable, expectSubscriptions } = helpers;
  const options = setup();
  const never$ = cold('-----');
  for (const source of ['--|', '---', '--#']) {
    expectObservable(cold(source).pipe(holdWhile({ ...options, released$: never$ }))).toBe(source);
  }
  const broken$ = cold('-#');
  expectObservable(cold('--|').pipe(holdWhile({ ...options, released$: broken$ }))).toBe('-#');
  const source$ = cold('-a--');
  const released$ = cold('----');
  expectObservable(source$.pipe(holdWhile({ ...options, released$ })), '--!').toBe('-a');
  expectSubscriptions(source$.subscriptions).toBe('^-!');
  expectSubscriptions(released$.subscriptions).toBe('^-!');
});
