import test from 'ava';
import { createRateMeter } from '../../src/cli/rateMeter.js';

test('the rate of a steady transfer, and the time that is left', (t) => {
  const meter = createRateMeter(0);
  t.is(meter.bytesPerSecond(), 0);
  t.is(meter.secondsLeft(1_000), Infinity);
  for (let second = 1; second <= 30; second += 1) meter.record(second * 1_000, second * 100);
  t.is(meter.bytesPerSecond(), 100);
  t.is(meter.secondsLeft(4_000), 10);
  t.is(meter.secondsLeft(3_000), 0);
});

test('what was long ago does not count: a stall shows, and so does its end', (t) => {
  const meter = createRateMeter(0);
  for (let second = 1; second <= 20; second += 1) meter.record(second * 1_000, second * 100);
  for (let second = 21; second <= 25; second += 1) meter.record(second * 1_000, 2_000);
  t.is(meter.bytesPerSecond(), 50);
  for (let second = 26; second <= 35; second += 1) meter.record(second * 1_000, 2_000);
  t.is(meter.bytesPerSecond(), 0);
  t.is(meter.secondsLeft(3_000), Infinity);
  for (let second = 36; second <= 45; second += 1) {
    meter.record(second * 1_000, 2_000 + (second - 35) * 300);
  }
  t.is(meter.bytesPerSecond(), 300);
});

test('frequent notes cost no accuracy', (t) => {
  const meter = createRateMeter(0);
  for (let ms = 1; ms <= 20_000; ms += 1) meter.record(ms, ms * 5);
  t.is(meter.bytesPerSecond(), 5_000);
});
