/** Fields that many messages share, for binary-parser. Everything is big-endian. */
import { Parser } from 'binary-parser';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import * as wire from './constants.js';

export const begin = (): Parser => new Parser().endianness('big');

/** The header of a process message, from the sender's byte on. */
export const fromSender = (): Parser => begin().seek(wire.OFFSET_SENDER).uint8('sender').seek(1);

/** … and the id of an operation or a question after it. */
export const identified = (): Parser => withId(fromSender(), 'id');

export const withData = (parser: Parser): Parser => parser.buffer('data', { length: SECTOR_SIZE_BYTES });

/** A field of 16 bytes, as a string of 16 latin1 characters. */
export const withId = (parser: Parser, name: string): Parser =>
  parser.buffer(name, { length: wire.ID_SIZE_BYTES, formatter: toLatin1 });

/** A field of `count` unsigned numbers of 16 bits. */
export const withNumbers = (parser: Parser, name: string, count: number): Parser =>
  parser.array(name, { type: 'uint16be', length: count });

/**
 * Used in place of binary-parser's `string` field, because that uses TextDecoder, for which "latin1" means
 * windows-1252: it would change 27 of the 256 bytes.
 */
function toLatin1(this: unknown, bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** Gives a parser its type, because `parse` of binary-parser returns `any`. */
export const typed =
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
  <Fields>(parser: Parser) =>
    (frame: Uint8Array): Fields =>
      parser.parse(frame) as Fields;
