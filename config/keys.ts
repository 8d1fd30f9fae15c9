/**
 * The two keys of a cluster as hexadecimal text, the sample keys of this folder, and the identity that follows from the
 * system key. No function here ever shows a key.
 */
import { createHash, createHmac } from 'node:crypto';
import { CLIENT_KEY_SIZE_BYTES, SYSTEM_KEY_SIZE_BYTES } from '../src/wire/constants.js';

export type KeyName = 'client' | 'system';

/** Sizes of the raw keys. The files hold twice as many hexadecimal digits. */
export const KEY_SIZE_BYTES: Readonly<Record<KeyName, number>> = {
  client: CLIENT_KEY_SIZE_BYTES,
  system: SYSTEM_KEY_SIZE_BYTES,
};

/** SHA-256 of the raw keys in config/client.key and config/system.key, which everybody knows. */
const SAMPLE_FINGERPRINTS: ReadonlySet<string> = new Set([
  'e245bd361460405de5b1dee18d361dc3c038c446cbee1a5a737c8ad39061f1ca',
  'c39c18213c02e5e19281f17bba4d7bef8d966c42e9fe25929b91abcda3b3bbff',
]);

/** Whether this is one of the keys that everybody can read in the sources. */
export function isSampleKey(key: Uint8Array): boolean {
  return SAMPLE_FINGERPRINTS.has(createHash('sha256').update(key).digest('hex'));
}

export type KeyResult =
  | { readonly kind: 'key'; readonly key: Uint8Array }
  /** `found` says what is wrong with the text, without showing any of it. */
  | { readonly kind: 'fault'; readonly found: string };

/** Describes the text of a key, for messages. */
export function expectedKey(name: KeyName): string {
  return `${KEY_SIZE_BYTES[name] * 2} hexadecimal digits`;
}

/** Reads the text of a key. White space around it is ignored. */
export function parseKey(name: KeyName, text: string): KeyResult {
  const digits = text.trim();
  if (digits === '') return { kind: 'fault', found: 'nothing' };
  const invalidAt = digits.search(/[^0-9a-fA-F]/);
  if (invalidAt >= 0) {
    return { kind: 'fault', found: `something else at character ${invalidAt + 1} (not shown)` };
  }
  if (digits.length !== KEY_SIZE_BYTES[name] * 2) {
    return { kind: 'fault', found: `${digits.length} digits (not shown)` };
  }
  return { kind: 'key', key: Uint8Array.from(Buffer.from(digits, 'hex')) };
}

const IDENTITY_SIZE_BYTES = 16;

/**
 * The identity of a cluster whose configuration does not name it. It can be computed only with the system key, and
 * reveals nothing about the key; so it may be on disks and in logs.
 */
export function clusterIdentityOf(systemKey: Uint8Array): string {
  const digest = createHmac('sha256', systemKey).update('atdd cluster identity').digest();
  return digest.subarray(0, IDENTITY_SIZE_BYTES).toString('hex');
}
