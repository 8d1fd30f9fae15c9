/** A part of the disk that NBD clients see as a disk of its own. */
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import { TRANSMISSION_FLAG } from './constants.js';

export interface NbdExport {
  /** The name that clients ask for; the empty one is the default export. */
  readonly name: string;
  readonly firstSector: number;
  readonly sectors: number;
  readonly isReadOnly: boolean;
}

/** The size in bytes: a bigint, because the largest disks have more bytes than a number counts exactly. */
export function sizeBytesOf({ sectors }: NbdExport): bigint {
  return BigInt(sectors) * BigInt(SECTOR_SIZE_BYTES);
}

/**
 * The abilities of the export. CAN_MULTI_CONN is true even across gateways: a write that was answered is durable on a
 * majority, and every read that begins later sees it, over any connection. So a flush has nothing left to do.
 * @param isStructured Whether structured replies were negotiated, because DF needs them.
 */
export function transmissionFlagsOf({ isReadOnly }: NbdExport, isStructured: boolean): number {
  const flag = TRANSMISSION_FLAG;
  const writing = flag.SEND_TRIM | flag.SEND_WRITE_ZEROES | flag.SEND_FAST_ZERO;
  return (
    flag.HAS_FLAGS |
    flag.SEND_FLUSH |
    flag.SEND_FUA |
    flag.SEND_CACHE |
    flag.CAN_MULTI_CONN |
    (isStructured ? flag.SEND_DF : 0) |
    (isReadOnly ? flag.READ_ONLY : writing)
  );
}
