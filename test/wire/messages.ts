/** One of each message, as bytes built by the independent builder of test/helpers/bytes.ts. */
import { randomBytes } from 'node:crypto';
import { processBytes, receiptBytes, requestBytes } from '../helpers/bytes.js';

export const CLIENT_KEY = Buffer.alloc(32, 0xc1);
export const SYSTEM_KEY = Buffer.alloc(64, 0x5e);
export const ID = '00112233445566778899aabbccddeeff';
export const DATA = Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7) % 251));

const register = { timestamp: 0x0102030405060708n, writeRank: 9, data: DATA };

export const MESSAGES: Readonly<Record<string, Buffer>> = {
  READ: requestBytes({ kind: 'READ', requestNumber: 2n ** 63n + 5n, sector: 77n, data: null }, CLIENT_KEY, 'random'),
  WRITE: requestBytes({ kind: 'WRITE', requestNumber: 6n, sector: 99n, data: DATA }, CLIENT_KEY, 'random'),
  READ_PROC: processBytes({ kind: 'READ_PROC', sender: 2, id: ID, sector: 5n, register: null }, SYSTEM_KEY, 'random'),
  VALUE: processBytes({ kind: 'VALUE', sender: 3, id: ID, sector: 5n, register }, SYSTEM_KEY, 'random'),
  WRITE_PROC: processBytes({ kind: 'WRITE_PROC', sender: 2, id: ID, sector: 5n, register }, SYSTEM_KEY, 'random'),
  ACK: processBytes({ kind: 'ACK', sender: 3, id: ID, sector: 5n, register: null }, SYSTEM_KEY, 'random'),
  'receipt of WRITE_PROC': receiptBytes({ receiptFor: 'WRITE_PROC', sender: 2, id: ID }, SYSTEM_KEY, 'random'),
};

/** Bytes that look like anything: noise, with beginnings of magics in it. */
export function noise(length: number): Buffer {
  const bytes = randomBytes(length);
  for (let at = 0; at + 4 < length; at += 1) {
    if (bytes[at] < 24) bytes.write('atdd', at, (bytes[at] % 3) + 1, 'latin1');
  }
  return bytes;
}
