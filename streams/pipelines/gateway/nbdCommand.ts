/** One NBD command on the disk: from a checked request to the pieces of its reply. */
import type { Observable, OperatorFunction } from 'rxjs';
import { EMPTY, NEVER, catchError, concatMap, defaultIfEmpty, defer, endWith } from 'rxjs';
import { from, ignoreElements, map, merge, of, repeat, takeWhile, tap } from 'rxjs';
import { edgesOf, readBytes, withBytes, writeBytes } from '../../../src/coordinator/diskBytes.js';
import { unreachable } from '../../../src/core/assert.js';
import type { SectorIndex } from '../../../src/core/sector.js';
import { SECTOR_SIZE_BYTES, ZERO_SECTOR } from '../../../src/core/sector.js';
import type { SectorRun } from '../../../src/core/sectorMap.js';
import type { SectorPart } from '../../../src/core/sectorParts.js';
import { AtomicDiskError } from '../../../src/errors.js';
import type { Extent } from '../../../src/nbd/extents.js';
import { addExtent, isZeros } from '../../../src/nbd/extents.js';
import type { Negotiated } from '../../../src/nbd/handshake.js';
import { doneReply, errorReply, readReply, statusReply } from '../../../src/nbd/replies.js';
import type { NbdRequest } from '../../../src/nbd/request.js';
import { cutAfter, orUnknown, piecesOf, sectorsOf } from '../../../src/nbd/sectorRuns.js';
import type { Disk } from '../../../src/ports/disk.js';
import { mergeByCost } from '../../mergeByCost.js';

const SECTOR_BYTES = BigInt(SECTOR_SIZE_BYTES);

/** The largest number of sectors that a step of a TRIM or WRITE_ZEROES reads or writes. */
const PAGE_SECTORS = 2_048;

/** The largest number of sectors of zeros that are written as one: the time of a TRIM is looked at between two. */
const PIECE_SECTORS = 1_024;

export interface NbdCommandOptions {
  readonly disk: Disk;
  readonly negotiated: Negotiated;
  /** The largest number of sectors of one command that are under way at a time. */
  readonly windowSectors: number;
  /** The largest number of sectors that one BLOCK_STATUS reads. The client asks again for the rest. */
  readonly statusSectors: number;
  /** Whether the time of a TRIM is over. It then begins no further sectors, and is answered. */
  readonly isTrimOver: () => boolean;
  /** Called for each request that the disk could not carry out. */
  readonly onFailure: (request: NbdRequest, error: AtomicDiskError) => void;
}

/**
 * Emits the pieces of the reply, all at once, and completes. A failure of the disk is an EIO to the client, and an
 * ESHUTDOWN if the client of the disk is closed. Nothing of a reply is sent before all of it is known.
 */
export function performNbd(request: NbdRequest, options: NbdCommandOptions): Observable<Uint8Array[]> {
  const { isStructured } = options.negotiated;
  return perform(request, options).pipe(
    catchError((error: unknown) => {
      // Any other error is a broken invariant.
      if (!(error instanceof AtomicDiskError)) throw error;
      options.onFailure(request, error);
      const name = error.code === 'ATDD_CLIENT_CLOSED' ? 'ESHUTDOWN' : 'EIO';
      return of(errorReply(request.cookie, name, error.message, isStructured));
    }),
  );
}

function perform(request: NbdRequest, options: NbdCommandOptions): Observable<Uint8Array[]> {
  const { isStructured } = options.negotiated;
  const done = doneReply(request.cookie, isStructured);
  switch (request.command) {
    case 'READ':
      return read(request, options).pipe(map((data) => readReply(request, data, isStructured)));
    case 'WRITE':
      return write(request, options).pipe(defaultIfEmpty(done));
    case 'TRIM':
    case 'WRITE_ZEROES':
      return writeZeroes(request, options).pipe(defaultIfEmpty(done));
    case 'BLOCK_STATUS':
      return status(request, options).pipe(map((extents) => statusReply(request, extents)));
    // Answered writes are durable already, and there is no cache to be filled.
    case 'FLUSH':
    case 'CACHE':
    case 'DISC':
      return of(done);
    default:
      return unreachable(request.command);
  }
}

function read(request: NbdRequest, options: NbdCommandOptions): Observable<Uint8Array> {
  const { disk, windowSectors } = options;
  return readBytes(disk, windowSectors, rangeOf(request, options).startBytes, request.lengthBytes);
}

function write(request: NbdRequest, options: NbdCommandOptions): Observable<never> {
  const { disk, windowSectors } = options;
  return writeBytes(disk, windowSectors, rangeOf(request, options).startBytes, request.data);
}

/**
 * A TRIM may leave sectors as they are. It leaves parts of sectors, which would cost most, and the sectors for which
 * there is no time. It completes the sectors that it has begun, because they must be done when it is answered.
 */
function writeZeroes(request: NbdRequest, options: NbdCommandOptions): Observable<never> {
  const { disk, isTrimOver } = options;
  const { startBytes, endBytes } = rangeOf(request, options);
  const first = Number((startBytes + SECTOR_BYTES - 1n) / SECTOR_BYTES);
  const end = Number(endBytes / SECTOR_BYTES);
  if (request.command === 'TRIM') return clearSectors(first, end, options, isTrimOver);
  const { head, tail } = edgesOf(startBytes, request.lengthBytes);
  const clearEdge = (edge: SectorPart | null): Observable<never> =>
    edge === null
      ? EMPTY
      : disk
          .update(edge.sector, (current) => withBytes(current, edge.from, ZERO_SECTOR.subarray(edge.from, edge.to)))
          .pipe(ignoreElements());
  return merge(
    clearEdge(head),
    clearEdge(tail),
    clearSectors(first, end, options, () => false),
  );
}

/**
 * Makes those sectors zeros, page by page. A page has PAGE_SECTORS sectors that the map does not show to be zeros. The
 * zeros between them are not counted, because nothing is to be done about them.
 */
function clearSectors(
  first: SectorIndex,
  end: SectorIndex,
  { disk, windowSectors }: NbdCommandOptions,
  isOver: () => boolean,
): Observable<never> {
  let at = first;
  const clearPage = (known: readonly SectorRun[]): Observable<never> => {
    const { runs, sectors } = cutAfter(orUnknown(known, end - at), PAGE_SECTORS, ['data', 'unknown']);
    const start = at;
    at += sectors;
    return from(piecesOf(runs, start, disk.writeSectors === undefined ? 1 : PIECE_SECTORS)).pipe(
      sideBySide(
        windowSectors,
        ({ sector, count, kind }) => {
          if (isOver()) return EMPTY;
          if (kind !== 'data') return clearSector(disk, sector);
          return disk.writeSectors?.(sector, count, 'zeros') ?? disk.write(sector, ZERO_SECTOR);
        },
        ({ count }) => Math.min(count, windowSectors),
      ),
    );
  };
  return defer(() => {
    if (at >= end || isOver()) return of(false);
    return disk.map(at, end - at).pipe(concatMap(clearPage), endWith(true));
  }).pipe(
    repeat(),
    takeWhile((hasMore) => hasMore),
    ignoreElements(),
  );
}

/** As mergeMap, but many values that complete at once do not nest, for example those of a TRIM whose time is over. */
function sideBySide<T, R = never>(
  costMax: number,
  handle: (value: T) => Observable<R>,
  costOf: (value: T) => number = () => 1,
): OperatorFunction<T, R> {
  return mergeByCost({
    costOf,
    costMax,
    isOpen: () => true,
    opened$: NEVER,
    handle,
  });
}

/**
 * Writes zeros only to a sector that is not all zeros. Most cleared sectors were never written, and a write would take
 * a record and two flushed rounds for each. This is correct because a read is linearizable: at an instant between the
 * request and its answer the sector was all zeros, durably on a majority. A write of zeros at that instant would have
 * had the same effect, so both commands have done then what they promise. Writes of others after that come later. The
 * same holds for what the map says.
 */
function clearSector(disk: Disk, sector: SectorIndex): Observable<never> {
  return disk.read(sector).pipe(concatMap((data) => (isZeros(data) ? EMPTY : disk.write(sector, ZERO_SECTOR))));
}

/** Sectors of zeros, written or not, are holes. Sectors that are unknown to the map are read, up to `statusSectors`. */
function status(request: NbdRequest, options: NbdCommandOptions): Observable<readonly Extent[]> {
  const { disk, windowSectors, statusSectors } = options;
  const { startBytes, endBytes } = rangeOf(request, options);
  const first = Number(startBytes / SECTOR_BYTES);
  const end = Number((endBytes + SECTOR_BYTES - 1n) / SECTOR_BYTES);
  const extentOf = (sector: SectorIndex, sectors: number, isZero: boolean): Extent => ({
    from: Math.max(0, Number(BigInt(sector) * SECTOR_BYTES - startBytes)),
    to: Math.min(request.lengthBytes, Number(BigInt(sector + sectors) * SECTOR_BYTES - startBytes)),
    isZero,
  });
  return disk.map(first, end - first).pipe(
    concatMap((known) => {
      const { runs } = cutAfter(orUnknown(known, end - first), statusSectors, ['unknown']);
      const zeros = new Set<SectorIndex>();
      return from(sectorsOf(runs, first, ['unknown'])).pipe(
        sideBySide(windowSectors, ({ sector }) =>
          disk.read(sector).pipe(
            tap((data) => {
              if (isZeros(data)) zeros.add(sector);
            }),
          ),
        ),
        ignoreElements(),
        endWith(null),
        map(() => {
          const extents: Extent[] = [];
          let at = first;
          for (const { kind, sectors } of runs) {
            if (kind !== 'unknown') addExtent(extents, extentOf(at, sectors, kind === 'zeros'));
            for (let next = at; kind === 'unknown' && next < at + sectors; next += 1) {
              addExtent(extents, extentOf(next, 1, zeros.has(next)));
            }
            at += sectors;
          }
          return extents;
        }),
      );
    }),
  );
}

/** The range of a request, in bytes of the disk. */
function rangeOf(
  { offsetBytes, lengthBytes }: NbdRequest,
  { negotiated }: NbdCommandOptions,
): { readonly startBytes: bigint; readonly endBytes: bigint } {
  const startBytes = BigInt(negotiated.export.firstSector) * SECTOR_BYTES + offsetBytes;
  return { startBytes, endBytes: startBytes + BigInt(lengthBytes) };
}
