import test from 'ava';
import type { RestartDecision } from '../../src/launch/restartPolicy.js';
import { decideRestart, STABLE_AFTER_MS } from '../../src/launch/restartPolicy.js';

const CRASH = { code: 1, signal: null };
const KILLED = { code: null, signal: 'SIGKILL' };

test('the delay doubles from 100 ms to 10 s', (t) => {
  const delays: number[] = [];
  let failures = 0;
  for (let count = 0; count < 9; count += 1) {
    const decision: RestartDecision = decideRestart(CRASH, 1_000, failures);
    if (decision.kind === 'giveUp') return t.fail();
    delays.push(decision.delayMs);
    failures = decision.failures;
  }
  t.deepEqual(delays, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
});

test('it begins anew after the process was up for a while', (t) => {
  const soon = decideRestart(KILLED, STABLE_AFTER_MS - 1, 5);
  t.deepEqual(soon, { kind: 'restart', delayMs: 3_200, failures: 6 });
  const later = decideRestart(KILLED, STABLE_AFTER_MS, 5);
  t.deepEqual(later, { kind: 'restart', delayMs: 100, failures: 1 });
});

test('a wrong configuration is not started again, an ordinary end is', (t) => {
  t.is(decideRestart({ code: 2, signal: null }, 10, 0).kind, 'giveUp');
  t.is(decideRestart({ code: 0, signal: null }, 10, 0).kind, 'restart');
  t.is(decideRestart({ code: null, signal: 'SIGINT' }, 10, 0).kind, 'restart');
});
