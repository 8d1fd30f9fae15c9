/** A message as a few words, for traces. */
import { describeName, nameOfSector } from './sectorName.js';

const NAMES: Readonly<Record<number, string>> = {
  0x01: 'READ',
  0x02: 'WRITE',
  0x03: 'READ_PROC',
  0x04: 'VALUE',
  0x05: 'WRITE_PROC',
  0x06: 'ACK',
  0x41: 'response to READ',
  0x42: 'response to WRITE',
  0x43: 'receipt for READ_PROC',
  0x44: 'receipt for VALUE',
  0x45: 'receipt for WRITE_PROC',
  0x46: 'receipt for ACK',
};

export function describeMessage(message: Uint8Array): string {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
  const type = bytes[7];
  const name = NAMES[type] ?? `type ${type}`;
  const value = (at: number): string => String(describeName(nameOfSector(bytes, at)));
  switch (type) {
    case 0x01:
      return `${name} ${bytes.readBigUInt64BE(8)}, sector ${bytes.readBigUInt64BE(16)}`;
    case 0x02: {
      const number = bytes.readBigUInt64BE(8);
      return `${name} ${number}, sector ${bytes.readBigUInt64BE(16)}: ${value(24)}`;
    }
    case 0x41:
      return `${name} ${bytes.readBigUInt64BE(8)}: ${bytes.length > 48 ? value(16) : bytes[6]}`;
    case 0x42:
      return `${name} ${bytes.readBigUInt64BE(8)}: ${bytes[6]}`;
    case 0x03:
    case 0x06:
      return `${name} ${uuid(bytes)}, sector ${bytes.readBigUInt64BE(24)}`;
    case 0x04:
    case 0x05: {
      const stamp = `(${bytes.readBigUInt64BE(32)},${bytes[47]})`;
      return `${name} ${uuid(bytes)}, sector ${bytes.readBigUInt64BE(24)}: ${stamp} ${value(48)}`;
    }
    default:
      return name;
  }
}

function uuid(bytes: Buffer): string {
  return bytes.toString('hex', 8, 12);
}
