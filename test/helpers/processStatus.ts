/**
 * What processes say of themselves when they are asked: STATUS, answered with JSON. Written from docs/wire-protocol.md
 * like bytes.ts; only the fields that tests look at are named.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessCounters } from '../../src/core/counters.js';
import type { Difference } from '../../src/core/membership/configuration.js';
import type { FoundingWait } from '../../src/core/membership/founding.js';
import type { Objection } from '../../src/core/membership/state.js';
import { HANG_MS } from './hang.js';
import type { RawClient } from './rawClient.js';

export interface ProcessStatus {
  readonly rank: number;
  readonly standing: 'fresh' | 'joining' | 'member';
  readonly incarnation: number;
  readonly waiting?: FoundingWait;
  readonly objections?: readonly Objection[];
  readonly differences?: readonly (Difference & { readonly rank: number })[];
  readonly start: string;
  readonly members?: 'open' | 'strict';
  readonly written: number;
  readonly damaged: number;
  readonly healed: number;
  readonly missed: Readonly<Record<string, number>>;
  readonly missedMore: boolean;
  readonly connected: readonly number[];
  readonly extended: readonly number[];
  readonly rebuild: {
    readonly taken: number;
    readonly total: number;
    readonly isEnough: boolean;
  } | null;
  readonly scrub: {
    readonly isRunning: boolean;
    readonly passes: number;
    readonly verified: number;
    readonly damaged: number;
    readonly behind: number;
    readonly ahead: number;
    readonly comparedWith: readonly number[];
  };
  readonly counters?: ProcessCounters;
}

/** Where processes can be reached: a cluster. */
export interface Reachable {
  client(rank: number): Promise<RawClient>;
}

const POLL_MS = 20;

/** Asks over a connection of its own. @throws if there is no good answer in time. */
export async function inquire(
  cluster: Reachable,
  rank: number,
  kind: 'STATUS' | 'SCRUB' = 'STATUS',
): Promise<ProcessStatus> {
  const client = await cluster.client(rank);
  try {
    return await inquireOf(client, kind);
  } finally {
    await client.destroy();
  }
}

async function inquireOf(client: RawClient, kind: 'STATUS' | 'SCRUB'): Promise<ProcessStatus> {
  const late = sleep(HANG_MS, null, { ref: false });
  const outcome = await Promise.race([client.inquire(kind), late]);
  if (outcome?.kind !== 'answered' || outcome.data === null) {
    throw new Error(`${kind} was not answered well: ${JSON.stringify(outcome)}`);
  }
  if (client.faults.length > 0) throw new Error(client.faults.join('\n'));
  const end = outcome.data.indexOf(0);
  const text = outcome.data.toString('utf8', 0, end === -1 ? undefined : end);
  return JSON.parse(text) as ProcessStatus;
}

/** Asks until the answer is as it should be. @throws with the last one, if that takes too long. */
export async function untilStatus(
  cluster: Reachable,
  rank: number,
  timeoutMs: number,
  isAsWanted: (status: ProcessStatus) => boolean,
): Promise<ProcessStatus> {
  const giveUpAt = performance.now() + timeoutMs;
  const client = await cluster.client(rank);
  try {
    for (;;) {
      const status = await inquireOf(client, 'STATUS');
      if (isAsWanted(status)) return status;
      if (performance.now() > giveUpAt) {
        throw new Error(`after ${timeoutMs} ms process ${rank} says ${JSON.stringify(status)}`);
      }
      await sleep(POLL_MS);
    }
  } finally {
    await client.destroy();
  }
}

/** Has a process look at all it has, and waits until it has. */
export async function scrub(cluster: Reachable, rank: number, timeoutMs: number): Promise<ProcessStatus> {
  const { passes } = (await inquire(cluster, rank, 'SCRUB')).scrub;
  return untilStatus(cluster, rank, timeoutMs, (status) => status.scrub.passes > passes && !status.scrub.isRunning);
}
