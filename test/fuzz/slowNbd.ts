/**
 * The server's side of the NBD protocol up to the requests, written from its document (doc/proto.md of
 * NetworkBlockDevice/nbd) and from docs/nbd.md, all bytes at once and with no thought of speed.
 */

/** What a server offers. */
export interface SlowExport {
  readonly name: string;
  readonly firstSector: number;
  readonly sectors: number;
  readonly isReadOnly: boolean;
}

export type SlowEvent =
  /** Of an option: number and type, and the data unless it is an error's text. */
  | {
      readonly kind: 'reply';
      readonly option: number;
      readonly type: number;
      readonly data: string;
    }
  /** To EXPORT_NAME, which has no reply of its own form. */
  | { readonly kind: 'old reply'; readonly data: string }
  | {
      readonly kind: 'negotiated';
      readonly name: string;
      readonly isStructured: boolean;
      readonly hasAllocation: boolean;
    }
  | {
      readonly kind: 'request';
      readonly command: string;
      readonly flags: number;
      readonly cookie: bigint;
      readonly offset: bigint;
      readonly length: number;
      readonly data: string;
    }
  | { readonly kind: 'refused'; readonly cookie: bigint; readonly error: string }
  | { readonly kind: 'end' };

const ERR_UNSUP = 2 ** 31 + 1;
const ERR_INVALID = 2 ** 31 + 3;
const ERR_UNKNOWN = 2 ** 31 + 6;
const ERR_TOO_BIG = 2 ** 31 + 9;
const MIB = 2 ** 20;

const COMMANDS = ['READ', 'WRITE', 'DISC', 'FLUSH', 'TRIM', 'CACHE', 'WRITE_ZEROES', 'BLOCK_STATUS'];

/** Thrown where the bytes are at their end: what there is so far is the result. */
class NoMore extends Error {}

class Bytes {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  take(count: number): Buffer {
    if (this.bytes.length - this.at < count) throw new NoMore();
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  get rest(): number {
    return this.bytes.length - this.at;
  }

  u16 = (): number => this.take(2).readUInt16BE();
  u32 = (): number => this.take(4).readUInt32BE();
  u64 = (): bigint => this.take(8).readBigUInt64BE();
}

/** Everything that the bytes of a client lead to, in order. */
export function serveSlowly(sent: Buffer, exports: readonly SlowExport[]): SlowEvent[] {
  const events: SlowEvent[] = [];
  const bytes = new Bytes(sent);
  try {
    const negotiated = shakeHands(bytes, exports, events);
    if (negotiated !== null) takeRequests(bytes, negotiated, events);
    events.push({ kind: 'end' });
  } catch (error) {
    if (!(error instanceof NoMore)) throw error;
  }
  return events;
}

interface Agreed {
  readonly found: SlowExport;
  readonly isStructured: boolean;
  readonly hasAllocation: boolean;
}

/** Null: the connection is to be closed. */
function shakeHands(bytes: Bytes, exports: readonly SlowExport[], events: SlowEvent[]): Agreed | null {
  const clientFlags = bytes.u32();
  if (clientFlags > 3) return null;
  const wantsZeroes = (clientFlags & 2) === 0;
  let isStructured = false;
  let allocationOf: string | null = null;
  const find = (name: Buffer): SlowExport | undefined => exports.find((one) => Buffer.from(one.name).equals(name));

  for (let count = 1; ; count += 1) {
    const header = new Bytes(bytes.take(16));
    if (header.take(8).toString('latin1') !== 'IHAVEOPT') return null;
    const option = header.u32();
    const length = header.u32();
    const reply = (type: number, data: Buffer | null = null): void => {
      events.push({ kind: 'reply', option, type, data: data?.toString('hex') ?? '' });
    };
    const agree = (found: SlowExport): Agreed => {
      const hasAllocation = allocationOf === found.name;
      events.push({ kind: 'negotiated', name: found.name, isStructured, hasAllocation });
      return { found, isStructured, hasAllocation };
    };
    if (count > 1_024) return null;
    if (length > 65_536) {
      if (option === 1 || length > 16 * MIB) return null;
      bytes.take(length);
      reply(ERR_TOO_BIG);
      continue;
    }
    const data = bytes.take(length);
    if (option === 1) {
      const found = find(data);
      if (found === undefined) return null;
      const zeroes = Buffer.alloc(wantsZeroes ? 124 : 0);
      const told = Buffer.concat([sizeAndFlags(found, isStructured), zeroes]).toString('hex');
      events.push({ kind: 'old reply', data: told });
      return agree(found);
    }
    if (option === 2) {
      reply(1);
      return null;
    }
    if (option === 3) {
      if (length > 0) reply(ERR_INVALID);
      else {
        for (const { name } of exports) reply(2, withLength(name));
        reply(1);
      }
    } else if (option === 6 || option === 7) {
      const query = infoQuery(data);
      const found = query === null ? undefined : find(query.name);
      if (query === null) reply(ERR_INVALID);
      else if (found === undefined) reply(ERR_UNKNOWN);
      else {
        for (const info of information(found, isStructured, query.wanted)) reply(3, info);
        reply(1);
        if (option === 7) return agree(found);
      }
    } else if (option === 8) {
      isStructured ||= length === 0;
      reply(length === 0 ? 1 : ERR_INVALID);
    } else if (option === 9 || option === 10) {
      const query = metaQuery(data);
      if (option === 10) allocationOf = null;
      if (query === null || !isStructured) reply(ERR_INVALID);
      else if (find(query.name) === undefined) reply(ERR_UNKNOWN);
      else {
        const asked = query.queries.map((one) => one.toString('latin1'));
        const lists = option === 9 && (asked.length === 0 || asked.includes('base:'));
        if (lists || asked.includes('base:allocation')) {
          const id = Buffer.of(0, 0, 0, option === 10 ? 1 : 0);
          reply(4, Buffer.concat([id, Buffer.from('base:allocation')]));
          if (option === 10) allocationOf = query.name.toString('utf8');
        }
        reply(1);
      }
    } else reply(ERR_UNSUP);
  }
}

function sizeAndFlags({ sectors, isReadOnly }: SlowExport, isStructured: boolean): Buffer {
  const bytes = Buffer.alloc(10);
  bytes.writeBigUInt64BE(BigInt(sectors) * 4_096n);
  // HAS_FLAGS FLUSH FUA MULTI_CONN CACHE, then READ_ONLY, or TRIM WRITE_ZEROES FAST_ZERO, then DF.
  const flags = 0x1 | 0x4 | 0x8 | 0x100 | 0x400 | (isReadOnly ? 0x2 : 0x20 | 0x40 | 0x800);
  bytes.writeUInt16BE(flags | (isStructured ? 0x80 : 0), 8);
  return bytes;
}

function withLength(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}

function information(found: SlowExport, isStructured: boolean, wanted: readonly number[]): Buffer[] {
  const { name, firstSector, sectors, isReadOnly } = found;
  const last = firstSector + sectors - 1;
  const text = `Atomic Disk Drive, sectors ${firstSector} to ${last}` + (isReadOnly ? ', read-only' : '');
  const told = [
    Buffer.concat([Buffer.of(0, 0), sizeAndFlags(found, isStructured)]),
    // A byte at least, 4096 best of all, 32 MiB at most.
    Buffer.from('0003000000010000100002000000', 'hex'),
  ];
  if (wanted.includes(1)) told.push(Buffer.concat([Buffer.of(0, 1), Buffer.from(name)]));
  if (wanted.includes(2)) told.push(Buffer.concat([Buffer.of(0, 2), Buffer.from(text)]));
  return told;
}

/** Null: not of that form. */
function orNull<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof NoMore) return null;
    throw error;
  }
}

/** A name is 4096 bytes long at most. */
function nameFrom(bytes: Bytes): Buffer {
  const length = bytes.u32();
  if (length > 4_096) throw new NoMore();
  return bytes.take(length);
}

const infoQuery = (data: Buffer): { name: Buffer; wanted: number[] } | null =>
  orNull(() => {
    const bytes = new Bytes(data);
    const name = nameFrom(bytes);
    const wanted: number[] = [];
    for (let left = bytes.u16(); left > 0; left -= 1) wanted.push(bytes.u16());
    if (bytes.rest > 0) throw new NoMore();
    return { name, wanted };
  });

const metaQuery = (data: Buffer): { name: Buffer; queries: Buffer[] } | null =>
  orNull(() => {
    const bytes = new Bytes(data);
    const name = nameFrom(bytes);
    const queries: Buffer[] = [];
    for (let left = bytes.u32(); left > 0; left -= 1) queries.push(nameFrom(bytes));
    if (bytes.rest > 0) throw new NoMore();
    return { name, queries };
  });

function takeRequests(bytes: Bytes, agreed: Agreed, events: SlowEvent[]): void {
  for (;;) {
    const header = new Bytes(bytes.take(28));
    if (header.u32() !== 0x25609513) return;
    const [flags, type] = [header.u16(), header.u16()];
    const [cookie, offset, length] = [header.u64(), header.u64(), header.u32()];
    const error = errorOf(type, flags, offset, length, agreed);
    if (error === null && type === 2) return;
    // Whatever is wrong with a WRITE, its data follows.
    const data = type === 1 ? bytes.take(length) : Buffer.alloc(0);
    if (error !== null) events.push({ kind: 'refused', cookie, error });
    else {
      const what = { command: COMMANDS[type], flags, cookie, offset, length };
      events.push({ kind: 'request', ...what, data: data.toString('hex') });
    }
  }
}

function errorOf(
  type: number,
  flags: number,
  offset: bigint,
  length: number,
  { found, isStructured, hasAllocation }: Agreed,
): string | null {
  if (type >= COMMANDS.length) return 'EINVAL';
  const command = COMMANDS[type];
  // Besides FUA: NO_HOLE and FAST_ZERO, DF, REQ_ONE.
  const allowed: Record<string, number> = { READ: 4, WRITE_ZEROES: 2 | 0x10, BLOCK_STATUS: 8 };
  if ((flags & ~(1 | (allowed[command] ?? 0))) !== 0) return 'EINVAL';
  if (command === 'DISC' || command === 'FLUSH') return null;
  const changes = ['WRITE', 'TRIM', 'WRITE_ZEROES'].includes(command);
  if (found.isReadOnly && changes) return 'EPERM';
  if (offset + BigInt(length) > BigInt(found.sectors) * 4_096n) {
    return command === 'WRITE' || command === 'WRITE_ZEROES' ? 'ENOSPC' : 'EINVAL';
  }
  const wantsOnePiece = command === 'READ' && (flags & 4) !== 0;
  if (wantsOnePiece && !isStructured) return 'EINVAL';
  if ((command === 'READ' || command === 'WRITE') && length > 32 * MIB) {
    return wantsOnePiece ? 'EOVERFLOW' : 'EINVAL';
  }
  const isWhole = offset % 4_096n === 0n && length % 4_096 === 0;
  if (command === 'WRITE_ZEROES' && (flags & 0x10) !== 0 && !isWhole) return 'ENOTSUP';
  if (command === 'BLOCK_STATUS' && (!hasAllocation || length === 0)) return 'EINVAL';
  return null;
}
