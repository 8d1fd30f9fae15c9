import test from 'ava';
import { map } from 'rxjs';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { createTagger } from '../../src/wire/tag.js';
import type { ParsedFrame } from '../../src/wire/wireMessage.js';
import { authenticate } from '../../streams/authenticate.js';
import { marbles } from '../helpers/marbles.js';
import { CLIENT_KEY, MESSAGES, SYSTEM_KEY } from '../wire/messages.js';

const options = {
  self: 1,
  processCount: 3,
  sectors: 100,
  clientTagger: createTagger(CLIENT_KEY),
  systemTagger: createTagger(SYSTEM_KEY),
};

function decode(bytes: Buffer): ParsedFrame {
  const [{ type, bytes: frame }] = createFrameDecoder(SERVER_MESSAGES).push(bytes);
  return { frame, message: type.parse(frame) };
}

function forged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 1] ^= 0x80;
  return copy;
}

const messages = {
  a: decode(MESSAGES['READ']),
  b: decode(forged(MESSAGES['READ'])),
  c: decode(forged(MESSAGES['ACK'])),
  d: decode(MESSAGES['ACK']),
};

test('good and bad messages alike become verdicts', marbles, ({ cold, expectObservable }) => {
  const kind$ = cold('      -a-b-c-d-|', messages).pipe(
    authenticate(options),
    map(({ kind }) => kind),
  );
  const expected = '        -A-B-C-D-|';
  const kinds = { A: 'request', B: 'refused', C: 'dropped', D: 'processMessage' };
  expectObservable(kind$).toBe(expected, kinds);
});

test('nothing, for ever, and an error', marbles, ({ cold, expectObservable }) => {
  for (const source of ['--|', '---', '--#']) {
    expectObservable(cold<ParsedFrame>(source).pipe(authenticate(options))).toBe(source);
  }
});
