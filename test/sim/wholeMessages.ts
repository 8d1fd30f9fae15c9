/** The messages of one write of a process, in order. */
import { createFrameDecoder } from '../../src/wire/frame.js';
import { CLIENT_MESSAGES, PEER_MESSAGES } from '../../src/wire/messageTypes.js';

/** What a process answers: to clients, and to peers. */
const ANSWERS = CLIENT_MESSAGES.map((type, code) => type ?? PEER_MESSAGES[code]);

/** @returns null where there are pieces of messages. */
export function wholeMessages(written: Uint8Array): readonly Uint8Array[] | null {
  const messages = createFrameDecoder(ANSWERS)
    .push(written)
    .map(({ bytes }) => bytes);
  const size = messages.reduce((sum, { length }) => sum + length, 0);
  return size === written.length ? messages : null;
}
