/**
 * The numbers of the NBD protocol (NetworkBlockDevice/nbd, doc/proto.md), each once. Logs and errors take their names
 * from here as well (`nameIn`).
 */

/** "NBDMAGIC": the first bytes of a server. */
export const INIT_MAGIC = 0x4e42444d41474943n;
/** "IHAVEOPT": the server speaks fixed newstyle. Each option of a client begins with it as well. */
export const OPTION_MAGIC = 0x49484156454f5054n;
export const OPTION_REPLY_MAGIC = 0x0003e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const CHUNK_MAGIC = 0x668e33ef;

/** The abilities of the server in the handshake. */
export const HANDSHAKE_FLAG = { FIXED_NEWSTYLE: 1, NO_ZEROES: 2 } as const;
/** The client's answer: it has the same numbers. */
export const CLIENT_FLAGS_KNOWN = HANDSHAKE_FLAG.FIXED_NEWSTYLE | HANDSHAKE_FLAG.NO_ZEROES;

/** The abilities of an export. */
export const TRANSMISSION_FLAG = {
  HAS_FLAGS: 0x0001,
  READ_ONLY: 0x0002,
  SEND_FLUSH: 0x0004,
  SEND_FUA: 0x0008,
  SEND_TRIM: 0x0020,
  SEND_WRITE_ZEROES: 0x0040,
  SEND_DF: 0x0080,
  CAN_MULTI_CONN: 0x0100,
  SEND_CACHE: 0x0400,
  SEND_FAST_ZERO: 0x0800,
} as const;

export const OPTION = {
  EXPORT_NAME: 1,
  ABORT: 2,
  LIST: 3,
  STARTTLS: 5,
  INFO: 6,
  GO: 7,
  STRUCTURED_REPLY: 8,
  LIST_META_CONTEXT: 9,
  SET_META_CONTEXT: 10,
} as const;

export const OPTION_REPLY = {
  ACK: 1,
  SERVER: 2,
  INFO: 3,
  META_CONTEXT: 4,
  ERR_UNSUP: 0x80000001,
  ERR_INVALID: 0x80000003,
  ERR_UNKNOWN: 0x80000006,
  ERR_TOO_BIG: 0x80000009,
} as const;

export const INFO = { EXPORT: 0, NAME: 1, DESCRIPTION: 2, BLOCK_SIZE: 3 } as const;

export const COMMAND = {
  READ: 0,
  WRITE: 1,
  DISC: 2,
  FLUSH: 3,
  TRIM: 4,
  CACHE: 5,
  WRITE_ZEROES: 6,
  BLOCK_STATUS: 7,
} as const;

export type CommandName = keyof typeof COMMAND;

export const COMMAND_FLAG = {
  FUA: 0x01,
  NO_HOLE: 0x02,
  DF: 0x04,
  REQ_ONE: 0x08,
  FAST_ZERO: 0x10,
} as const;

export const CHUNK_FLAG_DONE = 1;

export const CHUNK = {
  NONE: 0,
  OFFSET_DATA: 1,
  OFFSET_HOLE: 2,
  BLOCK_STATUS: 5,
  ERROR: 0x8001,
} as const;

/** Errors of commands: the values of Linux's errno. */
export const NBD_ERROR = {
  EPERM: 1,
  EIO: 5,
  EINVAL: 22,
  ENOSPC: 28,
  EOVERFLOW: 75,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
} as const;

export type NbdErrorName = keyof typeof NBD_ERROR;

/** The only metadata context of this server, and the number that stands for it in replies. */
export const BASE_ALLOCATION = 'base:allocation';
export const BASE_ALLOCATION_ID = 1;
/** Status flags of base:allocation. */
export const ALLOCATION = { HOLE: 1, ZERO: 2 } as const;

/** The port that IANA has given to NBD. */
export const NBD_PORT = 10_809;

/** The least size and alignment of requests, as clients are told. All requests are served. */
export const BLOCK_BYTES_MIN = 1;
/** The size and alignment that clients should use, because a write of less than a sector costs a read as well. */
export const BLOCK_BYTES_PREFERRED = 4_096;
/** The longest READ and WRITE, in bytes: clients may assume it of any server. */
export const PAYLOAD_BYTES_MAX = 33_554_432;
/** The longest name of an export that the protocol allows. */
export const NAME_BYTES_MAX = 4_096;

/** The name of a number in one of these tables, or the number itself. */
export function nameIn(table: Readonly<Record<string, number>>, value: number): string {
  const found = Object.entries(table).find(([, number]) => number === value);
  return found === undefined ? `0x${value.toString(16)}` : found[0];
}

/** The names of the flags that are set, for people: "HAS_FLAGS SEND_FLUSH". */
export function flagNames(table: Readonly<Record<string, number>>, flags: number): string {
  return Object.entries(table)
    .filter(([, flag]) => (flags & flag) !== 0)
    .map(([name]) => name)
    .join(' ');
}
