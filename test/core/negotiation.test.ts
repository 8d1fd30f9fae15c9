import test from 'ava';
import { receiveHandshake, linkHandshake, newNegotiation, renewLink } from '../../src/core/link/negotiation.js';

const token = (letter: string): string => letter.repeat(16);

test('two ends agree once each has heard the token of its own connection', (t) => {
  const one = newNegotiation(1);
  const two = newNegotiation(3);
  renewLink(one, token('a'));
  t.true(receiveHandshake(two, linkHandshake(one)), 'a new token is to be echoed');
  renewLink(two, token('b'));
  t.true(receiveHandshake(one, linkHandshake(two)));
  t.is(one.agreed, 1, 'the echo has come with what the other understands');
  t.is(two.agreed, 0);
  t.false(receiveHandshake(two, linkHandshake(one)), 'nothing new: no answer, or it would never end');
  t.is(two.agreed, 1);
});

test('a new connection is one on which nothing is agreed, whatever is late', (t) => {
  const one = newNegotiation(1);
  renewLink(one, token('a'));
  const late = { token: token('b'), echo: token('a'), features: 1 };
  receiveHandshake(one, late);
  t.is(one.agreed, 1);
  renewLink(one, token('c'));
  t.is(one.agreed, 0);
  receiveHandshake(one, late);
  t.is(one.agreed, 0, 'whoever echoed the former connection may not be at the end of this one');
});

test('an echo of no connection agrees on nothing', (t) => {
  const one = newNegotiation(1);
  receiveHandshake(one, { token: token('b'), echo: one.token, features: 1 });
  t.is(one.agreed, 0);
});
