import type { Observable } from 'rxjs';
import type { Rank } from '../core/rank.js';
import type { Incarnations, ReplicaAnswer, ReplicaRequest } from '../core/strict/replicaMessage.js';

/** An answer as it came in. */
export interface ReceivedAnswer {
  /** The number of the request, as `send` has returned it. */
  readonly request: number;
  readonly answer: ReplicaAnswer;
  /** What the replica knows of the incarnations of all, its own included (E4). */
  readonly incarnations: Incarnations;
}

/**
 * A replica as a coordinator sees it: over a connection of a client, over one of a process, or in the same process.
 * Answers come in any order. What was sent before the connection broke may have been handled or not; it is not sent
 * again by the port, and its answer never comes.
 */
export interface ReplicaPort {
  readonly rank: Rank;
  /** Whether requests can be sent: emits at once and at each change. After `false`, no answer to earlier ones comes. */
  readonly isUp$: Observable<boolean>;
  readonly answer$: Observable<ReceivedAnswer>;
  /** Bytes that were sent and that the system has not taken yet. */
  readonly bufferedBytes: number;
  /**
   * Sends at the end of the turn, together with what else the turn has for that replica.
   * Must be called only while the port is up.
   * @returns a number that names the request among those of this port. null: the replica does not have the sectors yet,
   *   because its disk is being grown. So the request is not sent, and no answer comes.
   */
  send(request: ReplicaRequest): number | null;
}
