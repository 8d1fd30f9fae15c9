import test from 'ava';
import { defer, NEVER } from 'rxjs';
import type { ChildEvent, SupervisorEvent } from '../../src/launch/keepRunning.js';
import { keepRunning } from '../../src/launch/keepRunning.js';
import { marbles } from '../helpers/marbles.js';

const EXIT = { code: 1, signal: null };
const child: Record<string, ChildEvent> = {
  s: { kind: 'started', pid: 7 },
  l: { kind: 'line', text: 'hello' },
  e: { kind: 'ended', exit: EXIT },
  c: { kind: 'ended', exit: { code: 2, signal: null } },
};

function ended(delayMs: number, failures: number): SupervisorEvent {
  return { kind: 'ended', exit: EXIT, next: { kind: 'restart', delayMs, failures } };
}

const events: Record<string, unknown> = {
  s: child['s'],
  l: child['l'],
  x: ended(100, 1),
  y: ended(200, 2),
  z: { kind: 'ended', exit: { code: 2, signal: null }, next: { kind: 'giveUp' } },
};

test('starts again with a growing delay', marbles, ({ cold, expectObservable, expectSubscriptions }, scheduler) => {
  const child$ = cold('s-l-(e|)', child);
  const output = '     s-l-x 99ms s-l-y 199ms s';
  const running$ = keepRunning({ child$, stop$: NEVER, scheduler });
  expectObservable(running$, '^ 308ms !').toBe(output, events);
  expectSubscriptions(child$.subscriptions).toBe(['^---!', '104ms ^---!', '308ms ^!']);
});

test('a child that was up for 30 s counts as mended', marbles, ({ cold, expectObservable }, scheduler) => {
  const lives = ['s(e|)', 's 29999ms (e|)', 's 29998ms (e|)'].map((life) => cold(life, child));
  let count = 0;
  const child$ = defer(() => lives[Math.min(count++, 2)]);
  const running$ = keepRunning({ child$, stop$: NEVER, scheduler });
  // Ends at 1, starts at 101, ends at 30101 (up for 30 s: anew), starts at 30201, ends at 60200.
  const expected = 's x 99ms s 29999ms x 99ms s 29998ms y';
  expectObservable(running$, '^ 60210ms !').toBe(expected, events);
});

test(
  'stop while it waits: it is not started again',
  marbles,
  ({ cold, hot, expectObservable, expectSubscriptions }, scheduler) => {
    const child$ = cold('s(e|)          ', child);
    const stop$ = hot('  ---x');
    const expected = '   sx-|';
    expectObservable(keepRunning({ child$, stop$, scheduler })).toBe(expected, events);
    expectSubscriptions(child$.subscriptions).toBe('^!');
  },
);

test('stop while it runs: completes once it has ended', marbles, ({ cold, expectObservable }, scheduler) => {
  const child$ = cold('s---(e|)', child);
  // Like the supervisor's, this one tells late subscribers that it has emitted.
  const stop$ = cold(' (x|)');
  const expected = '   s---(x|)';
  expectObservable(keepRunning({ child$, stop$, scheduler })).toBe(expected, events);
});

test('a wrong configuration ends it', marbles, ({ cold, expectObservable }, scheduler) => {
  const child$ = cold('s-(c|)', child);
  const expected = '   s-(z|)';
  expectObservable(keepRunning({ child$, stop$: NEVER, scheduler })).toBe(expected, events);
});

test('an error of the child is passed on', marbles, ({ cold, expectObservable }, scheduler) => {
  const child$ = cold('s-#', child);
  expectObservable(keepRunning({ child$, stop$: NEVER, scheduler })).toBe('s-#', events);
});

test(
  'unsubscribing lets go of the child, and of the timer',
  marbles,
  ({ cold, expectObservable, expectSubscriptions }, scheduler) => {
    const child$ = cold('s---e', child);
    const running$ = keepRunning({ child$, stop$: NEVER, scheduler });
    expectObservable(running$, '--!').toBe('s--', events);
    expectSubscriptions(child$.subscriptions).toBe('^-!');
    const short$ = cold('s(e|)', child);
    expectObservable(keepRunning({ child$: short$, stop$: NEVER, scheduler }), '---!').toBe('sx', events);
    expectSubscriptions(short$.subscriptions).toBe('^!');
  },
);
