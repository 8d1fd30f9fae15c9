/** How the fields of a message begin, for binary-parser. Everything is big-endian. */
import { Parser } from 'binary-parser';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import * as wire from './constants.js';

export const begin = (): Parser => new Parser().endianness('big');

/** From the byte that says who sent a message of a process. */
export const fromSender = (): Parser => begin().seek(wire.OFFSET_SENDER).uint8('sender').seek(1);

/** … and the id that follows: of an operation, or of a question. */
export const identified = (): Parser => withId(fromSender(), 'id');

export const withData = (parser: Parser): Parser => parser.buffer('data', { length: SECTOR_SIZE_BYTES });

/** 16 bytes as latin1. */
export const withId = (parser: Parser, name: string): Parser =>
  parser.buffer(name, { length: wire.ID_SIZE_BYTES, formatter: toLatin1 });

/** So many unsigned numbers of 16 bits. */
export const withNumbers = (parser: Parser, name: string, count: number): Parser =>
  parser.array(name, { type: 'uint16be', length: count });

/**
 * Not binary-parser's `string` field: that goes through TextDecoder, for which the name "latin1" means windows-1252, so
 * that 27 of the 256 bytes would come out as something else.
 */
function toLatin1(this: unknown, bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** `parse` of binary-parser returns `any`: each parser is given its type here, once. */
export const typed =
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
  <Fields>(parser: Parser) =>
    (frame: Uint8Array): Fields =>
      parser.parse(frame) as Fields;
