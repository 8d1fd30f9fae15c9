/** One operation of the caller on one sector, from the call to its result. */
import type { Observer } from 'rxjs';
import type { SectorData, SectorIndex } from '../core/sector.js';
import { AtomicDiskError } from '../errors.js';

export type SectorRequest =
  | { readonly kind: 'read'; readonly sector: SectorIndex }
  /** A later attempt must write the same as the first one: `data` must not be changed. */
  | { readonly kind: 'write'; readonly sector: SectorIndex; readonly data: SectorData }
  /** Read, change, write, with no other operation of this client on the sector in between. */
  | {
      readonly kind: 'update';
      readonly sector: SectorIndex;
      readonly change: (current: SectorData) => SectorData;
    };

/**
 * The state of an operation. In general: waiting (for others of its sector) -> ready (for a connection) -> sent ->
 * settled. It goes sent -> ready when it is to be sent again, and sent -> held -> ready when it is not known at first
 * whether the process may still begin it. Instead of ready it is settled if its caller is gone, and beyond while every
 * connected process has refused its sector or one before it.
 */
export type Place = 'waiting' | 'ready' | 'beyond' | 'sent' | 'held' | 'settled';

export interface Operation {
  readonly request: SectorRequest;
  readonly sector: SectorIndex;
  /** The kind of request that is sent to a process: an update sends one of each. */
  stage: 'read' | 'write';
  /** The data to be written, in stage 'write'. */
  data: SectorData | undefined;
  place: Place;
  attemptCount: number;
  /** Attempts of this stage that were refused because the process has no such sector. */
  refusedCount: number;
  /** Attempts of this stage that are neither answered nor lost: two if a read was hedged. */
  inFlightCount: number;
  /** The caller is gone: the operation is not sent again. */
  abandoned: boolean;
  /** Gets the data of a read or an update, or an error. Ignores both once it has unsubscribed. */
  readonly caller: Observer<SectorData>;
}

/** For error messages: whether an operation that was given up may have taken effect. */
export function describeOutcome(operation: Operation): string {
  const { request, stage, place, attemptCount, refusedCount } = operation;
  const why = place === 'beyond' ? ', since no process that answers has that sector' : '';
  const what = `${request.kind} of sector ${request.sector}`;
  if (request.kind === 'read') return `${what} was not answered${why}`;
  if (stage === 'write' && attemptCount > refusedCount) {
    return `${what} was not answered${why}: it may have taken effect or may still do so`;
  }
  if (place === 'beyond') return `${what} was given up${why}: it has no effect`;
  return `${what} was given up before it was sent: it has no effect`;
}

/** An operation of which nothing is sent yet. */
export function begin(request: SectorRequest, caller: Operation['caller']): Operation {
  return {
    request,
    sector: request.sector,
    stage: request.kind === 'write' ? 'write' : 'read',
    data: request.kind === 'write' ? request.data : undefined,
    place: 'waiting',
    attemptCount: 0,
    refusedCount: 0,
    inFlightCount: 0,
    abandoned: false,
    caller,
  };
}

/** The error of an operation that its process refused. */
export function refusal({ sector, stage }: Operation, status: 'authFailure' | 'invalidSectorIndex'): AtomicDiskError {
  const what = `${stage} of sector ${sector}`;
  return status === 'authFailure'
    ? new AtomicDiskError('ATDD_AUTH_FAILURE', `the process rejected the tag of a ${what}`)
    : new AtomicDiskError('ATDD_INVALID_SECTOR_INDEX', `the disk has no such sector: ${what}`);
}
