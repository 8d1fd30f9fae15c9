/**
 * Which sectors of a disk are zeros, by the records of the processes, without reading data.
 * docs/adr/0023-sector-maps.md argues why the word of a majority is as good as a read. Pure.
 */
import { isMajority } from './quorum.js';
import type { Incarnation } from './membership/identity.js';
import type { Rank } from './rank.js';
import type { SectorIndex } from './sector.js';
import type { StrictStamp } from './strict/version.js';
import { compareStrictStamps } from './strict/version.js';

/** Consecutive sectors of one process, at least one, of which its records say the same. */
export interface ToldRun {
  readonly sectors: number;
  /**
   * All of them are zeros with this stamp, flushed; STRICT_STAMP_INITIAL: never written. Stamps of the open mode are
   * those of a rank (src/core/strict/version.ts). null: they may hold data, are damaged, or promised to a later stamp.
   */
  readonly zeros: StrictStamp | null;
}

/**
 * The runs of a process of the strict mode: what is promised to a later stamp than the one that is stored is no longer
 * known to be zeros, because its write may be on others (C1 of docs/strict-register.md).
 *
 * @param from The sector at which the runs begin.
 * @param promised Parts of the disk, in order, that do not overlap.
 * @param max The most runs: what comes after them is left out.
 */
export function withoutPromised(
  runs: readonly ToldRun[],
  from: SectorIndex,
  promised: readonly { readonly first: SectorIndex; readonly end: SectorIndex }[],
  max: number,
): ToldRun[] {
  const left: ToldRun[] = [];
  const add = (sectors: number, zeros: StrictStamp | null): void => {
    const last = left.at(-1);
    if (zeros === null && last?.zeros === null) left[left.length - 1] = { sectors: last.sectors + sectors, zeros };
    else left.push({ sectors, zeros });
  };
  let at = from;
  let index = 0;
  for (const { sectors, zeros } of runs) {
    const end = at + sectors;
    while (at < end && left.length <= max) {
      while (index < promised.length && promised[index].end <= at) index += 1;
      const next = index < promised.length ? promised[index] : { first: end, end };
      const isPromised = next.first <= at;
      const until = Math.min(end, isPromised ? next.end : next.first);
      add(until - at, isPromised ? null : zeros);
      at = until;
    }
  }
  return left.slice(0, max);
}

/** What a process knows of the disk of a process. */
export interface KnownDisk {
  readonly incarnation: Incarnation;
  /** Four bytes of the disk's id; 0: no disk is known. */
  readonly mark: number;
}

/** What one process says of its sectors. */
export interface SectorMap {
  readonly rank: Rank;
  /** The disks that it knows, its own included: one for each process, that of rank 1 first. */
  readonly disks: readonly KnownDisk[];
  readonly from: SectorIndex;
  /**
   * The runs follow each other without a gap, beginning at `from`. None: the process does not know, or does not vote.
   */
  readonly runs: readonly ToldRun[];
}

/** Consecutive sectors of the disk, at least one. `unknown`: only a read can tell. */
export interface SectorRun {
  readonly sectors: number;
  readonly kind: 'zeros' | 'data' | 'unknown';
}

/**
 * Joins the maps of a majority, from `from` to where the first of them ends, and no further than `end`.
 * @param maps At most one of each process, each from `from` on.
 * @param inUse Sectors that are `unknown` whatever the maps say.
 * @returns runs without gaps, from `from` on; none if the maps are of no majority, or one is of a disk that another
 * process knows to be lost.
 */
export function joinMaps(
  maps: readonly SectorMap[],
  from: SectorIndex,
  end: SectorIndex,
  inUse: ReadonlySet<SectorIndex>,
): SectorRun[] {
  if (!isMajorityOf(maps)) return [];
  const cursors = maps.map(({ runs }) => ({ runs, index: 0, left: runs[0]?.sectors ?? 0 }));
  const joined: { sectors: number; kind: SectorRun['kind'] }[] = [];
  const add = (sectors: number, kind: SectorRun['kind']): void => {
    const last = joined.at(-1);
    if (last?.kind === kind) last.sectors += sectors;
    else joined.push({ sectors, kind });
  };
  const isInUse = [...inUse].sort((a, b) => a - b);
  let at = from;
  while (at < end && cursors.every(({ runs, index }) => index < runs.length)) {
    let sectors = Math.min(end - at, ...cursors.map(({ left }) => left));
    while (isInUse.length > 0 && isInUse[0] < at) isInUse.shift();
    if (isInUse[0] === at) {
      sectors = 1;
      add(1, 'unknown');
    } else {
      sectors = Math.min(sectors, (isInUse[0] ?? Infinity) - at);
      add(sectors, kindOf(cursors.map(({ runs, index }) => runs[index].zeros)));
    }
    at += sectors;
    for (const cursor of cursors) {
      cursor.left -= sectors;
      if (cursor.left > 0) continue;
      cursor.index += 1;
      cursor.left = cursor.runs.at(cursor.index)?.sectors ?? 0;
    }
  }
  return joined;
}

/** Whether the maps are of different processes, of more than half of all, and of no disk that is known to be lost. */
export function isMajorityOf(maps: readonly SectorMap[]): boolean {
  if (maps.length === 0) return false;
  const processCount = maps[0].disks.length;
  const ranks = new Set(maps.map(({ rank }) => rank));
  const agree = maps.every(({ disks }) => disks.length === processCount);
  if (!agree || ranks.size !== maps.length || !isMajority(maps.length, processCount)) return false;
  return maps.every((one) => maps.every((other) => !isOutdated(one.disks, other)));
}

/**
 * Whether a map is of a disk that is not the last one known of its rank.
 * @param known The disks that another process knows.
 */
function isOutdated(known: SectorMap['disks'], { rank, disks }: SectorMap): boolean {
  const [before, own] = [known[rank - 1], disks[rank - 1]];
  if (before.incarnation !== own.incarnation) return before.incarnation > own.incarnation;
  return before.mark !== 0 && before.mark !== own.mark;
}

function kindOf(zeros: readonly (StrictStamp | null)[]): SectorRun['kind'] {
  const [first] = zeros;
  const isSame = (stamp: StrictStamp | null): boolean =>
    stamp === null || first === null ? stamp === first : compareStrictStamps(stamp, first) === 0;
  if (!zeros.every(isSame)) return 'unknown';
  return first === null ? 'data' : 'zeros';
}
