/** What a process gets to do that was away. */
import test from 'ava';
import { TRIAL } from '../../src/client/clientDefaults.js';
import { SECTOR_NOWHERE } from '../../src/client/ping.js';
import { sectorOf, VirtualCluster } from './virtualCluster.js';

/** Operations that have arrived over the newest connection, without the questions of a trial. */
const workOf = (cluster: VirtualCluster, rank: number): number =>
  cluster.at(rank).requests.filter(({ sector }) => sector !== SECTOR_NOWHERE).length;

const refuse = (cluster: VirtualCluster, rank: number): void => {
  const { requests } = cluster.at(rank);
  cluster.at(rank).answer(requests.length - 1, undefined, 'invalidSectorIndex');
};

/** Processes 1 and 3 have answered; 2 was away and is back. */
function withReturned(): VirtualCluster {
  const cluster = new VirtualCluster();
  for (let sector = 0; sector < 3; sector += 1) cluster.watch(cluster.client.read(sector));
  cluster.turn();
  for (const rank of [1, 2, 3]) cluster.at(rank).answer(0);
  cluster.at(2).endByProcess();
  cluster.advance(100);
  return cluster;
}

const write = (cluster: VirtualCluster, from: number, count: number): void => {
  for (let sector = from; sector < from + count; sector += 1) {
    cluster.watch(cluster.client.write(sector, sectorOf(1)));
  }
  cluster.turn();
};

test('a process that was away gets no work before it has given some answers', (t) => {
  const cluster = withReturned();
  for (let answers = 0; answers < TRIAL.answers; answers += 1) {
    write(cluster, 10 + answers * 3, 3);
    t.is(workOf(cluster, 2), 0, `after ${answers}`);
    t.is(cluster.at(2).requests.length, answers + 1, 'one question at a time');
    refuse(cluster, 2);
    if (answers < TRIAL.answers - 1) cluster.advance(TRIAL.pauseMs);
  }
  write(cluster, 100, 3);
  t.is(workOf(cluster, 2), 3, 'then it is the one with the fewest outstanding');
});

test('one that does not answer stays on trial', (t) => {
  const cluster = withReturned();
  cluster.advance(TRIAL.pauseMs * TRIAL.answers * 2);
  write(cluster, 10, 3);
  t.is(workOf(cluster, 2), 0);
  t.is(cluster.at(2).requests.length, 1);
});

test('on trial it still does what nobody else can, before one that has never answered', (t) => {
  const cluster = withReturned();
  refuse(cluster, 2);
  for (const rank of [1, 3]) cluster.at(rank).endByProcess();
  cluster.advance(60);
  write(cluster, 10, 4);
  t.is(workOf(cluster, 2), 4);
  t.deepEqual([workOf(cluster, 1), workOf(cluster, 3)], [0, 0]);
});

test('a trial ends with its connection, and the next one begins anew', (t) => {
  const cluster = withReturned();
  for (let answers = 0; answers < TRIAL.answers - 1; answers += 1) {
    refuse(cluster, 2);
    cluster.advance(TRIAL.pauseMs);
  }
  cluster.at(2).endByProcess();
  cluster.advance(100);
  refuse(cluster, 2);
  cluster.advance(TRIAL.pauseMs);
  refuse(cluster, 2);
  write(cluster, 10, 3);
  t.is(workOf(cluster, 2), 0);
});

test('a client that knows one process only does not wait for its trial', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  cluster.at(1).endByProcess();
  cluster.advance(100);
  write(cluster, 0, 2);
  t.is(workOf(cluster, 1), 2);
  t.is(cluster.at(1).requests.length, 2);
});
