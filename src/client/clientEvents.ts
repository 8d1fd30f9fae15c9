/** What can be observed of a client besides the results of its operations. */
import type { Rank } from '../core/rank.js';
import type { SectorIndex } from '../core/sector.js';

/** One step of one attempt; several attempts may serve one operation of the caller. */
export interface AttemptEvent {
  readonly kind: 'read' | 'write';
  readonly sector: SectorIndex;
  /** The process that the attempt went to. */
  readonly rank: Rank;
  /** Counted from 1 in each operation (a partial write is a READ, then a WRITE, each from 1). */
  readonly attempt: number;
  /**
   * `sent`: handed to the connection. `answered`: the process answered. `lost`: no answer will come; what follows, if
   * anything, is the next attempt. A write that is lost may have taken effect.
   */
  readonly event: 'sent' | 'answered' | 'lost';
}

/** Called synchronously at each step; must not throw. */
export type AttemptObserver = (event: AttemptEvent) => void;

/** Counted since the client was made. All but the last five are small in good times. */
export interface ClientCounters {
  /** Responses with a wrong tag: dropped. The keys differ, or someone meddles. */
  badTagResponses: number;
  /** Authentic responses that no request asked for, or whose status nobody knows: dropped. */
  unexpectedResponses: number;
  /** Connections that could not be made. */
  failedDials: number;
  /** Connections that ended before the client was closed. */
  lostConnections: number;
  /** Connections that the client left because the process had fallen silent. */
  leftConnections: number;
  /** Writes on connections that ended without a word from the other side: see ADR 0006. */
  heldWrites: number;
  /** Reads that were asked of a second process because the first took long. */
  hedgedReads: number;
  /** Attempts, by kind: operations plus what was sent again. */
  readsSent: number;
  writesSent: number;
  pingsSent: number;
  /** Answers to attempts of operations: while there are more and more, things go on. */
  answers: number;
}

export function createCounters(): ClientCounters {
  return {
    badTagResponses: 0,
    unexpectedResponses: 0,
    failedDials: 0,
    lostConnections: 0,
    leftConnections: 0,
    heldWrites: 0,
    hedgedReads: 0,
    readsSent: 0,
    writesSent: 0,
    pingsSent: 0,
    answers: 0,
  };
}
