/** How far a stamp may be above all that a replica knows, so that no coordinator uses up the counters. Pure. */
import type { ReplicaRequest } from './replicaMessage.js';

/**
 * Coordinators count one by one, and leap over some millions at most after a pause. So only a coordinator that has met
 * others for years may be so far above a replica, and one that is mad.
 */
export const COUNTER_AHEAD_MAX = 1n << 40n;

/**
 * @param highest the highest counter that the replica knows: of the store, of promises, and of its limit at the start.
 * @returns why the request must not be believed; null: it may.
 */
export function tooFarAhead(request: ReplicaRequest, highest: bigint): string | null {
  if (request.kind === 'query' || request.kind === 'list') return null;
  const { counter } = request.stamp;
  if (counter - highest <= COUNTER_AHEAD_MAX) return null;
  return `the counter ${counter} of a stamp is more than ${COUNTER_AHEAD_MAX} above ${highest}, the highest known`;
}
