/** One request on its way over one connection, as its sender and the connection know it. */
import type { AnyInquiry } from '../core/membership/memberMessage.js';
import type { ResponseStatus } from '../core/message.js';
import type { SectorData, SectorIndex } from '../core/sector.js';

/** Why a request will not be answered. */
export type LostReason =
  /** The connection is over, and the process has let go of it: it begins nothing more for it. */
  | 'closed'
  /** The process fell silent and is being left; it may still begin what it was sent. Reads only. */
  | 'left'
  /** The connection is over on our side alone; the process may still believe in it. */
  | 'unconfirmed';

export interface PendingRequest {
  readonly kind: 'read' | 'write';
  readonly requestNumber: bigint;
  /** Any u64 in a READ that only asks for an answer. */
  readonly sector: number | bigint;
  /** Exactly in a WRITE. */
  readonly data?: SectorData;
  /** `data`, in a READ's answer that is ok, is memory of its own. Called at most once … */
  answered(status: ResponseStatus, data: SectorData | null): void;
  /** … and so is this one, if the other was not. */
  lost(reason: LostReason): void;
}

/** A question to a process about itself, on its way. Some makes of processes never answer. */
export interface Question {
  readonly inquiry: AnyInquiry;
  readonly requestNumber: bigint;
  /** Where a map is to begin. */
  readonly from?: SectorIndex;
  /** `data` is memory of its own; null unless the status is ok. Called at most once … */
  answered(status: ResponseStatus, data: SectorData | null): void;
  /** … and so is this one, if the other was not: the connection will bring no answer. */
  lost(): void;
}
