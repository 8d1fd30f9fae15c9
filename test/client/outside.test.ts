/** Processes that say they are no members: they get work only if there is nobody else. */
import test from 'ava';
import { BOOT_PAUSE_MS } from '../../src/client/clientDefaults.js';
import { sectorOf, VirtualCluster } from './virtualCluster.js';

function tell(cluster: VirtualCluster, rank: number, standing: string): void {
  const { inquiries } = cluster.at(rank);
  cluster.at(rank).report(inquiries.length - 1, JSON.stringify({ rank, start: 'a', standing }));
}

const writes = (cluster: VirtualCluster, from: number): number[] => {
  for (let sector = from; sector < from + 6; sector += 1) {
    cluster.watch(cluster.client.write(sector, sectorOf(1)));
  }
  cluster.turn();
  return [1, 2, 3].map(
    (rank) =>
      cluster.at(rank).requests.filter(({ sector }) => sector >= BigInt(from) && sector < BigInt(from + 6)).length,
  );
};

test('fresh and joining processes get no work while another is a member, or does not tell', (t) => {
  for (const other of ['member', null]) {
    const cluster = new VirtualCluster();
    cluster.turn();
    tell(cluster, 1, 'fresh');
    tell(cluster, 2, 'joining');
    if (other !== null) tell(cluster, 3, other);
    t.deepEqual(writes(cluster, 0), [0, 0, 6], String(other));
  }
});

test('once it is a member it is one like the others', (t) => {
  const cluster = new VirtualCluster();
  cluster.turn();
  for (const rank of [1, 2]) tell(cluster, rank, 'member');
  tell(cluster, 3, 'fresh');
  t.deepEqual(writes(cluster, 0), [3, 3, 0]);
  cluster.advance(BOOT_PAUSE_MS);
  tell(cluster, 3, 'member');
  t.deepEqual(writes(cluster, 100)[2], 4);
});

test('with nobody else they are asked', (t) => {
  const cluster = new VirtualCluster();
  cluster.turn();
  for (const rank of [1, 2, 3]) tell(cluster, rank, 'joining');
  t.deepEqual(writes(cluster, 0), [2, 2, 2]);
});
