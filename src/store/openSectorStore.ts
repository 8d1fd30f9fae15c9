/** Opens the durable registers of a process over two files, and puts the parts of the store together. */
import { concat, concatMap, defer, endWith, map, Observable, reduce } from 'rxjs';
import { assert } from '../core/assert.js';
import type { SectorIndex } from '../core/sector.js';
import type { Stamp } from '../core/stamp.js';
import { AtomicDiskError } from '../errors.js';
import type { MetadataFile, RecordTotals, SlotFile } from '../ports/blockFiles.js';
import type { Log } from '../ports/log.js';
import type { Notes } from '../ports/notes.js';
import type { Schedulers } from '../ports/schedulers.js';
import type { PutOutcome, SectorStore } from '../ports/store.js';
import type { StrictStore } from '../ports/strictStore.js';
import { baseStampOf, strictStampOf } from './baseStamps.js';
import { copyReader } from './copyReader.js';
import { DamageLog } from './damageLog.js';
import { GroupCommit } from './groupCommit.js';
import { settleLastCommit } from './lastCommit.js';
import { assertTotals, TOTALS_NONE, withRecords } from './recordTotals.js';
import { DiskFullLog } from './diskFullLog.js';
import { NO_ENTRY, SectorTable, type EntryNumber, versionIn } from './sectorTable.js';
import { runsIn } from './sectorRuns.js';
import { Compactor } from './compactor.js';
import { SlotMap } from './slotMap.js';
import { strictStore } from './strictStore.js';

export interface SectorStoreOptions {
  readonly slotFile: SlotFile;
  readonly metadata: MetadataFile;
  readonly schedulers: Schedulers;
  readonly log: Log;
  /** The most sectors that are put in one commit: STORE_BATCH_SECTORS. */
  readonly batchSectors: number;
}

/** Sizes for the log, the status and the tests. */
export interface StoreStats {
  /** Sectors that were ever written. */
  readonly writtenCount: number;
  /** Slots of the data file in use … */
  readonly slotCount: number;
  /** … and all of its slots. */
  readonly fileSlotCount: number;
  /** Memory that the index takes. */
  readonly indexBytes: number;
}

export interface OpenedSectorStore extends SectorStore {
  readonly notes: Notes;
  stats(): StoreStats;
  /**
   * Emits the store as the strict register uses it, once all puts under way have ended. When it does, older programs
   * refuse the folder for good: so it is asked for only if the cluster is strict, and all members can be. Its user puts
   * no more through the SectorStore. Fails with NoSpace as `list` does.
   */
  openStrict(): Observable<StrictStore>;
  /**
   * Waits for the commit under way, fails all later puts, and closes both files. Must be called only when no load is
   * under way.
   */
  close(): Observable<never>;
}

/**
 * Slots are handed out lowest first, so no slot was ever higher than the number of written sectors plus one commit.
 * This bound is far above any batch: a record beyond it is corrupt.
 */
const SLOT_SLACK = 65_536;

/** The data file may be longer than the records need by so many commits: one, and one to spare. */
const COMMITS_OVER = 2;

/** How many sectors of a longer list a message names. */
const SECTORS_NAMED = 8;

/**
 * Reads all metadata and emits the store. From then on the store owns the files, and its `close` closes them. If this
 * fails, the caller still owns them.
 *
 * Fails with ATDD_STORE_CORRUPT if the metadata contradict themselves. If the data file lacks the slots of some
 * records, their data was lost: those sectors are damaged, and the others are served.
 */
export function openSectorStore(options: SectorStoreOptions): Observable<OpenedSectorStore> {
  assert(options.batchSectors < SLOT_SLACK, 'a commit is smaller than SLOT_SLACK');
  return defer(() => options.metadata.totals().pipe(concatMap((totals) => readAll(totals, options))));
}

function readAll(totals: RecordTotals, options: SectorStoreOptions): Observable<OpenedSectorStore> {
  const table = new SectorTable();
  return options.metadata.records().pipe(
    reduce((found, records) => {
      for (const record of records) table.set(record);
      return withRecords(found, records);
    }, TOTALS_NONE),
    concatMap((found) => {
      assertTotals(found, totals);
      const { clock } = options.schedulers;
      const diskFullLog = new DiskFullLog(options.log, clock);
      return settleLastCommit({ ...options, table, totals, clock, diskFullLog });
    }),
    concatMap((settled) => {
      const slotMap = takenSlots(table, options);
      return options.metadata
        .notes()
        .pipe(map((notes) => assemble({ table, slotMap, totals: settled, notes }, options)));
    }),
  );
}

/** What was read while the store was opened. */
interface Contents {
  readonly table: SectorTable;
  readonly slotMap: SlotMap;
  readonly totals: RecordTotals;
  readonly notes: ReadonlyMap<string, Uint8Array>;
}

function assemble({ table, slotMap, totals, notes }: Contents, options: SectorStoreOptions): OpenedSectorStore {
  const { slotFile, metadata, schedulers, log, batchSectors } = options;
  const diskFullLog = new DiskFullLog(log, schedulers.clock);
  const damageLog = new DamageLog(log, schedulers.clock);
  const groupCommit = new GroupCommit({
    slotFile,
    metadata,
    table,
    slotMap,
    totals,
    schedulers,
    diskFullLog,
    batchSectors,
    onSettled: () => {
      compactor.check();
    },
  });
  const compactor = new Compactor({ ...options, table, slotMap, commits: groupCommit });
  compactor.check();

  const reader = copyReader(slotFile, table, damageLog);
  const stampOf = (sector: SectorIndex): Stamp => baseStampOf(versionIn(table, sector).stamp);
  return {
    stampOf,
    isDamaged(sector) {
      const entry = table.find(sector);
      return entry !== NO_ENTRY && table.isMarked(entry);
    },
    load: (sector) => reader.load(sector),
    put(sector, baseStamp, data) {
      return new Observable<PutOutcome>((observer) => {
        const stamp = strictStampOf(baseStamp);
        const put = { range: { first: sector, count: 1 }, stamp, origin: stamp, data };
        groupCommit.put({ puts: [put], observer });
      });
    },
    runs: (range) => runsIn(table, range),
    counts: () => ({ written: table.entryCount, damaged: table.markCount }),
    // The stamps are those of the table, because the metadata may have a commit that is still under way.
    list: (from, limit) =>
      metadata.list(from, limit).pipe(map((found) => found.map(({ sector }) => ({ sector, stamp: stampOf(sector) })))),
    notes: { initial: notes, put: (changes) => metadata.putNotes(changes) },
    openStrict: () =>
      concat(groupCommit.idle(), metadata.allowStrict()).pipe(
        endWith(strictStore({ table, reader, commits: groupCommit, batchSectors })),
      ),
    stats: () => ({
      writtenCount: table.entryCount,
      slotCount: slotMap.takenCount,
      fileSlotCount: slotMap.fileEnd,
      indexBytes: table.byteLength + slotMap.byteLength,
    }),
    close: () => concat(compactor.close(), groupCommit.close(), slotFile.close(), metadata.close()),
  };
}

/** @throws {AtomicDiskError} ATDD_STORE_CORRUPT if the records cannot all be true. */
function takenSlots(table: SectorTable, options: SectorStoreOptions): SlotMap {
  const { slotFile, log } = options;
  assertRecordsComplete(table, options);
  const slotMap = new SlotMap(slotFile.slotCountAtOpen);
  const slotEnd = table.entryCount + SLOT_SLACK;
  const lost: SectorIndex[] = [];
  let lostCount = 0;
  for (let entry = 0; entry < table.entryCount; entry += 1) {
    const slot = table.slotAt(entry);
    if (slot === null) continue;
    if (slot >= slotEnd) throw corruptSlot(table, entry, slot);
    if (slotMap.isTaken(slot)) throw doubleSlot(table, entry, slot);
    slotMap.mark(slot);
    if (slot < slotFile.slotCountAtOpen) continue;
    table.mark(entry);
    lostCount += 1;
    if (lost.length < SECTORS_NAMED) lost.push(table.sectorAt(entry));
  }
  if (lostCount > 0) {
    log.error('the data file is too short: these sectors are damaged', {
      event: 'sectorsLost',
      count: lostCount,
      firstSectors: lost,
      slotsInFile: slotFile.slotCountAtOpen,
    });
  }
  return slotMap;
}

/**
 * The data file never has more slots than the written sectors and one commit need. If it has, records are missing: bits
 * may have rotted in LevelDB's log, which drops what it cannot read. Those sectors would look as if they had never been
 * written, and this process would vote with that.
 * @throws {AtomicDiskError} ATDD_STORE_CORRUPT
 */
function assertRecordsComplete(table: SectorTable, options: SectorStoreOptions): void {
  const { slotFile, batchSectors } = options;
  const slotCount = slotFile.slotCountAtOpen;
  if (slotCount <= table.entryCount + COMMITS_OVER * batchSectors) return;
  throw new AtomicDiskError(
    'ATDD_STORE_CORRUPT',
    `the data file has ${slotCount} slots, but only ${table.entryCount} sectors are on record: ` +
      'records were lost. Do not start this process with this folder: it would deny what it has ' +
      'acknowledged. The other processes have the data',
  );
}

function corruptSlot(table: SectorTable, entry: EntryNumber, slot: number): AtomicDiskError {
  return new AtomicDiskError(
    'ATDD_STORE_CORRUPT',
    `the metadata say that sector ${table.sectorAt(entry)} is in slot ${slot}, ` +
      `but only ${table.entryCount} sectors were ever written`,
  );
}

function doubleSlot(table: SectorTable, entry: EntryNumber, slot: number): AtomicDiskError {
  let other = 0;
  while (table.slotAt(other) !== slot) other += 1;
  return new AtomicDiskError(
    'ATDD_STORE_CORRUPT',
    `the metadata say that slot ${slot} holds both sector ${table.sectorAt(other)} ` +
      `and sector ${table.sectorAt(entry)}`,
  );
}
