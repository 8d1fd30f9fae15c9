/**
 * Opens the storage folder of a process:
 *
 *   data.slots   the sectors (slotFile.ts)
 *   metadata/    LevelDB: the superblock and a record per sector (levelMetadata.ts); it also is the
 *                lock that keeps a second process out
 *
 * A folder counts as new only if neither is there. Creating goes in steps, each durable before the
 * next: superblock 'creating', data file, superblock 'ready'. So a start that was cut short is
 * completed by the next one wherever that was, and a data file or metadata that went missing later
 * are noticed: a process that started empty instead would have forgotten what it acknowledged.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  endWith,
  forkJoin,
  type Observable,
  of,
  tap,
  throwError,
} from 'rxjs';
import { AtomicDiskError } from '../errors.js';
import { NoSpace } from '../ports/blockFiles.js';
import type { Log } from '../ports/log.js';
import type { Schedulers } from '../ports/schedulers.js';
import { openSectorStore, type OpenedSectorStore } from '../store/openSectorStore.js';
import { messageOf } from '../store/storeFailure.js';
import {
  admitSuperblock,
  decodeSuperblock,
  encodeSuperblock,
  STORE_FORMAT_VERSION,
  type StoreIdentity,
  type Superblock,
} from '../store/superblock.js';
import { hasLevelMetadata, openLevelMetadata, type LevelMetadata } from './levelMetadata.js';
import { createSlotFile, openSlotFile, syncFolder } from './slotFile.js';

export interface OpenStoreOptions {
  /** Is created, for this user alone, if it does not exist. */
  readonly folder: string;
  readonly identity: StoreIdentity;
  /** Name and version of this program: goes into a new folder's superblock. */
  readonly createdBy: string;
  readonly schedulers: Schedulers;
  readonly log: Log;
  /** Puts in one commit at most: STORE_BATCH_SECTORS. */
  readonly batchSectors: number;
}

interface Folder {
  readonly path: string;
  readonly dataFile: string;
  readonly metadata: string;
}

/**
 * Emits the store when it is open, and completes. Fails with ATDD_STORE_BUSY, ATDD_STORE_FOREIGN,
 * ATDD_STORE_FORMAT, ATDD_STORE_CORRUPT, ATDD_STORE_FULL or ATDD_STORE_FAILED, with nothing left
 * open.
 */
export function openStore(options: OpenStoreOptions): Observable<OpenedSectorStore> {
  const path = resolve(options.folder);
  const folder = { path, dataFile: join(path, 'data.slots'), metadata: join(path, 'metadata') };
  return defer(() => {
    createFolder(path);
    const isNew = !existsSync(folder.dataFile);
    if (!isNew && !hasLevelMetadata(folder.metadata)) {
      throw corrupt(folder, 'there is a data file, but no metadata');
    }
    return openLevelMetadata(folder.metadata, { createIfMissing: isNew, log: options.log });
  }).pipe(
    concatMap((metadata) =>
      openOver(metadata, folder, options).pipe(
        catchError((error: unknown) => closeAfter(metadata, error)),
      ),
    ),
    catchError((error: unknown) => {
      throw openingError(path, error);
    }),
  );
}

function openOver(
  metadata: LevelMetadata,
  folder: Folder,
  options: OpenStoreOptions,
): Observable<OpenedSectorStore> {
  return forkJoin({ bytes: metadata.superblock(), hasRecords: metadata.hasRecords() }).pipe(
    concatMap(({ bytes, hasRecords }) => {
      const found = bytes === null ? null : decodeSuperblock(bytes, folder.path);
      refuseHalfFolder(found, hasRecords, folder);
      return found?.phase === 'ready'
        ? admit(found, metadata, folder, options)
        : create(found, metadata, folder, options);
    }),
    concatMap(() => {
      const slotFile = openSlotFile(folder.dataFile);
      return openSectorStore({ ...options, slotFile, metadata }).pipe(
        catchError((error: unknown) => closeAfter(slotFile, error)),
      );
    }),
    tap((store) => {
      const { writtenCount, slotCount } = store.figures();
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
      if (dataSizeBytes !== null) throw corrupt(folder, 'there is a data file, but no superblock');
      if (hasRecords) throw corrupt(folder, 'there are records, but no superblock');
      break;
  }
}

/** Makes a new folder, or completes one whose making was cut short. Emits when it is done. */
function create(
  found: Superblock | null,
  metadata: LevelMetadata,
  folder: Folder,
  { identity, createdBy, log }: OpenStoreOptions,
): Observable<true> {
  const { cluster, rank, processCount, sectors } = identity;
  const formatVersion = STORE_FORMAT_VERSION;
  const fresh = { formatVersion, cluster, rank, processCount, sectors, createdBy };
  const superblock = found === null ? fresh : admitSuperblock(found, identity, folder.path);
  const inPhase = (phase: Superblock['phase']): Uint8Array =>
    encodeSuperblock({ ...superblock, phase });
  return concat(
    metadata.writeSuperblock(inPhase('creating')),
    defer(() => {
      createSlotFile(folder.dataFile);
      return metadata.writeSuperblock(inPhase('ready'));
    }),
  ).pipe(
    endWith(true as const),
    tap(() => {
      log.info('new storage folder', { folder: folder.path, rank, sectors });
    }),
  );
}

/** Checks whose folder it is; lets the disk grow. Emits when that is durable. */
function admit(
  found: Superblock,
  metadata: LevelMetadata,
  folder: Folder,
  { identity, log }: OpenStoreOptions,
): Observable<true> {
  const admitted = admitSuperblock(found, identity, folder.path);
  if (admitted.sectors === found.sectors) return of(true);
  log.info('the disk grows', { from: found.sectors, to: admitted.sectors });
  return metadata.writeSuperblock(encodeSuperblock(admitted)).pipe(endWith(true as const));
}

function createFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  // Each folder that was made has to be durable in the one above it.
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    syncFolder(dirname(made));
  }
}

/** Closes what was open already, then fails with the error. */
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
      `${folder.dataFile} and ${folder.metadata} as they were; do not start this rank with an ` +
      'empty folder while the cluster runs: it would have forgotten what it acknowledged.',
  );
}

function openingError(path: string, error: unknown): Error {
  if (error instanceof AtomicDiskError) return error;
  const code = error instanceof NoSpace ? 'ATDD_STORE_FULL' : 'ATDD_STORE_FAILED';
  const text = `cannot open the storage folder ${path}: ${messageOf(error)}`;
  return new AtomicDiskError(code, text, { cause: error });
}
