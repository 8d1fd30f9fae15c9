/** The numbers of the messages of the strict register (docs/strict-wire.md), each once. */
import { assert } from '../../core/assert.js';
import { RANK_MAX } from '../../core/rank.js';
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';
import { COORDINATOR_ID_SIZE_BYTES } from '../../core/strict/version.js';
import { EXTENT_SECTORS } from '../../core/strict/range.js';
import { ID_SIZE_BYTES, TAG_SIZE_BYTES } from '../constants.js';

/** PACK: the length of the whole message, in units, stands where others have padding. */
export const OFFSET_PACK_LENGTH = 4;
export const PACK_UNIT_BYTES = 32;
export const OFFSET_PACK_INCARNATION_COUNT = 8;
export const OFFSET_PACK_INCARNATIONS = 16;
export const SIZE_PACK_MIN = OFFSET_PACK_INCARNATIONS + 16 + TAG_SIZE_BYTES;
export const SIZE_PACK_MAX = 0xffff * PACK_UNIT_BYTES;
/** Bounds what a receiver makes of one pack: a message takes far more memory than its bytes. */
export const PACK_MESSAGES_MAX = 4096;

/** Messages in a pack, and what they are made of, begin at multiples of this. */
export const ALIGNMENT_BYTES = 8;

/** The head of a message in a pack: kind(1) flags(1) count(2) payload length(4) request number(8) first sector(8). */
export const OFFSET_MESSAGE_FLAGS = 1;
export const OFFSET_MESSAGE_COUNT = 2;
export const OFFSET_MESSAGE_PAYLOAD_LENGTH = 4;
export const OFFSET_MESSAGE_NUMBER = 8;
export const OFFSET_MESSAGE_FIRST = 16;
export const SIZE_MESSAGE_HEAD = 24;

/** A stamp: counter(8) coordinator(16). */
export const OFFSET_STAMP_COORDINATOR = 8;
export const SIZE_STRICT_STAMP = OFFSET_STAMP_COORDINATOR + COORDINATOR_ID_SIZE_BYTES;

/** The head of a run of an answer: count(2) flags(1) padding(5). */
export const OFFSET_RUN_FLAGS = 2;
export const SIZE_RUN_HEAD = 8;

export const KIND_QUERY = 1;
export const KIND_ORDER = 2;
export const KIND_STORE = 3;
export const KIND_LEARN = 4;
export const KIND_CONCLUDED = 5;
export const KIND_LIST = 6;
export const KIND_STATE = 0x41;
export const KIND_ORDERED = 0x42;
export const KIND_STORED = 0x43;
export const KIND_LISTED = 0x46;

/** LISTED: next(8), and for each extent its number(8) and digest(8). */
export const SIZE_LISTED_HEAD = 8;
export const SIZE_LISTED_EXTENT = 16;
/** In place of `next`: the list reaches to the end of the disk. */
export const LISTED_TO_THE_END = 0;

/** OPEN: token(16) version(2) padding(6). */
export const OFFSET_OPEN_TOKEN = 8;
export const OFFSET_OPEN_VERSION = OFFSET_OPEN_TOKEN + ID_SIZE_BYTES;
export const SIZE_OPEN = OFFSET_OPEN_VERSION + 8 + TAG_SIZE_BYTES;

/** OPENED: the fields of OPEN, and then these. */
export const OFFSET_OPENED_MODE = 26;
export const OFFSET_OPENED_PROCESSES = 27;
export const OFFSET_OPENED_MEMBER_STATE = 28;
export const OFFSET_OPENED_SECTORS = 32;
export const OFFSET_OPENED_INCARNATIONS = 40;
/** Four bytes of padding before the tag. */
export const SIZE_OPENED = OFFSET_OPENED_INCARNATIONS + 2 * RANK_MAX + 4 + TAG_SIZE_BYTES;

export function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

const SIZE_LONGEST_RUN = SIZE_RUN_HEAD + 3 * SIZE_STRICT_STAMP + SECTOR_SIZE_BYTES;
assert(
  OFFSET_PACK_INCARNATIONS +
    aligned(2 * RANK_MAX) +
    SIZE_MESSAGE_HEAD +
    EXTENT_SECTORS * SIZE_LONGEST_RUN +
    PACK_UNIT_BYTES +
    TAG_SIZE_BYTES <=
    SIZE_PACK_MAX,
  'each message fits into a pack',
);
assert(SIZE_PACK_MIN % PACK_UNIT_BYTES === 0, 'packs are made of whole units');
