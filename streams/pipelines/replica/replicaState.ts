/** What the replica of a process has in memory. */
import type { Rank } from '../../../src/core/rank.js';
import type { SectorIndex } from '../../../src/core/sector.js';
import { ActiveRegions } from '../../../src/core/strict/activeRegions.js';
import { ConnectedCoordinators } from '../../../src/core/strict/connectedCoordinators.js';
import { DamagedSectors } from '../../../src/core/strict/damagedSectors.js';
import type { ListView } from '../../../src/core/strict/extentList.js';
import { listExtents } from '../../../src/core/strict/extentList.js';
import { PromiseTable } from '../../../src/core/strict/promises.js';
import { REGION_SECTORS } from '../../../src/core/strict/range.js';
import type { ListedExtents } from '../../../src/core/strict/replicaMessage.js';
import { compareStrictStamps } from '../../../src/core/strict/version.js';
import type { Notes } from '../../../src/ports/notes.js';
import type { Schedulers } from '../../../src/ports/schedulers.js';
import type { StrictStore } from '../../../src/ports/strictStore.js';
import { RegionNotes } from './regionNotes.js';

export interface ReplicaLimits {
  /** The most active regions: what a crash leaves to be checked. */
  readonly activeRegions: number;
  /** The most promises of single sectors. */
  readonly promises: number;
}

export interface ReplicaStateOptions {
  readonly self: Rank;
  /** The sectors of the disk. */
  readonly sectors: number;
  readonly store: StrictStore;
  readonly notes: Notes;
  readonly schedulers: Schedulers;
  readonly limits: ReplicaLimits;
}

export interface ReplicaState<Connection extends object> {
  readonly promises: PromiseTable;
  readonly regions: ActiveRegions;
  readonly regionNotes: RegionNotes;
  readonly coordinators: ConnectedCoordinators<Connection>;
  readonly damaged: DamagedSectors;
  /** What is stored and promised now, from that sector on. */
  readonly list: (from: SectorIndex) => ListedExtents;
}

/**
 * The state at the start: what a crash may have left undecided is to be checked, and has the floor of A4.
 *
 * @throws {AtomicDiskError} ATDD_STORE_CORRUPT if a note is not of its format.
 */
export function newReplicaState<Connection extends object>(options: ReplicaStateOptions): ReplicaState<Connection> {
  const { self, sectors, store, notes, schedulers, limits } = options;
  const promises = new PromiseTable(limits.promises);
  const regions = new ActiveRegions({
    self,
    sectors,
    regionsMax: limits.activeRegions,
    stampOf: (sector) => store.versionOf(sector).stamp,
    hasPromise: (region) => promises.isOpen(region),
    eachPromise: (region, each) => {
      promises.eachIn(region, each);
    },
  });
  const { clock } = schedulers;
  const regionNotes = new RegionNotes({ notes, regions, highestStamp: store.highestStamp, clock });
  for (const region of regionNotes.atStart.withFloor) raiseFloor(region, options, promises, regionNotes);
  const view: ListView = {
    sectors,
    versionOf: (sector) => store.versionOf(sector),
    unwrittenUntil: (sector) => store.unwrittenUntil(sector),
    promisedParts: (from, end) => promises.promisedParts(from, end),
  };
  return {
    ...{ promises, regions, regionNotes },
    coordinators: new ConnectedCoordinators(),
    damaged: new DamagedSectors(),
    list: (from) => listExtents(from, view),
  };
}

/** A4. Sectors behind the end of the disk, and those that have a later version, need no floor. */
function raiseFloor(
  region: number,
  { sectors, store }: ReplicaStateOptions,
  promises: PromiseTable,
  { atStart: { floor } }: RegionNotes,
): void {
  promises.raiseFloor(region, floor);
  const first = region * REGION_SECTORS;
  const end = Math.min(first + REGION_SECTORS, sectors);
  for (let sector = first; sector < end; sector += 1) {
    const { stamp } = store.versionOf(sector);
    if (compareStrictStamps(stamp, floor) >= 0) promises.meet({ first: sector, count: 1 }, stamp);
  }
  if (end < first + REGION_SECTORS) promises.meet({ first: end, count: first + REGION_SECTORS - end }, floor);
}
