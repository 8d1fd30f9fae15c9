import test from 'ava';
import { SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { parseFrames } from '../../streams/parseFrames.js';
import { marbles } from '../helpers/marbles.js';
import { ID, MESSAGES } from '../wire/messages.js';

const [ack] = createFrameDecoder(SERVER_MESSAGES).push(MESSAGES['ACK']);
const decoded = {
  frame: ack.bytes,
  message: {
    family: 'process',
    sender: 3,
    sector: 5n,
    content: { kind: 'ack', id: Buffer.from(ID, 'hex').toString('latin1') },
  },
};

test('each frame comes out with its fields', marbles, ({ cold, expectObservable }) => {
  const message$ = cold('-a-a-|', { a: ack }).pipe(parseFrames());
  expectObservable(message$).toBe('-m-m-|', { m: decoded });
});

test('nothing, for ever, and an error', marbles, ({ cold, expectObservable }) => {
  for (const source of ['--|', '---', '--#']) {
    expectObservable(cold<typeof ack>(source).pipe(parseFrames())).toBe(source);
  }
});
