/** From the configuration to the options of a process, or of one of its workers. */
import * as limits from '../../config/limits.js';
import type { ProcessConfig } from '../../config/load.js';
import type { Shard } from '../core/shard.js';
import { addressesDigest } from '../shell/addressesDigest.js';
import type { ProcessOptions } from '../startProcess.js';
import { createTagger } from '../wire/tag.js';
import type { RouteOptions } from '../workers/workerGroup.js';

/** The circumstances of a start, which are not in the configuration. */
export interface StartState {
  /** Whether an operator vouches that there is no cluster yet. */
  readonly isFounder: boolean;
  /** Whether it has been a member with this storage before: see src/shell/storageMarker.ts. */
  readonly wasInUse: boolean;
}

/** The fields of the configuration from which the options are made. */
export type RunConfig = Pick<
  ProcessConfig,
  'rank' | 'processes' | 'sectors' | 'members' | 'clientKey' | 'systemKey' | 'isExtended' | 'limits' | 'timeouts'
>;

/**
 * @param shard The shard of the worker that the options are for; null: the process has no workers. Limits that hold for
 *   the whole process are divided among its workers.
 */
export function startOptions(config: RunConfig, shard: Shard | null, state: StartState): ProcessOptions {
  const part = (whole: number): number => Math.ceil(whole / (shard?.count ?? 1));
  /** A worker's part of a limit, but at least WORKER_SHARE_MIN, or the whole limit if that is less. */
  const share = (whole: number): number => Math.min(whole, Math.max(limits.WORKER_SHARE_MIN, part(whole)));
  return {
    rank: config.rank,
    processCount: config.processes.length,
    sectors: config.sectors,
    shard,
    clientKey: config.clientKey,
    systemKey: config.systemKey,
    addresses: addressesDigest(config.processes),
    ...state,
    isExtended: config.isExtended,
    mode: config.members,
    strictLimits: limits.STRICT_LIMITS,
    limits: {
      operations: share(config.limits.operations),
      operationsPerConnection: config.limits.operationsPerConnection,
      processMessagesPerConnection: share(limits.PROCESS_MESSAGES_PER_CONNECTION),
      clientBufferBytes: share(limits.CLIENT_BUFFER_BYTES),
      linkBufferBytes: share(limits.LINK_BUFFER_BYTES),
      linkReplies: share(limits.LINK_REPLIES_WAITING),
      stripes: limits.STRIPES,
      missedChunks: share(limits.MISSED_CHUNKS),
    },
    repair: {
      ...limits.REPAIR_LIMITS,
      lanesBusy: part(limits.REPAIR_LIMITS.lanesBusy),
      lanesIdle: part(limits.REPAIR_LIMITS.lanesIdle),
      scrubSectorsPerSecond: part(config.limits.scrubSectorsPerSecond),
    },
    timeouts: {
      shutdownMs: config.timeouts.shutdownMs,
      retransmitMs: config.timeouts.retransmitMs,
      retransmitMsMax: config.timeouts.retransmitMsMax,
      reconnectMs: config.timeouts.reconnectMs,
      reconnectMsMax: config.timeouts.reconnectMsMax,
      badTagPenaltyMs: limits.BAD_TAG_PENALTY_MS,
      fullRetryMs: limits.FULL_RETRY_MS,
      linkSilentMs: limits.LINK_SILENT_MS,
      // The threads of several processes that start together need longer.
      graceMs: limits.GRACE_MS * (1 + (shard?.count ?? 0)),
      fetchMs: limits.FETCH_MS,
    },
  };
}

/** The options of the main thread of a process with workers. */
export function routeOptions(config: RunConfig): Omit<RouteOptions, 'trust' | 'turn'> {
  return {
    rank: config.rank,
    processCount: config.processes.length,
    clientTagger: createTagger(config.clientKey),
    systemTagger: createTagger(config.systemKey),
    windowBytes: limits.ROUTER_WINDOW_BYTES,
    clientBufferBytes: limits.CLIENT_BUFFER_BYTES,
    inquiriesPerConnection: limits.INQUIRIES_PER_CONNECTION,
  };
}
