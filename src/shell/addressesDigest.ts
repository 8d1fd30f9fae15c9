/** A digest by which two processes compare their lists of addresses without sending them. */
import { createHash } from 'node:crypto';
import { ADDRESSES_DIGEST_SIZE_BYTES } from '../core/membership/configuration.js';

/** @returns the first 16 bytes of SHA-256 over "host:port" lines, as latin1. */
export function addressesDigest(processes: readonly { readonly host: string; readonly port: number }[]): string {
  const hash = createHash('sha256');
  for (const { host, port } of processes) hash.update(`${host.toLowerCase()}:${port}\n`);
  return hash.digest().toString('latin1', 0, ADDRESSES_DIGEST_SIZE_BYTES);
}
