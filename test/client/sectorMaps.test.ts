/** What the client makes of maps: of whom it asks them, and what it believes. */
import test from 'ava';
import type { SectorMap, ToldRun } from '../../src/core/sectorMap.js';
import { STRICT_STAMP_INITIAL } from '../../src/core/strict/version.js';
import { serializeReport } from '../../src/wire/inquiryMessages.js';
import { encodeSectorMap } from '../../src/wire/sectorMapPage.js';
import { createTagger } from '../../src/wire/tag.js';
import { VirtualCluster } from './virtualCluster.js';

const tagger = createTagger(Buffer.alloc(32, 7));
const DISKS = [1, 2, 3].map((mark) => ({ incarnation: 0, mark }));
const EMPTY_RUN: ToldRun = { sectors: 1_000, zeros: STRICT_STAMP_INITIAL };

/** Those processes say that they tell maps. */
function clusterWith(...ranks: number[]): VirtualCluster {
  const cluster = new VirtualCluster();
  cluster.turn();
  for (const rank of ranks) tellOf(cluster, rank);
  return cluster;
}

function tellOf(cluster: VirtualCluster, rank: number): void {
  const report = { rank, start: 'ab', standing: 'member', maps: true };
  cluster.at(rank).report(0, JSON.stringify(report));
}

/** Numbers of the maps that were asked of that process. */
function asked(cluster: VirtualCluster, rank: number): bigint[] {
  const { inquiries } = cluster.at(rank);
  return inquiries.filter(({ inquiry }) => inquiry === 'map').map((one) => one.requestNumber);
}

function tell(cluster: VirtualCluster, rank: number, changes: Partial<SectorMap> = {}): void {
  const map = { rank, disks: DISKS, from: 0, runs: [EMPTY_RUN], ...changes };
  const number = asked(cluster, rank).at(-1) ?? 0n;
  cluster.at(rank).say(serializeReport('map', number, encodeSectorMap(map, 'open'), tagger));
}

const ZEROS = [{ sectors: 100, kind: 'zeros' }] as const;

test('what a majority of those that tell says is emitted, without waiting for the rest', (t) => {
  const cluster = clusterWith(1, 2, 3);
  const watched = cluster.watch(cluster.client.map(0, 100));
  cluster.turn();
  tell(cluster, 3);
  t.deepEqual(watched.seen, []);
  tell(cluster, 1);
  t.deepEqual(watched.seen, [ZEROS, '|']);
  // The late one is nobody's any more.
  tell(cluster, 2);
  t.deepEqual(watched.seen, [ZEROS, '|']);
});

test('processes that do not say so are not asked, and nothing is waited for', (t) => {
  const nobody = clusterWith();
  const watched = nobody.watch(nobody.client.map(0, 100));
  t.deepEqual(watched.seen, [[], '|']);
  const one = clusterWith(2);
  const few = one.watch(one.client.map(0, 100));
  one.turn();
  t.deepEqual(
    [1, 2, 3].map((rank) => asked(one, rank).length),
    [0, 1, 0],
  );
  tell(one, 2);
  t.deepEqual(few.seen, [[], '|']);
});

test('who is silent, gone, or has no vote is done without', (t) => {
  const cluster = clusterWith(1, 2, 3);
  const silent = cluster.watch(cluster.client.map(0, 100));
  cluster.turn();
  tell(cluster, 1);
  cluster.advance(999);
  t.deepEqual(silent.seen, []);
  cluster.advance(1);
  t.deepEqual(silent.seen, [[], '|']);
  const gone = cluster.watch(cluster.client.map(0, 100));
  cluster.turn();
  tell(cluster, 1, { runs: [] });
  cluster.at(2).endByProcess();
  t.deepEqual(gone.seen, []);
  tell(cluster, 3);
  t.deepEqual(gone.seen, [[], '|']);
});

test('answers of another rank, or to another question, do not count', (t) => {
  const cluster = clusterWith(1, 2, 3);
  const watched = cluster.watch(cluster.client.map(0, 100));
  cluster.turn();
  tell(cluster, 1);
  tell(cluster, 2, { rank: 3 });
  tell(cluster, 3, { from: 1 });
  t.deepEqual(watched.seen, [[], '|']);
});

test('a disk that another process knows to be lost is not believed', (t) => {
  const cluster = clusterWith(1, 2, 3);
  const watched = cluster.watch(cluster.client.map(0, 100));
  cluster.turn();
  tell(cluster, 1);
  tell(cluster, 2, { disks: [{ incarnation: 1, mark: 9 }, ...DISKS.slice(1)] });
  t.deepEqual(watched.seen, []);
  tell(cluster, 3);
  t.deepEqual(watched.seen, [[], '|']);
});

test('of a sector with an operation, given up or not, nothing is known', (t) => {
  const cluster = clusterWith(1, 2, 3);
  const given = cluster.watch(cluster.client.write(7, Buffer.alloc(4_096, 1)));
  cluster.watch(cluster.client.read(9));
  cluster.turn();
  given.stop();
  const watched = cluster.watch(cluster.client.map(0, 100));
  // What begins later is beside it, as a write beside a read.
  cluster.watch(cluster.client.write(20, Buffer.alloc(4_096, 1)));
  cluster.turn();
  tell(cluster, 1);
  tell(cluster, 2);
  t.deepEqual(watched.seen, [
    [
      { sectors: 7, kind: 'zeros' },
      { sectors: 1, kind: 'unknown' },
      { sectors: 1, kind: 'zeros' },
      { sectors: 1, kind: 'unknown' },
      { sectors: 90, kind: 'zeros' },
    ],
    '|',
  ]);
});
