/** The operations of a coordinator as data: what src/core/strict/coordinate.ts reduces. Pure. */
import type { Rank } from '../rank.js';
import type { SectorData } from '../sector.js';
import type { SectorRange } from './range.js';
import type { Incarnations, RangeData, ReplicaAnswer, ReplicaRequest } from './replicaMessage.js';
import type { StrictStamp } from './version.js';

/** What is to be done with a range. */
export type Task =
  /** C1, C2: read the data. */
  | { readonly kind: 'read' }
  /** B1 to B3: write the data. */
  | { readonly kind: 'write'; readonly data: RangeData }
  /**
   * B3 with data computed from what is there: one sector. `change` must not keep or change its argument. It is called
   * again if the sector has changed before its result was stored.
   */
  | { readonly kind: 'update'; readonly change: (current: SectorData) => SectorData }
  /**
   * Bring the range to one settled version, above all promises, and hand that to every replica that is up (C1, C2, D1).
   * Needs no result.
   */
  | { readonly kind: 'heal' };

export type TaskEvent =
  /** A replica has answered. The answer covers the range of the request; the request is the one that was sent. */
  | {
      readonly kind: 'answer';
      readonly from: Rank;
      readonly request: ReplicaRequest;
      readonly answer: ReplicaAnswer;
      /** The incarnation of the replica that gave the answer. */
      readonly incarnation: number;
    }
  /** Later incarnations than before are known: answers of earlier ones count no longer (E4). */
  | { readonly kind: 'incarnations'; readonly known: Incarnations }
  /** A connection to that replica is new: what it has not answered has to be sent again. */
  | { readonly kind: 'up'; readonly rank: Rank }
  /** That replica cannot be asked: others are asked in its place without waiting for the delay. */
  | { readonly kind: 'down'; readonly rank: Rank }
  /** The delay that `hedgeLater` asked for, for that range, has passed. */
  | { readonly kind: 'hedge'; readonly range: SectorRange }
  /** The pause that `pause` asked for, for that range, has passed. */
  | { readonly kind: 'resume'; readonly range: SectorRange }
  /** Answers that only `concluded` waits for are waited for no longer. */
  | { readonly kind: 'conclude' };

export type TaskEffect =
  | { readonly kind: 'send'; readonly to: Rank; readonly request: ReplicaRequest }
  /** `hedge` is to come after a delay drawn from the latencies seen. */
  | { readonly kind: 'hedgeLater' }
  /**
   * `resume` is to come after a pause, of random length around a base that doubles with `attempt`, counted from 1:
   * `contention`: another coordinator is at work on the range (B3); `living`: a promise is above all that is stored, so
   * its writer may be about to store (C2); `full`: a replica has no room.
   */
  | { readonly kind: 'pause'; readonly reason: 'contention' | 'living' | 'full'; readonly attempt: number }
  /** The task is over for its caller. `data`: what was read, or what an update has stored; of others null. */
  | { readonly kind: 'done'; readonly data: RangeData | null }
  /** An update: another write has settled the sector, and it is unknown whether this one took effect before it. */
  | { readonly kind: 'unknown' }
  /**
   * After `done` of a task that stored: every replica has the version, or is in `lacking`. Emitted once no answer to
   * the STOREs is waited for; the caller's engine says CONCLUDED to all, and may ask for it early by `conclude`.
   */
  | {
      readonly kind: 'concluded';
      readonly stamp: StrictStamp;
      readonly lacking: readonly Rank[];
    };

/** An effect for a part of the range of the operation. */
export interface PartEffect {
  readonly range: SectorRange;
  readonly effect: TaskEffect;
}
