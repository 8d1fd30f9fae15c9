/**
 * What of a disk is zeros, by what processes have on record, without a look at the data. Why what a majority says
 * counts as a read: docs/adr/0023-sector-maps.md. Pure.
 */
import { isMajority } from './quorum.js';
import type { Incarnation } from './membership/identity.js';
import type { Rank } from './rank.js';
import type { SectorIndex } from './sector.js';
import type { Stamp } from './stamp.js';
import { compareStamps } from './stamp.js';

/** Consecutive sectors of one process, at least one, of which the same is to be told. */
export interface ToldRun {
  readonly sectors: number;
  /**
   * Of zeros, that stamp, flushed; STAMP_INITIAL: never written. null: there may be data, or what there is cannot be
   * read.
   */
  readonly zeros: Stamp | null;
}

/** What a process knows of the disk of one: 0 as a mark is no disk. */
export interface KnownDisk {
  readonly incarnation: Incarnation;
  /** Four bytes of the disk's id. */
  readonly mark: number;
}

/** What one process tells. */
export interface SectorMap {
  readonly rank: Rank;
  /** Of each process, the one of rank 1 first, its own disk included: as many as there are. */
  readonly disks: readonly KnownDisk[];
  readonly from: SectorIndex;
  /** One behind the other, from there on. None: it does not know, or has no vote. */
  readonly runs: readonly ToldRun[];
}

/** Consecutive sectors, at least one. `unknown`: it takes a read to tell. */
export interface SectorRun {
  readonly sectors: number;
  readonly kind: 'zeros' | 'data' | 'unknown';
}

/**
 * What a majority says together, from `from` on, as far as all of it reaches, and no further than `end`. Empty: they
 * are no majority, or one of them speaks for a disk that another one knows to be lost.
 * @param maps One of each process at most, each from `from` on.
 * @param inUse Sectors of which nothing is to be concluded.
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

/** Whether they are different processes, more than half of all, and none speaks for a lost disk. */
export function isMajorityOf(maps: readonly SectorMap[]): boolean {
  if (maps.length === 0) return false;
  const processCount = maps[0].disks.length;
  const ranks = new Set(maps.map(({ rank }) => rank));
  const agree = maps.every(({ disks }) => disks.length === processCount);
  if (!agree || ranks.size !== maps.length || !isMajority(maps.length, processCount)) return false;
  return maps.every((one) => maps.every((other) => !isOutdated(one.disks, other)));
}

/** Whether the disk that one speaks for is not the last one of its rank that another knows of. */
function isOutdated(known: SectorMap['disks'], { rank, disks }: SectorMap): boolean {
  const [before, own] = [known[rank - 1], disks[rank - 1]];
  if (before.incarnation !== own.incarnation) return before.incarnation > own.incarnation;
  return before.mark !== 0 && before.mark !== own.mark;
}

function kindOf(told: readonly (Stamp | null)[]): SectorRun['kind'] {
  const [first] = told;
  const isSame = (stamp: Stamp | null): boolean =>
    stamp === null || first === null ? stamp === first : compareStamps(stamp, first) === 0;
  if (!told.every(isSame)) return 'unknown';
  return first === null ? 'data' : 'zeros';
}
