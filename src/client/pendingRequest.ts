/** One request on its way over one connection, as its sender and the connection know it. */
import type { AnyInquiry } from '../core/membership/memberMessage.js';
import type { ResponseStatus } from '../core/message.js';
import type { SectorData, SectorIndex } from '../core/sector.js';

/** Why a request will not be answered. */
export type LostReason =
  /** The connection has ended on both sides: the process begins nothing more that came by it. */
  | 'closed'
  /**
   * The process fell silent, and the connection is being given up. The process may still begin what it was sent. Reads
   * only.
   */
  | 'left'
  /** The connection has ended on our side only: the process may not have noticed. */
  | 'unconfirmed';

export interface PendingRequest {
  readonly kind: 'read' | 'write';
  readonly requestNumber: bigint;
  /** The sector; any u64 in a READ that only asks for an answer. */
  readonly sector: number | bigint;
  /** Present exactly in a WRITE: 4096 bytes. */
  readonly data?: SectorData;
  /**
   * `data`, in a READ's answer that is ok, is memory of its own. At most one of `answered` and `lost` is called, once.
   */
  answered(status: ResponseStatus, data: SectorData | null): void;
  /** The request will not be answered. */
  lost(reason: LostReason): void;
}

/** An inquiry on its way to a process. Foreign processes never answer. */
export interface Question {
  readonly inquiry: AnyInquiry;
  readonly requestNumber: bigint;
  /** The first sector of a map. */
  readonly from?: SectorIndex;
  /**
   * `data` is memory of its own; null unless the status is ok. At most one of `answered` and `lost` is called, once.
   */
  answered(status: ResponseStatus, data: SectorData | null): void;
  /** The connection will bring no answer. */
  lost(): void;
}
