/** PACK once more, read from docs/strict-wire.md alone, like the messages of bytes.ts. */
const SECTOR_BYTES = 4_096;
const TAG_BYTES = 32;

const KINDS = new Map([
  [1, 'QUERY'],
  [2, 'ORDER'],
  [3, 'STORE'],
  [4, 'LEARN'],
  [5, 'CONCLUDED'],
  [0x41, 'STATE'],
  [0x42, 'ORDERED'],
  [0x43, 'STORED'],
] as const);

export type PackedKind = typeof KINDS extends Map<number, infer Kind> ? Kind : never;

export interface PackedMessage {
  readonly kind: PackedKind;
  readonly flags: number;
  /** Sectors of its range. */
  readonly count: number;
  readonly number: bigint;
  readonly first: bigint;
  readonly payload: Buffer;
}

export interface PackMessage {
  readonly family: 'pack';
  /** 0: a client. */
  readonly sender: number;
  readonly messages: readonly PackedMessage[];
}

const FIXED_BYTES = 24;
const STAMP_BYTES = 24;
const RUN_BYTES = 8;

/** Whole length of the PACK that starts here. */
export const packSizeOf = (bytes: Buffer): number => 32 * bytes.readUInt16BE(4);

export function parsePack(bytes: Buffer): PackMessage {
  const end = bytes.length - TAG_BYTES;
  const messages: PackedMessage[] = [];
  let at = 16 + 8 * Math.ceil((2 * bytes[8]) / 8);
  while (at + FIXED_BYTES <= end) {
    const kind = KINDS.get(bytes[at] as Parameters<(typeof KINDS)['get']>[0]);
    // Padding, which is shorter than any message but for one that begins with zeros.
    if (kind === undefined) break;
    const payloadEnd = at + FIXED_BYTES + bytes.readUInt32BE(at + 4);
    messages.push({
      kind,
      flags: bytes[at + 1],
      count: bytes.readUInt16BE(at + 2),
      number: bytes.readBigUInt64BE(at + 8),
      first: bytes.readBigUInt64BE(at + 16),
      payload: Buffer.from(bytes.subarray(at + FIXED_BYTES, payloadEnd)),
    });
    at = payloadEnd;
  }
  return { family: 'pack', sender: bytes[6], messages };
}

function sectorsIn(data: Buffer): Buffer[] {
  const sectors: Buffer[] = [];
  for (let at = 0; at < data.length; at += SECTOR_BYTES) sectors.push(data.subarray(at, at + SECTOR_BYTES));
  return sectors;
}

/** The sectors that a STORE carries. */
export function dataOfStore({ flags, payload }: PackedMessage): Buffer[] {
  return flags === 0 ? sectorsIn(payload.subarray(2 * STAMP_BYTES)) : [];
}

/** Whether it says of all its sectors that they are stored. */
export function isStored({ kind, count, payload }: PackedMessage): boolean {
  return kind === 'STORED' && payload.length === RUN_BYTES && payload.readUInt16BE(0) === count && payload[2] === 0;
}
