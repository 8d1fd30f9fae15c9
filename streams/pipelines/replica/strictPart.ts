/** What a process of the strict mode has besides, and how its replica is joined to those that ask it. */
import type { Observable, OperatorFunction } from 'rxjs';
import { map } from 'rxjs';
import type { Rank } from '../../../src/core/rank.js';
import type { Coordinator } from '../../../src/coordinator/coordinator.js';
import type { Schedulers } from '../../../src/ports/schedulers.js';
import type { StrictStore } from '../../../src/ports/strictStore.js';
import type { Packer } from '../../../src/wire/strict/pack.js';
import { mapEach } from '../../mapEach.js';
import type { RequestFrom } from '../../replicaRegisters.js';
import type { Outgoing } from '../../writeTogether.js';
import type { Asker } from './asker.js';
import type { OwnPort } from './ownPort.js';
import type { PeerPort } from './peerPort.js';
import { replica } from './replica.js';
import type { ReplicaState } from './replicaState.js';
import type { StrictLimits } from './strictLimits.js';

export interface StrictPart {
  readonly store: StrictStore;
  readonly state: ReplicaState<object>;
  readonly limits: StrictLimits;
  /** Of answers to clients. */
  readonly clientPacker: Packer;
  /** Of answers to processes. */
  readonly systemPacker: Packer;
  readonly ownPort: OwnPort;
  readonly peerPorts: ReadonlyMap<Rank, PeerPort>;
  /** Sectors have been brought to one settled version by this process, on its own account. */
  readonly healed: (count: number) => void;
  /** Over these ports. */
  readonly coordinator: Coordinator;
}

/** From requests that were admitted to what has to be sent because of them. */
export function answers(
  { store, state, limits: { sweepMs } }: Pick<StrictPart, 'store' | 'state' | 'limits'>,
  schedulers: Schedulers,
  isMember: () => boolean,
): OperatorFunction<RequestFrom<Asker>, Outgoing> {
  return (request$): Observable<Outgoing> =>
    request$.pipe(
      replica<object, Asker>({ store, state, schedulers, isMember, sweepMs }),
      map(({ value: { origin, request }, result }) => origin.answered(result, request)),
      mapEach((outgoing) => outgoing),
    );
}
