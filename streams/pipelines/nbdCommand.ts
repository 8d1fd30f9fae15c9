/** One NBD command on the disk: from a request that is in order to the pieces of its reply. */
import type { Observable, OperatorFunction } from 'rxjs';
import { EMPTY, NEVER, catchError, concatMap, defaultIfEmpty, endWith, filter } from 'rxjs';
import { from, ignoreElements, map, mergeMap, of, range, tap } from 'rxjs';
import { unreachable } from '../../src/core/assert.js';
import type { SectorData, SectorIndex } from '../../src/core/sector.js';
import { SECTOR_SIZE_BYTES, ZERO_SECTOR } from '../../src/core/sector.js';
import type { SectorPart } from '../../src/core/sectorParts.js';
import { isWholeSector, sectorParts } from '../../src/core/sectorParts.js';
import { AtomicDiskError } from '../../src/errors.js';
import type { Extent } from '../../src/nbd/extents.js';
import { addExtent, isZeros } from '../../src/nbd/extents.js';
import type { Negotiated } from '../../src/nbd/handshake.js';
import { doneReply, errorReply, readReply, statusReply } from '../../src/nbd/replies.js';
import type { NbdRequest } from '../../src/nbd/request.js';
import type { Disk } from '../../src/ports/disk.js';
import { mergeByCost } from '../mergeByCost.js';

export interface NbdCommandOptions {
  readonly disk: Disk;
  readonly negotiated: Negotiated;
  /** Sectors of one command under way at a time. */
  readonly windowSectors: number;
  /** Sectors that one BLOCK_STATUS looks at; the client asks again for the rest. */
  readonly statusSectors: number;
  /** Whether a TRIM has had its time: it begins no further sectors then, and is answered. */
  readonly isTrimOver: () => boolean;
  /** Told of what the disk could not do. */
  readonly onFailure: (request: NbdRequest, error: AtomicDiskError) => void;
}

/**
 * Emits the pieces of the reply, all at once, and completes. What fails on the disk is an EIO to
 * the client; nothing is sent of a reply before all of it is known.
 */
export function performNbd(
  request: NbdRequest,
  options: NbdCommandOptions,
): Observable<Uint8Array[]> {
  const { isStructured } = options.negotiated;
  return perform(request, options).pipe(
    catchError((error: unknown) => {
      // Anything else is a broken invariant.
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
    // What was answered is durable already, and there is no cache to be filled.
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
  const parts = partsOf(request, options);
  // Most requests are about one sector: what there is of it need not be put together.
  if (parts.length === 1) {
    const [{ sector, from: begin, to }] = parts;
    return disk.read(sector).pipe(map((data) => data.subarray(begin, to)));
  }
  const data = new Uint8Array(request.lengthBytes);
  return from(parts).pipe(
    mergeMap(
      ({ sector, from: begin, to, at }) =>
        disk.read(sector).pipe(
          tap((sectorData) => {
            data.set(sectorData.subarray(begin, to), at);
          }),
        ),
      windowSectors,
    ),
    ignoreElements(),
    endWith(data),
  );
}

function write(request: NbdRequest, options: NbdCommandOptions): Observable<never> {
  const { disk, windowSectors } = options;
  const writePart = (part: SectorPart): Observable<never> => {
    const { sector, from: begin, to, at } = part;
    const bytes = request.data.subarray(at, at + to - begin);
    if (isWholeSector(part)) return disk.write(sector, bytes);
    return disk.update(sector, (current) => changed(current, begin, bytes));
  };
  const parts = partsOf(request, options);
  if (parts.length === 1) return writePart(parts[0]);
  return from(parts).pipe(mergeMap(writePart, windowSectors));
}

/**
 * A TRIM may leave what it likes: parts of sectors, for which it would cost most, and what it has
 * no time for. It does not leave what it has begun: that must be over when it is answered.
 */
function writeZeroes(request: NbdRequest, options: NbdCommandOptions): Observable<never> {
  const { disk, windowSectors, isTrimOver } = options;
  const isTrim = request.command === 'TRIM';
  const isOver = (): boolean => isTrim && isTrimOver();
  const clearPart = (part: SectorPart): Observable<never> => {
    const { sector, from: begin, to } = part;
    if (isOver()) return EMPTY;
    if (isWholeSector(part)) return clearSector(disk, sector);
    return disk.update(sector, (current) =>
      changed(current, begin, ZERO_SECTOR.subarray(begin, to)),
    );
  };
  const clearPiece = (index: number): Observable<never> => {
    if (isOver()) return EMPTY;
    const at = index * PIECE_BYTES;
    const lengthBytes = Math.min(PIECE_BYTES, request.lengthBytes - at);
    const piece = { ...request, offsetBytes: request.offsetBytes + BigInt(at), lengthBytes };
    return from(partsOf(piece, options)).pipe(
      filter((part) => !isTrim || isWholeSector(part)),
      sideBySide(windowSectors, clearPart),
    );
  };
  // In pieces, since one such request may be about a million sectors.
  const pieceCount = Math.ceil(request.lengthBytes / PIECE_BYTES);
  return range(0, pieceCount).pipe(sideBySide(1, clearPiece));
}

/** As mergeMap; but many that complete at once, as those of a TRIM that is over, do not nest. */
function sideBySide<T>(
  count: number,
  handle: (value: T) => Observable<never>,
): OperatorFunction<T, never> {
  return mergeByCost({
    costOf: () => 1,
    costMax: count,
    isOpen: () => true,
    opened$: NEVER,
    handle,
  });
}

/**
 * Zeros are not written where there are zeros: most of what is cleared was never written, and would
 * take a record and two flushed rounds for each sector. A read is linearizable: at an instant
 * between the request and its answer the sector was all zeros, durably on a majority. To have
 * written zeros at that instant would have left the same, so that both commands have done then what
 * they promise; what others write later comes later.
 */
function clearSector(disk: Disk, sector: SectorIndex): Observable<never> {
  return disk
    .read(sector)
    .pipe(concatMap((data) => (isZeros(data) ? EMPTY : disk.write(sector, ZERO_SECTOR))));
}

/** A multiple of a sector, so that pieces of whole sectors are whole sectors. */
const PIECE_BYTES = 2_048 * SECTOR_SIZE_BYTES;

/** Sectors of zeros, written or not, are holes. */
function status(request: NbdRequest, options: NbdCommandOptions): Observable<readonly Extent[]> {
  const { disk, windowSectors, statusSectors } = options;
  const lengthBytes = Math.min(request.lengthBytes, statusSectors * SECTOR_SIZE_BYTES);
  const parts = partsOf({ ...request, lengthBytes }, options);
  const areZeros: boolean[] = [];
  return from(parts).pipe(
    mergeMap(
      ({ sector }, index) =>
        disk.read(sector).pipe(
          tap((data) => {
            areZeros[index] = isZeros(data);
          }),
        ),
      windowSectors,
    ),
    ignoreElements(),
    endWith(null),
    map(() => {
      const extents: Extent[] = [];
      parts.forEach(({ from: begin, to, at }, index) => {
        addExtent(extents, { from: at, to: at + to - begin, isZero: areZeros[index] });
      });
      return extents;
    }),
  );
}

/** The parts of the disk's sectors that a request is about. */
function partsOf(request: NbdRequest, { negotiated }: NbdCommandOptions): SectorPart[] {
  const start = BigInt(negotiated.export.firstSector) * BigInt(SECTOR_SIZE_BYTES);
  return sectorParts(start + request.offsetBytes, request.lengthBytes);
}

function changed(current: SectorData, at: number, bytes: Uint8Array): SectorData {
  const data = Uint8Array.from(current);
  data.set(bytes, at);
  return data;
}
