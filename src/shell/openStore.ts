/**
 * Opens the storage folder of a process:
 *
 *   data.slots     the sectors (slotFile.ts)   metadata/      LevelDB: the superblock and a record per sector
 * (levelMetadata.ts); it also is                  the lock that keeps a second process out   acknowledged   the number
 * of the last commit (acknowledgedFile.ts)
 *
 * A folder counts as new only if none of the three is there. It is created in steps, each durable before the next:
 * superblock 'creating', the two files, superblock 'ready'. So the next start completes a creation that was cut short
 * at any step. A data file or metadata that went missing later are noticed: a process that started empty instead would
 * have forgotten what it acknowledged.
 */
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  endWith,
  forkJoin,
  map,
  merge,
  type Observable,
  of,
  reduce,
  type SchedulerLike,
  tap,
  throwError,
} from 'rxjs';
import { type FlushCounters, newCounters } from '../core/counters.js';
import { AtomicDiskError, describeError } from '../errors.js';
import { type MetadataFile, NoSpace } from '../ports/blockFiles.js';
import type { Log } from '../ports/log.js';
import type { Schedulers } from '../ports/schedulers.js';
import { describeUser } from '../surroundings.js';
import { countedMetadata, countedSlotFile } from '../store/countedFiles.js';
import { openSectorStore, type OpenedSectorStore } from '../store/openSectorStore.js';
import { TOTALS_NONE, withRecords } from '../store/recordTotals.js';
import {
  admitSuperblock,
  decodeSuperblock,
  encodeSuperblock,
  STORE_FORMAT_VERSION,
  STORE_FORMAT_VERSION_BASE,
  type StoreIdentity,
  type Superblock,
} from '../store/superblock.js';
import { createAcknowledgedFile, openAcknowledgedFile, type AcknowledgedFile } from './acknowledgedFile.js';
import { hasLevelMetadata, openLevelMetadata, type LevelMetadata } from './levelMetadata.js';
import { createSlotFile, openSlotFile, syncFolder } from './slotFile.js';

export interface OpenStoreOptions {
  /** The storage folder. It is created, for this user alone, if it does not exist. */
  readonly folder: string;
  readonly identity: StoreIdentity;
  /** Name and version of this program, for the superblock of a new folder. */
  readonly createdBy: string;
  readonly schedulers: Schedulers;
  readonly log: Log;
  /** The most sectors that are put in one commit: STORE_BATCH_SECTORS. */
  readonly batchSectors: number;
  /** As in LevelMetadataOptions; lower in tests. */
  readonly reopenAfterRecords?: number;
  /** Counters to which each flush is added. */
  readonly counters?: FlushCounters;
}

/** From this version of the format on, a folder has the totals and the number of the last commit. */
const VERSION_WITH_TOTALS = 2;

interface Folder {
  readonly path: string;
  readonly dataFile: string;
  readonly metadata: string;
  readonly acknowledged: string;
}

/**
 * Emits the store when it is open, and completes. Fails with ATDD_STORE_BUSY, ATDD_STORE_FOREIGN, ATDD_STORE_FORMAT,
 * ATDD_STORE_CORRUPT, ATDD_STORE_FULL or ATDD_STORE_FAILED, with nothing left open.
 */
export function openStore(options: OpenStoreOptions): Observable<OpenedSectorStore> {
  const path = resolve(options.folder);
  const folder = {
    path,
    dataFile: join(path, 'data.slots'),
    metadata: join(path, 'metadata'),
    acknowledged: join(path, 'acknowledged'),
  };
  return defer(() => {
    createFolder(path);
    const isNew = !existsSync(folder.dataFile);
    if (!isNew && !hasLevelMetadata(folder.metadata)) {
      throw corrupt(folder, 'there is a data file, but no metadata');
    }
    const { log, reopenAfterRecords } = options;
    return openLevelMetadata(folder.metadata, { createIfMissing: isNew, log, reopenAfterRecords });
  }).pipe(
    concatMap((metadata) =>
      openOver(metadata, folder, options).pipe(catchError((error: unknown) => closeAfter(metadata, error))),
    ),
    catchError((error: unknown) => {
      throw openingError(path, error);
    }),
  );
}

function openOver(metadata: LevelMetadata, folder: Folder, options: OpenStoreOptions): Observable<OpenedSectorStore> {
  return forkJoin({ bytes: metadata.superblock(), hasRecords: metadata.hasRecords() }).pipe(
    concatMap(({ bytes, hasRecords }) => {
      const found = bytes === null ? null : decodeSuperblock(bytes, folder.path);
      refuseHalfFolder(found, hasRecords, folder);
      return found?.phase === 'ready'
        ? admit(found, metadata, folder, options)
        : create(found, metadata, folder, options);
    }),
    concatMap((superblock) => metadata.totals().pipe(map(({ commitCount }) => ({ superblock, commitCount })))),
    concatMap(({ superblock, commitCount }) => {
      const acknowledged = openAcknowledged(folder, commitCount, options.schedulers.clock);
      const { counters = newCounters() } = options;
      const counted = countedMetadata(metadata, counters);
      const slotFile = countedSlotFile(openSlotFile(folder.dataFile), counters);
      const upgradable = { ...counted, allowStrict: strictUpgrade(superblock, metadata, folder, options.log) };
      const files = { slotFile, metadata: withAcknowledgements(upgradable, acknowledged, folder) };
      return openSectorStore({ ...options, ...files }).pipe(
        catchError((error: unknown) => {
          acknowledged.close();
          return closeAfter(slotFile, error);
        }),
      );
    }),
    tap((store) => {
      const { writtenCount, slotCount } = store.stats();
      options.log.info('store open', { folder: folder.path, writtenCount, slotCount });
    }),
  );
}

/** @throws {AtomicDiskError} ATDD_STORE_CORRUPT if one of the two files was lost. */
function refuseHalfFolder(found: Superblock | null, hasRecords: boolean, folder: Folder): void {
  const dataSizeBytes = existsSync(folder.dataFile) ? statSync(folder.dataFile).size : null;
  switch (found?.phase) {
    case 'ready':
      if (dataSizeBytes === null) throw corrupt(folder, 'there are metadata, but no data file');
      break;
    case 'creating':
      if (hasRecords || (dataSizeBytes ?? 0) > 0) {
        throw corrupt(folder, 'it was never completed, yet it holds data');
      }
      break;
    case undefined:
      if (existsSync(folder.acknowledged)) {
        throw corrupt(folder, `there is ${folder.acknowledged}, but no superblock`);
      }
      if (dataSizeBytes !== null) throw corrupt(folder, 'there is a data file, but no superblock');
      if (hasRecords) throw corrupt(folder, 'there are records, but no superblock');
      break;
  }
}

/** Creates a new folder, or completes one whose creation was cut short. Emits its superblock when that is durable. */
function create(
  found: Superblock | null,
  metadata: LevelMetadata,
  folder: Folder,
  { identity, createdBy, log }: OpenStoreOptions,
): Observable<Superblock> {
  const { cluster, rank, processCount, sectors } = identity;
  const formatVersion = STORE_FORMAT_VERSION_BASE;
  const fresh = { formatVersion, cluster, rank, processCount, sectors, createdBy };
  const begun = found === null ? fresh : admitSuperblock(found, identity, folder.path);
  const superblock = { ...begun, formatVersion };
  const inPhase = (phase: Superblock['phase']): Uint8Array => encodeSuperblock({ ...superblock, phase });
  return concat(
    metadata.writeSuperblock(inPhase('creating')),
    defer(() => {
      createAcknowledgedFile(folder.acknowledged);
      createSlotFile(folder.dataFile);
      return metadata.writeSuperblock(inPhase('ready'));
    }),
  ).pipe(
    endWith({ ...superblock, phase: 'ready' as const }),
    tap(() => {
      log.info('new storage folder', { folder: folder.path, rank, sectors });
    }),
  );
}

/**
 * Checks that the folder is that of this process, upgrades its format, and lets the disk grow. Emits its superblock
 * when that is durable.
 */
function admit(
  found: Superblock,
  metadata: LevelMetadata,
  folder: Folder,
  { identity, log }: OpenStoreOptions,
): Observable<Superblock> {
  const admitted = admitSuperblock(found, identity, folder.path);
  if (found.formatVersion < STORE_FORMAT_VERSION_BASE) {
    const upgraded = { ...admitted, formatVersion: STORE_FORMAT_VERSION_BASE };
    return upgrade(admitted.formatVersion, upgraded, metadata, folder, log).pipe(endWith(upgraded));
  }
  if (admitted.sectors === found.sectors) return of(admitted);
  log.info('the disk grows', { from: found.sectors, to: admitted.sectors });
  return metadata.writeSuperblock(encodeSuperblock(admitted)).pipe(endWith(admitted));
}

/**
 * Version 1 has neither totals nor the file of the last commit. The superblock and the totals are written together,
 * after the file: if the upgrade is cut short before that, the folder is still of version 1. Version 2 has no commit
 * without its data, and so does not keep the records that the last commit replaced.
 */
function upgrade(
  from: number,
  upgraded: Superblock,
  metadata: LevelMetadata,
  folder: Folder,
  log: Log,
): Observable<never> {
  const superblock = encodeSuperblock(upgraded);
  const upgraded$ =
    from >= VERSION_WITH_TOTALS
      ? metadata.writeSuperblock(superblock)
      : metadata.records().pipe(
          reduce(withRecords, TOTALS_NONE),
          concatMap((totals) => {
            createAcknowledgedFile(folder.acknowledged);
            return metadata.upgrade(superblock, totals);
          }),
        );
  return upgraded$.pipe(
    tap({
      complete: () => {
        logUpgrade(from, upgraded.formatVersion, folder, log);
      },
    }),
  );
}

/**
 * Version 4 adds forms of records to those of version 3, and changes none. So the upgrade is the superblock alone: it
 * is durable before the first record of another form is written, and a crash leaves one version or the other.
 */
function strictUpgrade(
  superblock: Superblock,
  metadata: LevelMetadata,
  folder: Folder,
  log: Log,
): () => Observable<never> {
  let { formatVersion } = superblock;
  return () =>
    defer(() => {
      if (formatVersion === STORE_FORMAT_VERSION) return EMPTY;
      const upgraded = { ...superblock, formatVersion: STORE_FORMAT_VERSION };
      return metadata.writeSuperblock(encodeSuperblock(upgraded)).pipe(
        tap({
          complete: () => {
            logUpgrade(formatVersion, STORE_FORMAT_VERSION, folder, log);
            formatVersion = STORE_FORMAT_VERSION;
          },
        }),
      );
    });
}

function logUpgrade(from: number, to: number, folder: Folder, log: Log): void {
  log.info('storage folder upgraded', { folder: folder.path, from, to });
}

/** @throws {AtomicDiskError} ATDD_STORE_CORRUPT if commits that were acknowledged are missing. */
function openAcknowledged(folder: Folder, commitCount: number, clock: SchedulerLike): AcknowledgedFile {
  if (!existsSync(folder.acknowledged)) throw corrupt(folder, `${folder.acknowledged} is missing`);
  const file = openAcknowledgedFile(folder.acknowledged, clock);
  if (file.countAtOpen !== null && file.countAtOpen <= commitCount) return file;
  file.close();
  throw corrupt(
    folder,
    file.countAtOpen === null
      ? `${folder.acknowledged} holds no number that matches its check`
      : `the metadata end with commit ${commitCount}, but commit ${file.countAtOpen} was ` +
          `acknowledged (${folder.acknowledged}): records were lost, or are older than they were`,
  );
}

/**
 * Metadata that keep the number of the last commit in the acknowledged file, and fail a commit if the folder is no
 * longer there.
 */
function withAcknowledgements(metadata: MetadataFile, acknowledged: AcknowledgedFile, folder: Folder): MetadataFile {
  const assertInPlace = inPlaceCheck(folder);
  return {
    ...metadata,
    commit: (batch) =>
      merge(
        metadata.commit(batch),
        // The check runs while the disk is at work: it takes only processor time, so it makes the commit no longer.
        defer(() => {
          assertInPlace();
          return EMPTY;
        }),
      ),
    confirm: (commitCount) => {
      acknowledged.record(commitCount);
    },
    unconfirmed: () =>
      metadata
        .totals()
        .pipe(
          concatMap(({ commitCount }) => (acknowledged.countAtOpen === commitCount ? of([]) : metadata.unconfirmed())),
        ),
    close: () =>
      concat(
        metadata.close(),
        defer(() => {
          acknowledged.close();
          return EMPTY;
        }),
      ),
  };
}

/**
 * If somebody deletes or moves the folder, its open files can still be written, but what is acknowledged then is gone
 * after the next start. So this is checked before every answer.
 * @returns a check that fails if the files are not those that were opened.
 */
function inPlaceCheck(folder: Folder): () => void {
  const opened = [folder.dataFile, folder.acknowledged].map((path) => {
    const { ino, dev } = statSync(path);
    return { path, ino, dev };
  });
  return () => {
    for (const { path, ino, dev } of opened) {
      const now = statSync(path, { throwIfNoEntry: false });
      if (now?.ino === ino && now.dev === dev) continue;
      throw new Error(`${path} was ${now === undefined ? 'deleted or moved' : 'replaced'} while it was in use`);
    }
    if (hasLevelMetadata(folder.metadata)) return;
    throw new Error(`${folder.metadata} was deleted or moved while it was in use`);
  };
}

function createFolder(path: string): void {
  assertMayCreate(path);
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  // Each folder that was made has to be durable in the one above it.
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    syncFolder(dirname(made));
  }
}

/** On a read-only file system, making a folder fails with a misleading ENOENT in Node. */
function assertMayCreate(path: string): void {
  let existing = path;
  while (!existsSync(existing)) existing = dirname(existing);
  accessSync(existing, constants.W_OK);
}

/** Closes the files that are open already, then fails with the error. */
function closeAfter(file: { close(): Observable<never> }, error: unknown): Observable<never> {
  return concat(
    file.close().pipe(catchError(() => EMPTY)),
    throwError(() => error),
  );
}

function corrupt(folder: Folder, finding: string): AtomicDiskError {
  return new AtomicDiskError(
    'ATDD_STORE_CORRUPT',
    `${folder.path}: ${finding}. Something was deleted or lost. Bring back ` +
      `${folder.dataFile}, ${folder.metadata} and ${folder.acknowledged} as they were, or ` +
      'start with an empty folder: the process then takes in what the others have, and votes then.',
  );
}

/** The system's error names the path, and not the user who was denied it. @returns the text with the user. */
export function openingTrouble(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  const isDenied = code === 'EACCES' || code === 'EPERM';
  return isDenied ? `${describeError(error)} (for ${describeUser()})` : describeError(error);
}

function openingError(path: string, error: unknown): Error {
  if (error instanceof AtomicDiskError) return error;
  const code = error instanceof NoSpace ? 'ATDD_STORE_FULL' : 'ATDD_STORE_FAILED';
  const text = `cannot open the storage folder ${path}: ${openingTrouble(error)}`;
  return new AtomicDiskError(code, text, { cause: error });
}
