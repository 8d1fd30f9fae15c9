import test from 'ava';
import { newCounters } from '../../src/core/counters.js';
import { countedTagger, createTagger } from '../../src/wire/tag.js';
import { CLIENT_KEY } from './messages.js';

test('a message in pieces has the tag of the whole, wherever it is cut', (t) => {
  const tagger = createTagger(CLIENT_KEY);
  const whole = Uint8Array.from({ length: 100 }, (_, index) => index);
  tagger.sign(whole);
  for (const at of [[], [0], [1], [68], [30, 60], [10, 10, 68]]) {
    const bounds = [0, ...at, 100];
    const pieces = bounds.slice(1).map((end, index) => whole.slice(bounds[index], end));
    pieces[pieces.length - 1].fill(0, -32);
    tagger.signPieces(pieces);
    t.deepEqual(Buffer.concat(pieces), Buffer.from(whole), at.join());
  }
});

test('a tagger that counts makes the same tags', (t) => {
  const plain = createTagger(CLIENT_KEY);
  const counters = newCounters();
  const counted = countedTagger(plain, counters);
  const [one, other] = [new Uint8Array(64).fill(1), new Uint8Array(64).fill(1)];
  plain.sign(one);
  counted.sign(other);
  t.deepEqual(one, other);
  counted.signPieces([other]);
  t.deepEqual(one, other);
  t.true(counted.verify(one));
  one[0] ^= 1;
  t.false(counted.verify(one));
  t.deepEqual(counters, { ...newCounters(), tagsMade: 2, tagsChecked: 2 });
});
