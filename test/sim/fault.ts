/** What can go wrong in a run, as data. */
import type { Rank } from '../../src/core/rank.js';
import type { DiskPart } from '../store/simulatedDisk.js';

export type Fault =
  /** SIGKILL after so many steps of the program, so that it comes in the middle of things. */
  | { readonly kind: 'kill'; readonly rank: Rank; readonly steps: number; readonly downMs: number }
  | {
      readonly kind: 'powerLoss';
      readonly rank: Rank;
      readonly steps: number;
      readonly downMs: number;
    }
  /** Several at one instant. */
  | {
      readonly kind: 'blackout';
      readonly ranks: readonly Rank[];
      readonly downMs: readonly number[];
    }
  /** SIGTERM. */
  | { readonly kind: 'stop'; readonly rank: Rank; readonly downMs: number }
  /** SIGSTOP and SIGCONT. */
  | { readonly kind: 'stall'; readonly rank: Rank; readonly ms: number }
  /** Nothing between these and the others, clients included if `cutsClients`. */
  | {
      readonly kind: 'partition';
      readonly ranks: readonly Rank[];
      readonly cutsClients: boolean;
      readonly ms: number;
    }
  | {
      readonly kind: 'oneWayPartition';
      readonly from: Rank;
      readonly to: Rank;
      readonly ms: number;
    }
  | {
      readonly kind: 'slowLink';
      readonly from: Rank;
      readonly to: Rank;
      readonly extraMs: number;
      readonly bytesPerMs: number;
      readonly ms: number;
    }
  /** What one process sends to all others but one is slow: a minority knows its newest values. */
  | {
      readonly kind: 'slowSender';
      readonly from: Rank;
      readonly except: Rank;
      readonly extraMs: number;
      readonly ms: number;
    }
  /**
   * What a process writes reaches one other at first, and its own disk is slow: it is killed when that one alone has
   * it, which nobody can reach for a while. Clients reach the killed one only.
   */
  | {
      readonly kind: 'halfWrite';
      readonly rank: Rank;
      readonly except: Rank;
      readonly extraMs: number;
      readonly killAfterMs: number;
      readonly downMs: number;
      readonly ms: number;
    }
  /**
   * What a process counts of another one waits behind its own flush, which is slow, while that one loses its disk; what
   * these two have reaches nobody else, nor do clients. At first there is no room: on its own disk, so that what the
   * other one has is counted before that flush begins, or on the one that takes the place of the lost one, so that this
   * knows only what it is listed.
   */
  | {
      readonly kind: 'lossBehindFlush';
      readonly rank: Rank;
      readonly lost: Rank;
      readonly noRoom: 'here' | 'there';
      readonly lossAfterMs: number;
      readonly extraMs: number;
      readonly downMs: number;
    }
  /** Connections between two processes are lost: those that the first one dialled, or all. */
  | {
      readonly kind: 'severedPeers';
      readonly a: Rank;
      readonly b: Rank;
      readonly isOneWay: boolean;
    }
  | {
      readonly kind: 'severedClient';
      /** Position among the clients. */
      readonly client: number;
      readonly rank: Rank;
      readonly isToldByProcess: boolean;
    }
  | {
      readonly kind: 'slowDisk';
      readonly rank: Rank;
      readonly parts: readonly DiskPart[];
      readonly extraMs: number;
      readonly ms: number;
    }
  | { readonly kind: 'fullDisk'; readonly rank: Rank; readonly oneIn: number; readonly ms: number }
  | { readonly kind: 'failedFlush'; readonly rank: Rank }
  | { readonly kind: 'failedRead'; readonly rank: Rank }
  /** SIGSTOP for longer than clients are patient: they leave, and go on elsewhere. */
  | {
      readonly kind: 'longStall';
      readonly rank: Rank;
      readonly steps: number;
      readonly ms: number;
    }
  /**
   * A process hears nothing of the others, and then a client's connection to it is lost: it may go on with what that
   * client asked for when the client has long seen that the connection is dead.
   */
  | {
      readonly kind: 'isolation';
      readonly rank: Rank;
      readonly client: number;
      readonly cutAfterMs: number;
      /** How long after the cut the client notices it, and the process. */
      readonly clientMs: number;
      readonly processMs: number;
      readonly ms: number;
    }
  /** Its machine gets another disk, an empty one. */
  | { readonly kind: 'diskLoss'; readonly rank: Rank; readonly downMs: number }
  /** Somebody without a key says again, to that process, what another one said to others. */
  | { readonly kind: 'replayedHello'; readonly from: Rank; readonly to: Rank }
  /** A process is started with a wrong list of addresses: another order, or too short. */
  | {
      readonly kind: 'wrongList';
      readonly rank: Rank;
      /** The place in its list, counted from 1, that each rank is in; its own is right. */
      readonly list: readonly Rank[];
      readonly downMs: number;
      readonly ms: number;
    }
  /** A bit of one of the slots in use changes. */
  | { readonly kind: 'rot'; readonly rank: Rank; readonly choice: number };

export type FaultKind = Fault['kind'];
