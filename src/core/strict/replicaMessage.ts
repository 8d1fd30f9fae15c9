/**
 * What coordinators and replicas of the strict register say to each other (docs/strict-register.md, sections 4 and 9).
 * Each message is about one range. Answers are run-length coded: their runs follow each other without a gap and cover
 * exactly the range of the request.
 */
import type { Rank } from '../rank.js';
import type { SectorIndex } from '../sector.js';
import type { SectorRange } from './range.js';
import type { StrictStamp, Version } from './version.js';

/** The data of a range or a run: `count` times 4096 bytes, or zeros. They never change once they were passed on. */
export type RangeData = Uint8Array | 'zeros';

export type ReplicaRequest =
  /** A1. Answered by `state`. */
  | { readonly kind: 'query'; readonly range: SectorRange; readonly wantsData: boolean }
  /** A2. Answered by `ordered`. */
  | {
      readonly kind: 'order';
      readonly range: SectorRange;
      readonly stamp: StrictStamp;
      readonly wants: OrderWants;
    }
  /** A3. Answered by `stored`. */
  | {
      readonly kind: 'store';
      readonly range: SectorRange;
      readonly stamp: StrictStamp;
      readonly origin: StrictStamp;
      readonly data: RangeData | HeldData;
    }
  /** D1: the version is known to be on a majority. Answered by `stored`. */
  | {
      readonly kind: 'learn';
      readonly range: SectorRange;
      readonly stamp: StrictStamp;
      readonly origin: StrictStamp;
      readonly data: RangeData;
    }
  /**
   * The coordinator's STORE of that stamp is over: a majority has it, and of the others those in `lacking` may not have
   * it. Not answered. The receivers see to it that these get it.
   */
  | {
      readonly kind: 'concluded';
      readonly range: SectorRange;
      readonly stamp: StrictStamp;
      readonly lacking: readonly Rank[];
    }
  /**
   * In which extents, from that of the range on, is something stored or promised? Answered by `listed`. Of processes
   * only (docs/strict-register.md, "Lists").
   */
  | { readonly kind: 'list'; readonly range: SectorRange };

/** What ORDERED is to say of the copies: nothing, their versions, or their versions and data. */
export type OrderWants = 'nothing' | 'versions' | 'data';

/** In place of the data: what the replica holds with this stamp. A replica that holds another version says `lacks`. */
export interface HeldData {
  readonly held: StrictStamp;
}

export type ReplicaAnswer =
  | { readonly kind: 'state'; readonly runs: readonly StateRun[] }
  | { readonly kind: 'ordered'; readonly runs: readonly OrderedRun[] }
  | { readonly kind: 'stored'; readonly runs: readonly StoredRun[] }
  | ({ readonly kind: 'listed' } & ListedExtents);

/** A part of a list: from the extent that was asked for to `next`, nothing is stored or promised in other extents. */
export interface ListedExtents {
  /** The first sector of an extent, behind those that are listed. null: the list reaches to the end of the disk. */
  readonly next: SectorIndex | null;
  /** In order; at most LISTED_MAX. */
  readonly extents: readonly ListedExtent[];
}

export interface ListedExtent {
  /** Its first sector divided by EXTENT_SECTORS. */
  readonly extent: number;
  /** Of the stamps that are stored in it (src/core/strict/extentDigest.ts), 64 bits; 0n: nothing is. */
  readonly digest: bigint;
}

/** The most extents of one answer: 64 MiB of sectors. */
export const LISTED_MAX = 64;

/** Consecutive sectors with the same version and the same promise. */
export interface StateRun {
  readonly count: number;
  readonly version: Version;
  /** At least `version.stamp`. */
  readonly promised: StrictStamp;
  /**
   * null: not asked for. `damaged`: the copies cannot be read, so the version must not be counted as held. Their stamp
   * is still known.
   */
  readonly data: RangeData | 'damaged' | null;
}

export type OrderedRun =
  | {
      readonly outcome: 'granted';
      readonly count: number;
      /** null: not asked for. */
      readonly version: Version | null;
      /** null: not asked for. `damaged`: promised, but the version must not be counted as held. */
      readonly data: RangeData | 'damaged' | null;
    }
  | { readonly outcome: 'refused'; readonly count: number; readonly promised: StrictStamp };

export type StoredRun =
  | { readonly outcome: 'stored'; readonly count: number }
  | { readonly outcome: 'refused'; readonly count: number; readonly promised: StrictStamp }
  /** The disk has no room: nothing was changed. It may be sent again. */
  | { readonly outcome: 'full'; readonly count: number }
  /** It was to store what it holds, and holds another version. */
  | { readonly outcome: 'lacks'; readonly count: number };

/** The latest known incarnation of each process, that of rank 1 first (E4); once for each bundle of answers. */
export type Incarnations = readonly number[];
