/** Requests of clients, and the rules by which they are refused. */
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import type { CommandName, NbdErrorName } from './constants.js';
import { COMMAND, COMMAND_FLAG, PAYLOAD_BYTES_MAX } from './constants.js';
import type { Negotiated } from './handshake.js';
import { sizeBytesOf } from './nbdExport.js';

/** The fixed part of a request as it stands on the wire. */
export interface RequestHeader {
  readonly flags: number;
  readonly type: number;
  /** Names the request for the client; the reply has it as well. */
  readonly cookie: bigint;
  readonly offsetBytes: bigint;
  readonly lengthBytes: number;
}

/** A valid request. */
export interface NbdRequest {
  readonly command: CommandName;
  readonly flags: number;
  readonly cookie: bigint;
  /** The offset within the export. */
  readonly offsetBytes: bigint;
  readonly lengthBytes: number;
  /** The data of a WRITE; empty for all others. */
  readonly data: Uint8Array;
}

export interface Refusal {
  readonly cookie: bigint;
  /** null: there is no such command. */
  readonly command: CommandName | null;
  readonly error: NbdErrorName;
  /** For people: the rule, with the numbers. */
  readonly text: string;
}

const COMMANDS: ReadonlyMap<number, CommandName> = new Map(
  (Object.keys(COMMAND) as CommandName[]).map((name) => [COMMAND[name], name]),
);

/** The flags of each command besides FUA, which all may have: a command that writes nothing is durable at once. */
const FLAGS_OF: Readonly<Record<CommandName, number>> = {
  READ: COMMAND_FLAG.DF,
  WRITE: 0,
  DISC: 0,
  FLUSH: 0,
  TRIM: 0,
  CACHE: 0,
  WRITE_ZEROES: COMMAND_FLAG.NO_HOLE | COMMAND_FLAG.FAST_ZERO,
  BLOCK_STATUS: COMMAND_FLAG.REQ_ONE,
};

export function commandOf(type: number): CommandName | null {
  return COMMANDS.get(type) ?? null;
}

/** @returns the refusal of an invalid request; null: the request is valid. */
export function findFault(header: RequestHeader, negotiated: Negotiated): Refusal | null {
  const command = commandOf(header.type);
  const { cookie, flags, lengthBytes } = header;
  const refuse = (error: NbdErrorName, text: string): Refusal => ({ cookie, command, error, text });
  if (command === null) return refuse('EINVAL', `there is no command ${header.type}`);
  if ((flags & ~(COMMAND_FLAG.FUA | FLAGS_OF[command])) !== 0) {
    return refuse('EINVAL', `${command} does not take the flags 0x${flags.toString(16)}`);
  }
  if (command === 'DISC' || command === 'FLUSH') return null;
  if (negotiated.export.isReadOnly && isWriting(command)) {
    return refuse('EPERM', 'the export is read-only');
  }
  const size = sizeBytesOf(negotiated.export);
  const end = header.offsetBytes + BigInt(lengthBytes);
  if (end > size) {
    const error = command === 'WRITE' || command === 'WRITE_ZEROES' ? 'ENOSPC' : 'EINVAL';
    return refuse(error, `bytes ${header.offsetBytes} to ${end} of ${size}`);
  }
  return findFaultOf(command, header, negotiated, refuse);
}

function findFaultOf(
  command: CommandName,
  { flags, offsetBytes, lengthBytes }: RequestHeader,
  { isStructured, hasAllocation }: Negotiated,
  refuse: (error: NbdErrorName, text: string) => Refusal,
): Refusal | null {
  const isTooLong = lengthBytes > PAYLOAD_BYTES_MAX;
  switch (command) {
    case 'READ': {
      const isWhole = (flags & COMMAND_FLAG.DF) !== 0;
      if (isWhole && !isStructured) return refuse('EINVAL', 'DF needs structured replies');
      if (!isTooLong) return null;
      return refuse(isWhole ? 'EOVERFLOW' : 'EINVAL', `${lengthBytes} bytes in one READ`);
    }
    case 'WRITE':
      return isTooLong ? refuse('EINVAL', `${lengthBytes} bytes in one WRITE`) : null;
    case 'WRITE_ZEROES': {
      // Whole sectors of zeros are fast, because they take no room. A part of a sector costs a read and a write.
      const isAligned = lengthBytes % SECTOR_SIZE_BYTES === 0 && offsetBytes % BigInt(SECTOR_SIZE_BYTES) === 0n;
      const isUrgent = (flags & COMMAND_FLAG.FAST_ZERO) !== 0;
      return isUrgent && !isAligned ? refuse('ENOTSUP', 'parts of sectors are not fast') : null;
    }
    case 'BLOCK_STATUS':
      if (!hasAllocation) return refuse('EINVAL', 'no metadata context was chosen');
      return lengthBytes === 0 ? refuse('EINVAL', 'the status of nothing') : null;
    default:
      return null;
  }
}

function isWriting(command: CommandName): boolean {
  return command === 'WRITE' || command === 'TRIM' || command === 'WRITE_ZEROES';
}
