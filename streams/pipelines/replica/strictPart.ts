/** How the replica of a process is joined to its connections. */
import type { Observable, OperatorFunction } from 'rxjs';
import { map } from 'rxjs';
import type { WindowLimits } from '../../../src/core/strict/requestWindow.js';
import type { Schedulers } from '../../../src/ports/schedulers.js';
import type { StrictStore } from '../../../src/ports/strictStore.js';
import { OutgoingAnswer } from '../../../src/wire/strict/outgoingAnswer.js';
import type { Packer } from '../../../src/wire/strict/pack.js';
import { mapEach } from '../../mapEach.js';
import type { RequestFrom } from '../../replicaRegisters.js';
import type { Outgoing } from '../../writeTogether.js';
import type { Session } from '../session.js';
import { replica } from './replica.js';
import type { ReplicaState } from './replicaState.js';

/** What a process of the strict mode has besides. */
export interface StrictPart {
  readonly store: StrictStore;
  readonly state: ReplicaState<Session>;
  readonly window: WindowLimits;
  readonly sweepMs: number;
  /** Of answers to clients. */
  readonly clientPacker: Packer;
}

/** Whom a request came from, and by which number its answer names it. */
export interface NumberedOrigin {
  readonly connection: Session;
  readonly number: number;
  /** Has the key of the connection. */
  readonly packer: Packer;
}

/** From requests that were admitted to what has to be sent because of them. */
export function answers(
  part: StrictPart,
  schedulers: Schedulers,
  isMember: () => boolean,
): OperatorFunction<RequestFrom<NumberedOrigin>, Outgoing> {
  const { store, state, sweepMs } = part;
  return (request$): Observable<Outgoing> =>
    request$.pipe(
      replica<Session, NumberedOrigin>({ store, state, schedulers, isMember, sweepMs }),
      map(({ value: { origin, request }, result }) => {
        const { connection: session, number, packer } = origin;
        const due = session.responded(request);
        if (result === null) return due;
        const content = new OutgoingAnswer(packer, { number, range: request.range, answer: result });
        return [{ connection: session.connection, content }, ...due];
      }),
      mapEach((outgoing) => outgoing),
    );
}
