import test from 'ava';
import type { ProcessCounters } from '../../src/core/counters.js';
import { Cluster } from '../helpers/cluster.js';
import { HANG_MS } from '../helpers/hang.js';
import { inquire, untilStatus } from '../helpers/processStatus.js';
import { sectorNamed } from '../helpers/sectorValue.js';

const WRITES = 20;

test('processes tell what their operations have cost', async (t) => {
  const cluster = await Cluster.start(t, { processCount: 3 });
  for (const rank of cluster.ranks) {
    await untilStatus(cluster, rank, HANG_MS, ({ connected }) => connected.length === 2);
  }
  const look = async (rank: number): Promise<ProcessCounters> => {
    const { counters } = await inquire(cluster, rank);
    if (counters === undefined) throw new Error(`process ${rank} does not tell`);
    return counters;
  };
  const before = await Promise.all(cluster.ranks.map(look));
  const client = await cluster.client(1);
  for (let sector = 0; sector < WRITES; sector += 1) {
    await client.write(sector, sectorNamed(`value ${sector}`));
  }
  await client.destroy();
  const after = await Promise.all(cluster.ranks.map(look));
  const grown = (rank: number, name: keyof ProcessCounters): number => after[rank - 1][name] - before[rank - 1][name];
  t.log(after);

  // The first asks two others, and tells two others what to write; each answers at least once.
  t.true(grown(1, 'peerMessages') >= 4 * WRITES);
  t.true(grown(2, 'peerMessages') >= WRITES);
  t.true(grown(1, 'peerBytes') >= 2 * 4_096 * WRITES);
  // Only its client and the questions about itself were answered by it, and by the others these.
  t.is(grown(1, 'clientMessages'), WRITES + 1);
  t.is(grown(2, 'clientMessages'), 1);
  t.true(grown(1, 'peerWrites') > 0);
  t.true(grown(1, 'tagsMade') >= grown(1, 'clientMessages'));
  t.true(grown(1, 'tagsChecked') >= WRITES);
  // One after the other: none shares a flush.
  t.true(grown(1, 'dataFlushes') >= WRITES);
  t.true(grown(1, 'metadataFlushes') >= WRITES);
});
