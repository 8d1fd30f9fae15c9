/**
 * The metadata file in LevelDB: a small database whose log is synced once per commit. All of it is in memory as well
 * (src/store/sectorTable.ts), so it is read only when it is opened.
 *
 * Properties of LevelDB 1.20, the version of classic-level, that this file takes care of:
 * - The chained form of a batch costs a third of the array form.
 * - After a write failed for want of room, LevelDB's log may hold half a record: what is appended behind it could be
 *   lost at the next start. So nothing is written until it was opened again.
 * - To open it takes room for a file or two. While there is none it stays closed, and every call throws. So each call
 *   tries to open it first, and fails with NoSpace.
 * - Its own log of events and its MANIFEST shrink only when it is opened: so it is opened again from time to time.
 * - It ignores some errors while it opens (a log file that it cannot read counts as empty), and says so only in its log
 *   of events: that is searched for them.
 * - It aborts the process when a table cannot be understood: so the checksums of tables are verified first.
 * - It renames CURRENT without syncing the folder.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { EMPTY, ignoreElements, map, Observable } from 'rxjs';
import type { SectorIndex } from '../core/sector.js';
import { AtomicDiskError, describeError } from '../errors.js';
import {
  NoSpace,
  type MetadataFile,
  type RecordBatch,
  type RecordTotals,
  type SectorRecord,
} from '../ports/blockFiles.js';
import type { Log } from '../ports/log.js';
import { encodeLastCommit, LAST_COMMIT_KEY } from '../store/lastCommitFormat.js';
import {
  DAMAGE_KEY,
  decodeRecord,
  encodeRecords,
  encodeTotals,
  RECORD_KEY_END,
  RECORD_KEY_MIN,
  recordKeyOf,
  SUPERBLOCK_KEY,
  TOTALS_KEY,
} from '../store/recordFormat.js';
import { readNotes, writeNotes } from './levelNotes.js';
import { findTableDamage } from './levelTables.js';
import { ADVICE, readLastCommit, readTotals } from './levelTotals.js';
import { isNoSpace } from './noSpace.js';
import { syncFolder } from './slotFile.js';

export interface LevelMetadata extends MetadataFile {
  /** Emits the superblock's bytes, or null if none was written. */
  superblock(): Observable<Uint8Array | null>;
  /** Completes when it is durable. */
  writeSuperblock(bytes: Uint8Array): Observable<never>;
  /** Writes the superblock and the totals of the present records, both or neither, durably. */
  upgrade(superblock: Uint8Array, totals: RecordTotals): Observable<never>;
  /** Emits whether there is any record. */
  hasRecords(): Observable<boolean>;
}

export interface LevelMetadataOptions {
  readonly createIfMissing: boolean;
  readonly log: Log;
  /** After so many records it is opened again before the next write, which takes tens of milliseconds. */
  readonly reopenAfterRecords?: number | undefined;
}

type Database = ClassicLevel<Uint8Array, Uint8Array>;

const DATABASE_OPTIONS = {
  keyEncoding: 'view',
  valueEncoding: 'view',
  compression: false, // Stamps and checksums do not compress.
  // Two write buffers, a log and tables not yet merged are what LevelDB adds to the records: with this some 2 MiB, with
  // its default of 4 MiB some 18.
  writeBufferSize: 256 * 1024,
  cacheSize: 64 * 1024, // Nothing is looked up.
  maxOpenFiles: 64, // A process may have 1024 descriptors, and most are for connections.
} as const;

const RECORD_KEYS = { gte: RECORD_KEY_MIN, lt: RECORD_KEY_END } as const;

/** Records fetched at a time when all are read. */
const SCAN_RECORDS = 4096;
const SCAN_BYTES = 1024 * 1024;

/** After so many records its log of events and its MANIFEST have grown by about 0.5 MiB. */
const REOPEN_AFTER_RECORDS_DEFAULT = 4_000_000;

/** Whether there is a database in this folder. */
export function hasLevelMetadata(location: string): boolean {
  return existsSync(join(location, 'CURRENT'));
}

/** Emits the metadata once they are open. */
export function openLevelMetadata(location: string, options: LevelMetadataOptions): Observable<LevelMetadata> {
  return fromTask(location, 'open', async () => {
    if (hasLevelMetadata(location)) await refuseDamagedTables(location);
    return createMetadata(location, await openDatabase(location, options), options);
  });
}

function createMetadata(
  location: string,
  opened: Database,
  { log, reopenAfterRecords = REOPEN_AFTER_RECORDS_DEFAULT }: LevelMetadataOptions,
): LevelMetadata {
  let database = opened;
  let recordsSinceOpen = 0;
  /** A write has found no room, or is under way: a record appended to the log now could be lost. */
  let mustReopen = false;
  const inTurn = oneAtATime(location);

  const openAgain = async (): Promise<void> => {
    mustReopen = true;
    await database.close();
    database = await openDatabase(location, { createIfMissing: false, log });
    recordsSinceOpen = 0;
    mustReopen = false;
  };

  const write = (operation: string, recordCount: number, task: () => Promise<void>) =>
    inTurn(operation, async () => {
      if (mustReopen || recordsSinceOpen >= reopenAfterRecords) await openAgain();
      recordsSinceOpen += recordCount;
      mustReopen = true;
      await task();
      mustReopen = false;
    }).pipe(ignoreElements());

  const ask = <T>(operation: string, task: () => Promise<T>): Observable<T> =>
    inTurn(operation, async () => {
      if (database.status !== 'open') await openAgain();
      return task();
    });

  return {
    records: () => scan(database, location),

    totals: () => ask('read of the totals', () => readTotals(database, location)),

    unconfirmed: () => ask('read of the last commit', () => readLastCommit(database, location)),

    commit: (batch) => {
      const recordCount = batch.records.length + batch.replaced.length;
      return write('commit', recordCount, () => writeRecords(database, batch));
    },

    // Not known here: src/shell/openStore.ts adds both, from acknowledgedFile.ts and with the superblock.
    confirm: () => undefined,
    allowStrict: () => EMPTY,

    reopen: (sectors) =>
      inTurn('reopen', async () => {
        await openAgain();
        return recordsOf(database, sectors, location);
      }),

    list: (from, limit) =>
      ask('list', () => database.iterator({ gte: recordKeyOf(from), lt: RECORD_KEY_END, limit }).all()).pipe(
        map((entries) => entries.map(([key, value]) => decode(key, value, location))),
      ),

    notes: () => ask('read of the notes', () => readNotes(database, location)),

    putNotes: (changes) => write('write of notes', changes.size, () => writeNotes(database, changes)),

    close: () => inTurn('close', () => database.close()).pipe(ignoreElements()),

    ...folderPart({ inTurn, write }, () => database),
  };
}

type Write = (operation: string, recordCount: number, task: () => Promise<void>) => Observable<never>;

type InTurn = <T>(operation: string, task: () => Promise<T>) => Observable<T>;

/** A close that comes during a commit waits for it. */
function oneAtATime(location: string): InTurn {
  let last: Promise<unknown> | null = null;
  return (operation, task) =>
    fromTask(location, operation, () => {
      // It begins at once if nothing is under way, so that it overlaps with the caller's next steps.
      const result = last === null ? task() : last.then(task);
      const mine: Promise<unknown> = result
        .catch(() => undefined)
        .then(() => {
          if (last === mine) last = null;
        });
      last = mine;
      return result;
    });
}

/** What is about the folder as a whole, mostly before the store is opened. */
function folderPart({ inTurn, write }: { inTurn: InTurn; write: Write }, database: () => Database) {
  return {
    superblock: () => inTurn('read of the superblock', async () => (await database().get(SUPERBLOCK_KEY)) ?? null),

    writeSuperblock: (bytes) =>
      write('write of the superblock', 0, () => database().put(SUPERBLOCK_KEY, bytes, { sync: true })),

    upgrade: (superblock, totals) =>
      inTurn('upgrade', () =>
        database().batch().put(SUPERBLOCK_KEY, superblock).put(TOTALS_KEY, encodeTotals(totals)).write({ sync: true }),
      ).pipe(ignoreElements()),

    hasRecords: () =>
      inTurn('read', () =>
        database()
          .keys({ ...RECORD_KEYS, limit: 1 })
          .all(),
      ).pipe(map((keys) => keys.length > 0)),
  } satisfies Partial<LevelMetadata>;
}

async function recordsOf(
  database: Database,
  sectors: readonly SectorIndex[],
  location: string,
): Promise<Map<SectorIndex, SectorRecord>> {
  const values = await database.getMany(sectors.map(recordKeyOf));
  const found = new Map<SectorIndex, SectorRecord>();
  sectors.forEach((sector, index) => {
    const value = values[index];
    if (value) found.set(sector, decode(recordKeyOf(sector), value, location));
  });
  return found;
}

/** All of them or none. */
async function writeRecords(database: Database, { records, totals, replaced }: RecordBatch): Promise<void> {
  const batch = database.batch();
  for (const { key, value } of encodeRecords(records)) batch.put(key, value);
  batch.put(TOTALS_KEY, encodeTotals(totals));
  if (replaced.length > 0) {
    const last = { commitCount: totals.commitCount, replaced };
    batch.put(LAST_COMMIT_KEY, encodeLastCommit(last));
  }
  await batch.write({ sync: true });
}

/** Every record, a batch at a time; an unsubscribe stops it between two batches. */
function scan(database: Database, location: string): Observable<readonly SectorRecord[]> {
  return new Observable((observer) => {
    const readAll = async (): Promise<void> => {
      const iterator = database.iterator({
        ...RECORD_KEYS,
        highWaterMarkBytes: SCAN_BYTES,
      });
      try {
        while (!observer.closed) {
          const entries = await iterator.nextv(SCAN_RECORDS);
          if (entries.length === 0) break;
          observer.next(entries.map(([key, value]) => decode(key, value, location)));
        }
      } finally {
        await iterator.close();
      }
    };
    readAll().then(
      () => {
        observer.complete();
      },
      (error: unknown) => {
        observer.error(levelError(location, 'read', error));
      },
    );
  });
}

function decode(key: Uint8Array, value: Uint8Array, location: string): SectorRecord {
  const record = decodeRecord(key, value);
  if (record !== null) return record;
  const hex = Buffer.from(key).toString('hex');
  throw new AtomicDiskError(
    'ATDD_STORE_CORRUPT',
    `${location}: the record with key ${hex} does not match its check. ${ADVICE}`,
  );
}

async function openDatabase(location: string, { createIfMissing, log }: LevelMetadataOptions): Promise<Database> {
  const database: Database = new ClassicLevel(location, { ...DATABASE_OPTIONS, createIfMissing });
  await database.open();
  try {
    syncFolder(location);
    const events = await readFile(join(location, 'LOG'), 'utf8');
    await refuseDamage(database, location, events, log);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function refuseDamagedTables(location: string): Promise<void> {
  const damage = await findTableDamage(location);
  if (damage === null) return;
  throw new AtomicDiskError('ATDD_STORE_CORRUPT', `${damage}. ${ADVICE}`);
}

/**
 * Looks for files that LevelDB could not read when it was opened. It has deleted them by now, so the finding is kept in
 * a file: otherwise the next start would not know of it.
 */
async function refuseDamage(database: Database, location: string, events: string, log: Log): Promise<void> {
  const losses = events.split('\n').filter((line) => /ignoring error|dropping/i.test(line));
  const fault = losses.find((line) => /IO error/.test(line) || !/dropping/.test(line));
  if (fault !== undefined) {
    await database.put(DAMAGE_KEY, Buffer.from(fault), { sync: true });
  } else if (losses.length > 0) {
    log.warn('the end of the metadata log was unreadable: expected only after a power failure', {
      event: 'metadataLogCut',
      losses: losses.slice(0, 4),
    });
  }
  const damage = await database.get(DAMAGE_KEY);
  if (damage === undefined) return;
  throw new AtomicDiskError(
    'ATDD_STORE_CORRUPT',
    `${location}: acknowledged metadata were lost: ${Buffer.from(damage).toString()}. ${ADVICE}`,
  );
}

/** A cold observable of a promise, with the errors of this file. */
function fromTask<T>(location: string, operation: string, task: () => Promise<T>): Observable<T> {
  return new Observable<T>((observer) => {
    task().then(
      (value) => {
        observer.next(value);
        observer.complete();
      },
      (error: unknown) => {
        observer.error(levelError(location, operation, error));
      },
    );
  });
}

/** The error of classic-level as one of this program. */
function levelError(location: string, operation: string, error: unknown): Error {
  if (error instanceof AtomicDiskError) return error;
  // A failed open is wrapped in an error that only says so.
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const message = `${location}: ${operation}: ${describeError(inner)}`;
  const options = { cause: error };
  if (isNoSpace(inner)) return new NoSpace(message, options);
  const code = inner instanceof Error && 'code' in inner ? inner.code : undefined;
  if (code === 'LEVEL_LOCKED') {
    const text = `${location} is in use by another process`;
    return new AtomicDiskError('ATDD_STORE_BUSY', text, options);
  }
  if (code === 'LEVEL_CORRUPTION' || /No such file|does not exist/.test(describeError(inner))) {
    return new AtomicDiskError('ATDD_STORE_CORRUPT', `${message}. ${ADVICE}`, options);
  }
  return new Error(message, options);
}
