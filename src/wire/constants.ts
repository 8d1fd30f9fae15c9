/** The numbers of the wire protocol (docs/wire-protocol.md), each once. Everything is big-endian. */
import { assert } from '../core/assert.js';
import { ENTRIES_MAX } from '../core/membership/memberMessage.js';
import { OPERATION_ID_SIZE_BYTES } from '../core/operation.js';
import { RANK_MAX } from '../core/rank.js';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';

/** "atdd": the first bytes of every message. */
export const MAGIC: Uint8Array = Uint8Array.of(0x61, 0x74, 0x64, 0x64);

/** The tag is HMAC-SHA256 over everything before it: the last bytes of every message. */
export const TAG_SIZE_BYTES = 32;

/** magic(4) padding(2) status or sender(1) type(1): these bytes decide the length of a message. */
export const HEADER_SIZE_BYTES = 8;
/** The same byte is the status in a response, the sender's rank in a process message, and padding in a request. */
export const OFFSET_STATUS = 6;
export const OFFSET_SENDER = 6;
export const OFFSET_TYPE = 7;

/** Offsets in client messages. */
export const OFFSET_REQUEST_NUMBER = 8;
export const OFFSET_REQUEST_SECTOR = 16;
export const OFFSET_REQUEST_DATA = 24;
export const OFFSET_RESPONSE_DATA = 16;

/** Offsets in process messages. */
export const OFFSET_OPERATION_ID = 8;
export const OFFSET_PROCESS_SECTOR = 24;
export const OFFSET_TIMESTAMP = 32;
export const OFFSET_WRITE_RANK = 47;
export const OFFSET_PROCESS_DATA = 48;

export const TYPE_READ = 0x01;
export const TYPE_WRITE = 0x02;
export const TYPE_READ_PROC = 0x03;
export const TYPE_VALUE = 0x04;
export const TYPE_WRITE_PROC = 0x05;
export const TYPE_ACK = 0x06;
/** Added to a request's type in its response, and to a process message's type in its receipt. */
export const TYPE_ANSWER = 0x40;
/** Types from here up are free for messages of an implementation's own. */
export const TYPE_EXTENSION_MIN = 0x80;

/** Messages between processes of this implementation. */
export const TYPE_OLD_HELLO = 0x80;
export const TYPE_LIST = 0x81;
export const TYPE_LISTED = 0x82;
export const TYPE_LINK = 0x83;
export const TYPE_BUNDLE = 0x84;
export const TYPE_READ_STAMP = 0x85;
export const TYPE_STAMP = 0x86;
export const TYPE_SHARD = 0x87;
export const TYPE_HELLO = 0x88;
/** Inquiries of this implementation's clients about a process itself. The type of an answer has TYPE_ANSWER added. */
export const TYPE_STATUS = 0x90;
export const TYPE_SCRUB = 0x91;
export const TYPE_MAP = 0x92;
/** Messages of the strict register. */
export const TYPE_PACK = 0xa0;
export const TYPE_OPEN = 0xa1;

export const STATUS_OK = 0x00;
export const STATUS_AUTH_FAILURE = 0x01;
export const STATUS_INVALID_SECTOR_INDEX = 0x02;

/** Lengths of whole messages, tag included. */
export const SIZE_READ = OFFSET_REQUEST_DATA + TAG_SIZE_BYTES;
export const SIZE_WRITE = OFFSET_REQUEST_DATA + SECTOR_SIZE_BYTES + TAG_SIZE_BYTES;
export const SIZE_RESPONSE = OFFSET_RESPONSE_DATA + TAG_SIZE_BYTES;
export const SIZE_RESPONSE_DATA = OFFSET_RESPONSE_DATA + SECTOR_SIZE_BYTES + TAG_SIZE_BYTES;
export const SIZE_PROCESS = OFFSET_TIMESTAMP + TAG_SIZE_BYTES;
export const SIZE_PROCESS_DATA = OFFSET_PROCESS_DATA + SECTOR_SIZE_BYTES + TAG_SIZE_BYTES;
export const SIZE_RECEIPT = OFFSET_PROCESS_SECTOR + TAG_SIZE_BYTES;

/** Size of the ids of disks and the tokens of connections. */
export const ID_SIZE_BYTES = 16;

/** HELLO, version 1. The storage id stands in the place of an operation id. */
export const OFFSET_OLD_HELLO_STORAGE = 8;
export const OFFSET_OLD_HELLO_VERSION = 24;
export const OFFSET_OLD_HELLO_MEMBER_STATE = 26;
/** 1: the addressee's storage id is known, and stands at OFFSET_OLD_HELLO_KNOWN. */
export const OFFSET_OLD_HELLO_IS_KNOWN = 27;
export const OFFSET_OLD_HELLO_INCARNATION = 28;
export const OFFSET_OLD_HELLO_KNOWN = 32;
export const OFFSET_OLD_HELLO_INCARNATIONS = 48;
export const SIZE_OLD_HELLO = OFFSET_OLD_HELLO_INCARNATIONS + 2 * RANK_MAX + TAG_SIZE_BYTES;
export const OLD_HELLO_VERSION = 1;

/** HELLO, version 2. */
export const HELLO_VERSION = 2;
export const OFFSET_HELLO_STORAGE = 8;
export const OFFSET_HELLO_VERSION = 24;
export const OFFSET_HELLO_MEMBER_STATE = 26;
export const OFFSET_HELLO_FLAGS = 27;
export const OFFSET_HELLO_INCARNATION = 28;
export const OFFSET_HELLO_KNOWN = 32;
export const OFFSET_HELLO_TOKEN = 48;
export const OFFSET_HELLO_ECHO = 64;
export const OFFSET_HELLO_FOUNDING = 80;
export const OFFSET_HELLO_ADDRESSES = 96;
export const OFFSET_HELLO_SECTORS = 112;
export const OFFSET_HELLO_ADDRESSEE = 120;
export const OFFSET_HELLO_PROCESSES = 121;
export const OFFSET_HELLO_MODE = 122;
export const OFFSET_HELLO_INCARNATIONS = 128;
/** Four bytes of padding before the tag. */
export const SIZE_HELLO = OFFSET_HELLO_INCARNATIONS + 2 * RANK_MAX + 4 + TAG_SIZE_BYTES;

/** LISTED: these fields follow the sector with which the list begins. */
export const OFFSET_LISTED_NEXT = 32;
export const OFFSET_LISTED_COUNT = 40;
/** A field of 48 bits. */
export const OFFSET_LISTED_WRITTEN = 42;
export const OFFSET_LISTED_ENTRIES = 48;
export const SIZE_LISTED_ENTRY = 17;
export const SIZE_LIST = SIZE_PROCESS;
export const SIZE_LISTED = SIZE_PROCESS_DATA;
/** In the place of the next sector: there is none. */
export const NO_NEXT = 0xffff_ffff_ffff_ffffn;

/** LINK: two tokens of connections, each of ID_SIZE_BYTES. */
export const OFFSET_LINK_TOKEN = 8;
export const OFFSET_LINK_ECHO = 24;
export const OFFSET_LINK_FEATURES = 40;
export const SIZE_LINK = OFFSET_LINK_FEATURES + 8 + TAG_SIZE_BYTES;
/** Feature bit: the sender understands BUNDLE, READ_STAMP and STAMP. */
export const FEATURE_BUNDLES = 1;
/** Feature bit: the sender says HELLO in version 2, so a HELLO of version 1 in its name is a forgery or a replay. */
export const FEATURE_HELLO = 2;

/** SHARD. */
export const OFFSET_SHARD_INDEX = 8;
export const OFFSET_SHARD_COUNT = 10;
export const SIZE_SHARD = 16 + TAG_SIZE_BYTES;

export const SIZE_STAMP = OFFSET_PROCESS_DATA + TAG_SIZE_BYTES;

/** BUNDLE: the length of the whole message in units stands where others have padding. */
export const OFFSET_BUNDLE_LENGTH = 4;
export const BUNDLE_UNIT_BYTES = 8;
export const SIZE_BUNDLE_MIN = HEADER_SIZE_BYTES + TAG_SIZE_BYTES;
/** Bounds memory: each connection may have one incomplete bundle. */
export const SIZE_BUNDLE_MAX = 65_536;

/**
 * A longer frame is taken in only from those who have shown that they know the key, because a connection may have one
 * incomplete frame.
 */
export const SIZE_FRAME_UNPROVEN_MAX = SIZE_BUNDLE_MAX;

export const SIZE_INQUIRY = SIZE_READ;

/** Sizes of the keys as raw bytes. */
export const CLIENT_KEY_SIZE_BYTES = 32;
export const SYSTEM_KEY_SIZE_BYTES = 64;

assert(SIZE_READ === 56 && SIZE_WRITE === 4152, 'request sizes');
assert(SIZE_RESPONSE === 48 && SIZE_RESPONSE_DATA === 4144, 'response sizes');
assert(SIZE_PROCESS === 64 && SIZE_PROCESS_DATA === 4176, 'process message sizes');
assert(SIZE_RECEIPT === 56, 'receipt size');
assert(OFFSET_OPERATION_ID + OPERATION_ID_SIZE_BYTES === OFFSET_PROCESS_SECTOR, 'uuid size');
assert(OFFSET_WRITE_RANK + 1 === OFFSET_PROCESS_DATA, 'write rank precedes the data');
assert(
  [SIZE_PROCESS, SIZE_PROCESS_DATA, SIZE_STAMP, SIZE_BUNDLE_MIN].every((size) => size % BUNDLE_UNIT_BYTES === 0),
  'bundles are made of whole units',
);
assert(OFFSET_LISTED_ENTRIES + ENTRIES_MAX * SIZE_LISTED_ENTRY <= SIZE_LISTED - TAG_SIZE_BYTES, 'a list fits');
