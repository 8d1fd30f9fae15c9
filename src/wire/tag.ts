/** Tags: HMAC-SHA256 over everything before them. The only file here that imports node:crypto. */
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { TagCounters } from '../core/counters.js';
import { TAG_SIZE_BYTES } from './constants.js';

export interface Tagger {
  /** Fills in the last TAG_SIZE_BYTES bytes of a message whose other bytes are complete. */
  sign(message: Uint8Array): void;
  /** The same for a message in pieces, so that none has to be copied. The last one has room for the whole tag. */
  signPieces(pieces: readonly Uint8Array[]): void;
  /** Whether the last TAG_SIZE_BYTES bytes are the tag of the others; in constant time. */
  verify(message: Uint8Array): boolean;
}

/**
 * A tagger for one key. The key object of node:crypto is made once, because that is faster.
 * @param key Raw bytes.
 */
export function createTagger(key: Uint8Array): Tagger {
  const secret = createSecretKey(key);
  const tagOf = (message: Uint8Array): Buffer =>
    createHmac('sha256', secret)
      .update(message.subarray(0, message.length - TAG_SIZE_BYTES))
      .digest();
  return {
    sign(message) {
      message.set(tagOf(message), message.length - TAG_SIZE_BYTES);
    },
    signPieces(pieces) {
      const hmac = createHmac('sha256', secret);
      const end = pieces.length - 1;
      for (let index = 0; index < end; index += 1) hmac.update(pieces[index]);
      const last = pieces[end];
      const tagAt = last.length - TAG_SIZE_BYTES;
      last.set(hmac.update(last.subarray(0, tagAt)).digest(), tagAt);
    },
    verify(message) {
      return timingSafeEqual(tagOf(message), message.subarray(message.length - TAG_SIZE_BYTES));
    },
  };
}

/** Wraps a tagger so that its work is counted. */
export function countedTagger(tagger: Tagger, counters: TagCounters): Tagger {
  return {
    sign(message) {
      counters.tagsMade += 1;
      tagger.sign(message);
    },
    signPieces(pieces) {
      counters.tagsMade += 1;
      tagger.signPieces(pieces);
    },
    verify(message) {
      counters.tagsChecked += 1;
      return tagger.verify(message);
    },
  };
}
