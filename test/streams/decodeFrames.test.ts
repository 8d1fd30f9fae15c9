import test from 'ava';
import { map } from 'rxjs';
import { SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { decodeFrames } from '../../streams/decodeFrames.js';
import { marbles } from '../helpers/marbles.js';
import { MESSAGES } from '../wire/messages.js';

const { READ, ACK } = MESSAGES;
const names = () => map(({ type }: { type: { name: string } }) => type.name);
const chunks = {
  a: READ.subarray(0, 20),
  b: Buffer.concat([READ.subarray(20), ACK]),
  c: Buffer.from('no message at all'),
  d: Buffer.concat([READ, READ]),
};

test('a message cut in two comes out with its second half', marbles, (helpers) => {
  const { cold, expectObservable, expectSubscriptions } = helpers;
  const chunk$ = cold('     -a--b----c--|', chunks);
  const subscribed = '      ^-----------!';
  const expected = '        ----(rk)----|';
  const frame$ = chunk$.pipe(decodeFrames(SERVER_MESSAGES), names());
  expectObservable(frame$).toBe(expected, { r: 'READ', k: 'ACK' });
  expectSubscriptions(chunk$.subscriptions).toBe(subscribed);
});

test('many messages of one chunk come out in order', marbles, ({ cold, expectObservable }) => {
  const frame$ = cold('-d----|', chunks).pipe(decodeFrames(SERVER_MESSAGES), names());
  expectObservable(frame$).toBe('-(rr)-|', { r: 'READ' });
});

test('nothing, and nothing for ever', marbles, ({ cold, expectObservable }) => {
  expectObservable(cold<Uint8Array>('---|').pipe(decodeFrames(SERVER_MESSAGES))).toBe('---|');
  expectObservable(cold<Uint8Array>('----').pipe(decodeFrames(SERVER_MESSAGES))).toBe('----');
});

test('an error is passed on, a message begun is dropped', marbles, ({ cold, expectObservable }) => {
  const frame$ = cold('-a-#', chunks).pipe(decodeFrames(SERVER_MESSAGES));
  expectObservable(frame$).toBe('---#');
});

test('unsubscribing lets go of the source', marbles, (helpers) => {
  const { cold, expectObservable, expectSubscriptions } = helpers;
  const chunk$ = cold('   -d---d---d', chunks);
  const unsubscribed = '  ---!';
  const frame$ = chunk$.pipe(decodeFrames(SERVER_MESSAGES), names());
  expectObservable(frame$, unsubscribed).toBe('-(rr)', { r: 'READ' });
  expectSubscriptions(chunk$.subscriptions).toBe('^--!');
});

test('two subscriptions do not share what they keep', marbles, ({ cold, expectObservable }) => {
  const frame$ = cold('   -a-b----|', chunks).pipe(decodeFrames(SERVER_MESSAGES), names());
  const values = { r: 'READ', k: 'ACK' };
  expectObservable(frame$).toBe('          ---(rk)-|', values);
  expectObservable(frame$, '--^').toBe('   -----(rk)-|', values);
});
