/** The same line again and again: what of it is written, and what is counted. */
import test from 'ava';
import type { Log, LogFields } from '../src/ports/log.js';
import { RateLimitedLog } from '../src/rateLimitedLog.js';

function limitedLog() {
  const lines: unknown[] = [];
  const take =
    (level: string) =>
    (message: string, fields: LogFields = {}): void => {
      lines.push([level, message, fields['suppressed']]);
    };
  const log: Log = {
    ...{ debugEnabled: false, debug: take('debug') },
    ...{ info: take('info'), warn: take('warn'), error: take('error') },
  };
  let nowMs = 0;
  const limited = new RateLimitedLog({ log, clock: { now: () => nowMs }, intervalMs: 10 });
  const writeAt = (ms: number, kind: string, level: 'info' | 'warn' = 'warn'): void => {
    nowMs = ms;
    limited.write({ kind, level, message: kind, fields: (suppressed) => ({ suppressed }) });
  };
  return { lines, writeAt };
}

test('the first line is written at once, the next when the interval is over, with a count of those between', (t) => {
  const { lines, writeAt } = limitedLog();
  for (const ms of [5, 6, 14, 15, 16, 40]) writeAt(ms, 'a');
  t.deepEqual(lines, [
    ['warn', 'a', 0],
    ['warn', 'a', 2],
    ['warn', 'a', 1],
  ]);
});

test('each kind is limited by itself, at its own level', (t) => {
  const { lines, writeAt } = limitedLog();
  writeAt(0, 'a');
  writeAt(1, 'b', 'info');
  writeAt(2, 'a');
  writeAt(10, 'a');
  writeAt(10, 'b', 'info');
  t.deepEqual(lines, [
    ['warn', 'a', 0],
    ['info', 'b', 0],
    ['warn', 'a', 1],
  ]);
});
