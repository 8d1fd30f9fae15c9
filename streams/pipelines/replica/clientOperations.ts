/** READ and WRITE of clients of the base protocol, which the coordinator of this process runs. */
import type { Observable } from 'rxjs';
import { Subject, catchError, concat, defer, map, merge, mergeMap, of } from 'rxjs';
import type { Ledger } from '../../../src/core/ledger.js';
import { endOperation } from '../../../src/core/ledger.js';
import type { ClientRequest } from '../../../src/core/message.js';
import type { OperationId } from '../../../src/core/operation.js';
import { SECTOR_SIZE_BYTES } from '../../../src/core/sector.js';
import type { SectorData } from '../../../src/core/sector.js';
import type { RangeData } from '../../../src/core/strict/replicaMessage.js';
import type { Coordinator } from '../../../src/coordinator/coordinator.js';
import { AtomicDiskError } from '../../../src/errors.js';
import { serializeResponse } from '../../../src/wire/serialize.js';
import type { Tagger } from '../../../src/wire/tag.js';
import { mapEach } from '../../mapEach.js';
import { ofKind } from '../../ofKind.js';
import type { Outgoing } from '../../writeTogether.js';
import type { Inbound } from '../arrival.js';
import type { Session } from '../session.js';

export interface ClientOperationsOptions {
  readonly coordinator: Pick<Coordinator, 'readRange' | 'writeRange'>;
  readonly ledger: Ledger<Session>;
  readonly clientTagger: Tagger;
}

/**
 * Emits the responses, and what is to be sent because an operation is over. When a client is gone, its reads are given
 * up, and its writes of which no replica was told to store anything. Its other writes go on, and its connection is not
 * ended before they are over (docs/adr/0006-client-resubmission.md).
 *
 * Bound: that of the ledger.
 */
export function clientOperations(
  inbound$: Observable<Inbound>,
  options: ClientOperationsOptions,
): Observable<Outgoing> {
  return defer(() => {
    const abandoned = new Map<OperationId, Subject<void>>();
    const response$ = inbound$.pipe(
      ofKind('operation'),
      mergeMap(({ id, request }) => {
        const abandon = new Subject<void>();
        abandoned.set(id, abandon);
        return perform(request, abandon, options).pipe(
          map((data): readonly Outgoing[] => {
            abandoned.delete(id);
            const { session, requestNumber } = endOperation(options.ledger, id);
            const due = session.answered();
            if (data === 'givenUp') return due;
            const response = { request: request.kind, status: 'ok', requestNumber, data } as const;
            const content = serializeResponse(response, options.clientTagger);
            return [{ connection: session.connection, content }, ...due];
          }),
        );
      }),
      mapEach((outgoing) => outgoing),
    );
    const abandoned$ = inbound$.pipe(
      ofKind('abandoned'),
      mapEach(({ id }) => {
        abandoned.get(id)?.next();
        return [];
      }),
    );
    return merge(response$, abandoned$);
  });
}

/** Emits once: the data of a READ, or null. */
function perform(
  request: ClientRequest,
  abandon$: Observable<void>,
  { coordinator }: ClientOperationsOptions,
): Observable<SectorData | null | 'givenUp'> {
  const range = { first: request.sector, count: 1 };
  const performed$: Observable<SectorData | null> =
    request.kind === 'read'
      ? coordinator.readRange(range, abandon$).pipe(map(bytesOf))
      : concat(coordinator.writeRange(range, request.data, abandon$), of(null));
  return performed$.pipe(
    catchError((error: unknown) => {
      if (error instanceof AtomicDiskError && error.code === 'ATDD_CLIENT_CLOSED') return of('givenUp' as const);
      throw error;
    }),
  );
}

function bytesOf(data: RangeData): SectorData {
  return data === 'zeros' ? new Uint8Array(SECTOR_SIZE_BYTES) : data;
}
