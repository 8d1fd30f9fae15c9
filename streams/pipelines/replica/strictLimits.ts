import type { WindowLimits } from '../../../src/core/strict/requestWindow.js';
import type { ReplicaLimits } from './replicaState.js';

/** The bounds of a process of the strict mode. config/limits.ts has the numbers, and their reasons. */
export interface StrictLimits {
  readonly replica: ReplicaLimits;
  /** Of each connection. */
  readonly window: WindowLimits;
  /** The most requests of this process that a peer leaves unanswered. */
  readonly peerUnanswered: number;
  /** How often a replica looks for what coordinators have left, and for idle regions (milliseconds). */
  readonly sweepMs: number;
  readonly heal: HealLimits;
  readonly rebuild: RebuildLimits;
  /** Copies that differ in a scrub are compared again after this (milliseconds). */
  readonly compareAgainMs: number;
}

export interface HealLimits {
  /** Ranges that are healed side by side, each of one extent at most. */
  readonly lanes: number;
  /** Milliseconds between two looks for something to heal. */
  readonly idleMs: number;
  /** A range that is not healed by then is given up, and tried again later (milliseconds). */
  readonly rangeMs: number;
  /** Milliseconds until a lane goes on after a range that was not healed everywhere. */
  readonly pauseMs: number;
  /** So many sweeps later each next process heals a region that is still to be healed. */
  readonly sweepsPerPlace: number;
}

export interface RebuildLimits {
  /** The most extents under way, with the data of each. */
  readonly lanes: number;
}
