/** Who sent wrong tags lately: counted by address, bounded, forgotten. */
import test from 'ava';
import { BadTags } from '../../streams/pipelines/badTags.js';

test('counts by address, whatever the port, and forgets', (t) => {
  let nowMs = 0;
  const badTags = new BadTags({ now: () => nowMs });
  t.deepEqual(badTags.recent(), {});
  for (const remote of ['10.0.0.1:1', '10.0.0.1:2', '[::1]:3']) badTags.add(remote);
  t.deepEqual(badTags.recent(), { '10.0.0.1': 2, '::1': 1 });
  nowMs = 50_000;
  badTags.add('[::1]:4');
  nowMs = 61_000;
  t.deepEqual(badTags.recent(), { '::1': 2 });
});

test('however many addresses there are, few are kept', (t) => {
  const badTags = new BadTags({ now: () => 0 });
  for (let host = 0; host < 100; host += 1) badTags.add(`10.0.0.${host}:1`);
  const counts = badTags.recent();
  t.is(Object.keys(counts).length, 9);
  t.is(counts['others'], 92);
});
