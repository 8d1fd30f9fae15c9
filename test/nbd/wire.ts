/**
 * The client's side of the NBD protocol, written from its document (doc/proto.md) and sharing no code with src/nbd:
 * what both sides of a mistake share cannot show it.
 */

/** Fields: 'ab' is text, [4, 7] a 32-bit 7, [8, 1n] a 64-bit one; bytes stand for themselves. */
export type Field = string | Uint8Array | readonly [1 | 2 | 4 | 8, number | bigint];

export function bytes(...fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.map((field) => {
      if (typeof field === 'string') return Buffer.from(field);
      if (field instanceof Uint8Array) return field;
      const [width, value] = field;
      const hex = value.toString(16).padStart(2 * width, '0');
      return Buffer.from(hex, 'hex');
    }),
  );
}

export const clientFlags = (flags: number): Buffer => bytes([4, flags]);

export const option = (number: number, data: Uint8Array = Buffer.alloc(0)): Buffer =>
  bytes('IHAVEOPT', [4, number], [4, data.length], data);

export const go = (name: string, ...wanted: number[]): Buffer => option(7, infoData(name, wanted));

export const infoData = (name: string, wanted: readonly number[] = []): Buffer =>
  bytes([4, Buffer.byteLength(name)], name, [2, wanted.length], ...wanted.map((w): Field => [2, w]));

export const metaData = (name: string, ...queries: string[]): Buffer =>
  bytes(
    [4, Buffer.byteLength(name)],
    name,
    [4, queries.length],
    ...queries.flatMap((query): Field[] => [[4, query.length], query]),
  );

export interface RequestFields {
  readonly type: number;
  readonly flags?: number;
  readonly cookie?: bigint;
  readonly offset?: bigint | number;
  readonly length?: number;
  readonly data?: Uint8Array;
}

export function request(fields: RequestFields): Buffer {
  const { type, flags = 0, cookie = 1n, offset = 0, data = Buffer.alloc(0) } = fields;
  const length = fields.length ?? data.length;
  return bytes([4, 0x25609513], [2, flags], [2, type], [8, cookie], [8, offset], [4, length], data);
}

export interface OptionReply {
  readonly option: number;
  readonly type: number;
  readonly data: Buffer;
}

/** Takes option replies apart; fails on anything else. */
export function parseOptionReplies(sent: Uint8Array): OptionReply[] {
  const buffer = Buffer.from(sent);
  const replies: OptionReply[] = [];
  for (let at = 0; at < buffer.length;) {
    if (buffer.toString('hex', at, at + 8) !== '0003e889045565a9') throw new Error('no magic');
    const length = buffer.readUInt32BE(at + 16);
    const data = buffer.subarray(at + 20, at + 20 + length);
    if (data.length !== length) throw new Error('cut short');
    replies.push({ option: buffer.readUInt32BE(at + 8), type: buffer.readUInt32BE(at + 12), data });
    at += 20 + length;
  }
  return replies;
}

export interface Chunk {
  readonly isLast: boolean;
  readonly type: number;
  readonly cookie: bigint;
  readonly data: Buffer;
}

/** Takes structured replies apart; fails on anything else. */
export function parseChunks(sent: Uint8Array): Chunk[] {
  const buffer = Buffer.from(sent);
  const chunks: Chunk[] = [];
  for (let at = 0; at < buffer.length;) {
    if (buffer.readUInt32BE(at) !== 0x668e33ef) throw new Error('no magic');
    const length = buffer.readUInt32BE(at + 16);
    const data = buffer.subarray(at + 20, at + 20 + length);
    if (data.length !== length) throw new Error('cut short');
    const isLast = (buffer.readUInt16BE(at + 4) & 1) === 1;
    const type = buffer.readUInt16BE(at + 6);
    chunks.push({ isLast, type, cookie: buffer.readBigUInt64BE(at + 8), data });
    at += 20 + length;
  }
  return chunks;
}

/** A simple reply without data. */
export const simple = (error: number, cookie: bigint): Buffer => bytes([4, 0x67446698], [4, error], [8, cookie]);
