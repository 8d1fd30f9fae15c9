/**
 * Verifies the checksums of LevelDB's tables before LevelDB reads them. It would not verify them itself, and when it
 * cannot understand a block, it ends the whole process by an assertion that does not name the damaged file.
 *
 * The format, as in LevelDB's doc/table_format.md and log_format.md:
 *
 *   table     blocks …, footer of 48 bytes: handles of two indexes (of the filter, of the blocks
 *             of records), the magic number
 *   block     contents, type(1), CRC-32C of both, masked(4)
 *   index     entries: shared, unshared, length (varints), the key's rest, the handle of a block
 *   handle    offset, size (varints)
 *   MANIFEST  records of edits: which tables there are, and which no longer
 *
 * Only tables that the MANIFEST names are verified, because a kill leaves others behind, half written. A MANIFEST or a
 * footer that cannot be understood is not reported here, because LevelDB refuses it by itself.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const FOOTER_SIZE_BYTES = 48;
const MAGIC = 0xdb47_7524_8b80_fb57n;
const TRAILER_SIZE_BYTES = 5;
const NOT_COMPRESSED = 0;

const LOG_BLOCK_SIZE_BYTES = 32_768;
const LOG_HEADER_SIZE_BYTES = 7;
const LOG_RECORD = { whole: 1, first: 2, middle: 3, last: 4 } as const;

const EDIT = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLog: 9,
} as const;

/** The bytes are not what the format says. */
class Unreadable extends Error {}

/** Reads one number after another. */
class Cursor {
  constructor(
    private readonly bytes: Uint8Array,
    public position = 0,
  ) {}

  get isAtEnd(): boolean {
    return this.position >= this.bytes.length;
  }

  /** @throws {Unreadable} if it does not end within the bytes. */
  varint(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 56; factor *= 128) {
      if (this.isAtEnd) break;
      const byte = this.bytes[this.position];
      this.position += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new Unreadable('a number that does not end');
  }

  skip(count: number): void {
    this.position += count;
    if (this.position > this.bytes.length) throw new Unreadable('bytes are missing');
  }
}

/**
 * @param location the folder of the database.
 * @returns which block of which table does not match its checksum, or null.
 * @throws what node:fs throws.
 */
export async function findTableDamage(location: string): Promise<string | null> {
  const current = await readFile(join(location, 'CURRENT'), 'latin1');
  const names = new Set(await readdir(location));
  const manifest = current.trim();
  if (!names.has(manifest)) return null;
  const live = liveTables(await readFile(join(location, manifest)));
  for (const number of live) {
    const name = `${String(number).padStart(6, '0')}.ldb`;
    if (!names.has(name)) continue;
    const file = join(location, name);
    const damage = damageIn(await readFile(file));
    if (damage !== null) return `${file}: ${damage}`;
  }
  return null;
}

/** @returns the damage of a table in words, or null. */
function damageIn(table: Buffer): string | null {
  const footerAt = table.length - FOOTER_SIZE_BYTES;
  if (footerAt < 0 || table.readBigUInt64LE(table.length - 8) !== MAGIC) return null;
  try {
    const footer = new Cursor(table, footerAt);
    // The first leads to the filter, the second to the blocks of records.
    for (let directory = 0; directory < 2; directory += 1) {
      const offset = footer.varint();
      const size = footer.varint();
      const damage = damageOfBlock(table, offset, size) ?? damageBehind(table, offset, offset + size);
      if (damage !== null) return damage;
    }
    return null;
  } catch (error) {
    if (error instanceof Unreadable) return `its index cannot be read: ${error.message}`;
    throw error;
  }
}

/** Verifies every block that an index names. */
function damageBehind(table: Buffer, start: number, end: number): string | null {
  if (table[end] !== NOT_COMPRESSED) return null;
  const index = table.subarray(start, end);
  const restarts = index.readUInt32LE(index.length - 4);
  const entries = new Cursor(index.subarray(0, index.length - 4 * (restarts + 1)));
  while (!entries.isAtEnd) {
    entries.varint();
    const unshared = entries.varint();
    entries.varint();
    entries.skip(unshared);
    const damage = damageOfBlock(table, entries.varint(), entries.varint());
    if (damage !== null) return damage;
  }
  return null;
}

function damageOfBlock(table: Buffer, offset: number, size: number): string | null {
  const end = offset + size;
  if (end + TRAILER_SIZE_BYTES > table.length) {
    return `a block at ${offset} with ${size} bytes would end behind the file`;
  }
  const expected = table.readUInt32LE(end + 1);
  const found = masked(crc32c(table.subarray(offset, end + 1)));
  if (found === expected) return null;
  return (
    `the block at ${offset} with ${size} bytes has the checksum ${found.toString(16)}, ` +
    `expected ${expected.toString(16)}`
  );
}

/** The numbers of the tables that are in use; as far as the MANIFEST can be read. */
function liveTables(manifest: Buffer): ReadonlySet<number> {
  const live = new Set<number>();
  try {
    for (const edit of logRecords(manifest)) applyEdit(edit, live);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
  }
  return live;
}

/** The records of a log, put together from their pieces. */
function* logRecords(log: Buffer): Generator<Buffer> {
  let pieces: Buffer[] = [];
  let position = 0;
  while (position + LOG_HEADER_SIZE_BYTES <= log.length) {
    const left = LOG_BLOCK_SIZE_BYTES - (position % LOG_BLOCK_SIZE_BYTES);
    if (left < LOG_HEADER_SIZE_BYTES) {
      position += left;
      continue;
    }
    const start = position + LOG_HEADER_SIZE_BYTES;
    const end = start + log.readUInt16LE(position + 4);
    const type = log[position + 6];
    if (end > log.length) return;
    if (masked(crc32c(log.subarray(position + 6, end))) !== log.readUInt32LE(position)) return;
    if (type === LOG_RECORD.whole || type === LOG_RECORD.first) pieces = [];
    pieces.push(log.subarray(start, end));
    if (type === LOG_RECORD.whole || type === LOG_RECORD.last) yield Buffer.concat(pieces);
    position = end;
  }
}

function applyEdit(edit: Buffer, live: Set<number>): void {
  const cursor = new Cursor(edit);
  while (!cursor.isAtEnd) {
    switch (cursor.varint()) {
      case EDIT.comparator:
        cursor.skip(cursor.varint());
        break;
      case EDIT.logNumber:
      case EDIT.nextFile:
      case EDIT.lastSequence:
      case EDIT.previousLog:
        cursor.varint();
        break;
      case EDIT.compactPointer:
        cursor.varint();
        cursor.skip(cursor.varint());
        break;
      case EDIT.deletedFile:
        cursor.varint();
        live.delete(cursor.varint());
        break;
      case EDIT.newFile: {
        cursor.varint();
        live.add(cursor.varint());
        cursor.varint();
        cursor.skip(cursor.varint());
        cursor.skip(cursor.varint());
        break;
      }
      default:
        throw new Unreadable('an edit of an unknown kind');
    }
  }
}

/** CRC-32C (Castagnoli), which node:zlib does not have. */
const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  return crc;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC32C_TABLE[(crc ^ byte) & 0xff];
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** LevelDB masks stored checksums, because they may be part of data that has a checksum itself. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0;
}
