/** What a simulated replica runs. */
import type { ReplicaAnswer, ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import type { StrictStamp } from '../../../src/core/strict/version.js';
import type { SectorIndex } from '../../../src/core/sector.js';

export interface ReplicaProgram {
  handle(connection: object, request: ReplicaRequest, answer: (answer: ReplicaAnswer) => void): void;
  /** The connection is gone: what its coordinators have not concluded, they do not conclude any more over it. */
  ended(connection: object): void;
  /** For what others list of it (E2). */
  promisedOf(sector: SectorIndex): StrictStamp;
}

/** The notes of a replica that the simulation looks into. */
export const NOTE_LIMIT = 'strict-limit';
export const NOTE_ACTIVE = 'strict-active-';
