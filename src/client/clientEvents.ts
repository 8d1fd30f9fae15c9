/** The events and counters of a client, beside the results of its operations. */
import type { Rank } from '../core/rank.js';
import type { SectorIndex } from '../core/sector.js';

/**
 * One step of one attempt; several attempts may serve one operation of the caller. In the strict mode an attempt is a
 * message to one replica about a range of sectors: `read` is a QUERY, and `write` a STORE, also that of a read which
 * settles what another client has left. `sector` is the first one of the range, and `attempt` is 1.
 */
export interface AttemptEvent {
  readonly kind: 'read' | 'write';
  readonly sector: SectorIndex;
  /** The process that the attempt went to. */
  readonly rank: Rank;
  /** Counted from 1 in each operation (a partial write is a READ, then a WRITE, each from 1). */
  readonly attempt: number;
  /**
   * `sent`: passed to the connection. `answered`: the process has answered. `lost`: no answer will come; another
   * attempt may follow. A lost write may have taken effect.
   */
  readonly event: 'sent' | 'answered' | 'lost';
}

/** Called synchronously at each step; must not throw. */
export type AttemptObserver = (event: AttemptEvent) => void;

/** Counted since the client was made. In normal operation all but the last five stay small. */
export interface ClientCounters {
  /** Responses with a wrong tag, which are dropped: the keys differ, or somebody tampers with the traffic. */
  badTagResponses: number;
  /** Authentic responses that are dropped because no request asked for them, or because their status is unknown. */
  unexpectedResponses: number;
  /** Connections that could not be made. */
  failedDials: number;
  /** Connections that ended before the client was closed. */
  lostConnections: number;
  /** Connections that the client gave up because the process had fallen silent. */
  leftConnections: number;
  /**
   * Of the open mode: writes on connections that ended on the client's side only, see
   * docs/adr/0006-client-resubmission.md.
   */
  heldWrites: number;
  /** Of the open mode: reads that were sent to a second process because the first took long. */
  hedgedReads: number;
  /** Attempts of each kind (AttemptEvent): the operations, and all that was sent again. */
  readsSent: number;
  writesSent: number;
  pingsSent: number;
  /**
   * Answers to attempts of operations; in the strict mode operations that are over. While this number grows, operations
   * make progress.
   */
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
