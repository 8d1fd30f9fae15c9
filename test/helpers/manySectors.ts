/** Many sectors written, and read again, over a connection to each of some processes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from './cluster.js';
import { HANG_MS } from './hang.js';
import type { Outcome, RawClient } from './rawClient.js';
import { nameOf, sectorNamed } from './sectorValue.js';

/** Operations under way on each connection. */
const LANES = 32;

/** Each goes to one of the processes. @returns what went wrong. */
export function writeSectors(
  cluster: Cluster,
  ranks: readonly number[],
  sectors: readonly number[],
  by: string,
): Promise<string[]> {
  const shares = ranks.map((_, index) => sectors.filter((_s, at) => at % ranks.length === index));
  return onEach(cluster, ranks, shares, async (client, sector) => {
    const outcome = await client.write(sector, sectorNamed(`${by} ${sector}`));
    const isGood = outcome.kind === 'answered' && outcome.status === 'Ok';
    return isGood ? null : JSON.stringify(outcome);
  });
}

/** Each is read through every one of the processes. @returns what went wrong. */
export function readSectors(
  cluster: Cluster,
  ranks: readonly number[],
  sectors: readonly number[],
  by: string,
): Promise<string[]> {
  const shares = ranks.map(() => sectors);
  return onEach(cluster, ranks, shares, async (client, sector) => {
    const found = nameIn(await client.read(sector));
    return found === `${by} ${sector}` ? null : `found ${found}, expected ${by} ${sector}`;
  });
}

function nameIn(outcome: Outcome): string | null {
  if (outcome.kind === 'unknown') return 'no answer';
  return outcome.data === null ? outcome.status : nameOf(outcome.data);
}

async function onEach(
  cluster: Cluster,
  ranks: readonly number[],
  shares: readonly (readonly number[])[],
  work: (client: RawClient, sector: number) => Promise<string | null>,
): Promise<string[]> {
  const faults: string[] = [];
  const onOne = async (rank: number, sectors: readonly number[]): Promise<void> => {
    const client = await cluster.client(rank);
    const rest = sectors.values();
    const lane = async (): Promise<void> => {
      for (const sector of rest) {
        const late = sleep(HANG_MS, 'no answer in time', { ref: false });
        const fault = await Promise.race([work(client, sector), late]);
        if (fault !== null) faults.push(`sector ${sector} at process ${rank}: ${fault}`);
        if (fault === 'no answer in time') return;
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    await client.destroy();
    faults.push(...client.faults);
  };
  await Promise.all(ranks.map((rank, index) => onOne(rank, shares[index])));
  return faults;
}
