/** The replica that ships (streams/pipelines/replica), as the program of a simulated machine. */
import { Subject } from 'rxjs';
import type { Rank } from '../../../src/core/rank.js';
import type { SectorIndex } from '../../../src/core/sector.js';
import type { ReplicaAnswer, ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import type { StrictStamp } from '../../../src/core/strict/version.js';
import type { Notes } from '../../../src/ports/notes.js';
import type { Schedulers } from '../../../src/ports/schedulers.js';
import type { StrictStore } from '../../../src/ports/strictStore.js';
import { replica, type RequestOrigin } from '../../../streams/pipelines/replica/replica.js';
import { newReplicaState, type ReplicaState } from '../../../streams/pipelines/replica/replicaState.js';
import type { RequestFrom } from '../../../streams/replicaRegisters.js';
import type { ReplicaProgram } from './replicaProgram.js';

/** Few, so that promises of single sectors become floors. */
const LIMITS = { activeRegions: 4, promises: 12 };
const SWEEP_MS = 200;

export interface StreamReplicaOptions {
  readonly self: Rank;
  readonly sectors: number;
  readonly store: StrictStore;
  readonly notes: Notes;
  readonly schedulers: Schedulers;
  readonly isMember: () => boolean;
  /** The program ends: a broken invariant, or a failed disk. */
  readonly failed: (error: unknown) => void;
}

interface Origin extends RequestOrigin<object> {
  readonly answer: (answer: ReplicaAnswer) => void;
}

export class StreamReplica implements ReplicaProgram {
  private readonly request$ = new Subject<RequestFrom<Origin>>();
  private readonly state: ReplicaState<object>;

  constructor(private readonly options: StreamReplicaOptions) {
    const { self, sectors, store, notes, schedulers, isMember, failed } = options;
    const state = newReplicaState<object>({ self, sectors, store, notes, schedulers, limits: LIMITS });
    this.state = state;
    this.request$.pipe(replica<object, Origin>({ store, schedulers, state, isMember, sweepMs: SWEEP_MS })).subscribe({
      next: ({ value, result }) => {
        if (result !== null) value.origin.answer(result);
      },
      error: failed,
    });
  }

  handle(connection: object, request: ReplicaRequest, answer: (answer: ReplicaAnswer) => void): void {
    this.request$.next({ origin: { connection, answer }, request });
  }

  ended(connection: object): void {
    this.state.coordinators.gone(connection);
  }

  promisedOf(sector: SectorIndex): StrictStamp {
    return this.state.promises.promisedOf(sector, this.options.store.versionOf(sector).stamp);
  }
}
