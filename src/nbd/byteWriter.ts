/** Big-endian fields, to be joined: `bytesOf(u32(1), u16(2), text)`. */

export function u16(value: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: bigint): Uint8Array {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

export function utf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

export function bytesOf(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
