/** What a receiver makes of bytes that come at once. */
import { createFrameDecoder } from '../../../src/wire/frame.js';
import { SERVER_MESSAGES } from '../../../src/wire/messageTypes.js';
import { SIZE_PACK_MAX } from '../../../src/wire/strict/layout.js';
import { createTagger } from '../../../src/wire/tag.js';
import type { Verdict } from '../../../src/wire/verdict.js';
import { judge } from '../../../src/wire/verdict.js';
import { CLIENT_KEY, SYSTEM_KEY } from '../messages.js';
import { LIMITS } from './arbitraries.js';

export const clientTagger = createTagger(CLIENT_KEY);
export const systemTagger = createTagger(SYSTEM_KEY);

export const OPTIONS = { self: 1, ...LIMITS, clientTagger, systemTagger };

export function framesIn(bytes: Uint8Array, table = SERVER_MESSAGES): Uint8Array[] {
  return createFrameDecoder(table, () => SIZE_PACK_MAX)
    .push(bytes)
    .map((frame) => frame.bytes);
}

export function verdictsOn(bytes: Uint8Array, table = SERVER_MESSAGES): Verdict[] {
  return createFrameDecoder(table, () => SIZE_PACK_MAX)
    .push(bytes)
    .map(({ type, bytes: frame }) => judge({ frame, message: type.parse(frame) }, OPTIONS));
}

/** The bytes with a right tag over what stands before it. */
export function signed(bytes: Uint8Array, tagger = clientTagger): Uint8Array {
  tagger.sign(bytes);
  return bytes;
}
