import test from 'ava';
import { newCounters } from '../../src/core/counters.js';
import { countedTagger, createTagger } from '../../src/wire/tag.js';
import { CLIENT_KEY } from './messages.js';

test('a tagger that counts makes the same tags', (t) => {
  const plain = createTagger(CLIENT_KEY);
  const counters = newCounters();
  const counted = countedTagger(plain, counters);
  const [one, other] = [new Uint8Array(64).fill(1), new Uint8Array(64).fill(1)];
  plain.sign(one);
  counted.sign(other);
  t.deepEqual(one, other);
  t.true(counted.verify(one));
  one[0] ^= 1;
  t.false(counted.verify(one));
  t.deepEqual(counters, { ...newCounters(), tagsMade: 1, tagsChecked: 2 });
});
