/** A scrub of a process of the strict mode. */
import test from 'ava';
import { REGION_SECTORS } from '../../src/core/strict/range.js';
import { StrictCluster } from './strictCluster.js';
import { dataOf, strictStamp } from './strictFakes.js';

const SECTORS = [0, 1, 300, 2_999];

function written(): StrictCluster {
  const cluster = new StrictCluster();
  const client = cluster.client(1);
  for (const sector of SECTORS) client.write(sector, sector, 7);
  cluster.pass(10_000);
  return cluster;
}

test('a scrub reads all copies, and has damaged ones healed', (t) => {
  const cluster = written();
  const { store } = cluster.host(2);
  store.damaged.add(300);
  cluster.host(2).running?.inquire('scrub');
  cluster.pass(60_000);
  t.like(cluster.status(2).scrub, {
    isRunning: false,
    passes: 1,
    verified: SECTORS.length,
    damaged: 1,
    behind: 0,
    ahead: 0,
    comparedWith: [1, 3],
  });
  t.deepEqual([...store.damaged], []);
  t.deepEqual(cluster.values(300), [7, 7, 7]);
  t.is(cluster.status(2).healed, 1);
  t.deepEqual(cluster.failures, []);
});

test('a scrub finds versions that are on no record, and has them settled', (t) => {
  const cluster = written();
  // A copy that is older than it should be, and one that nobody else has.
  const stamp = strictStamp(1_000);
  cluster.host(3).store.copies.delete(1);
  cluster.host(1).store.copies.set(2_999, { stamp, origin: stamp, data: dataOf(9) });
  cluster.host(2).running?.inquire('scrub');
  cluster.pass(60_000);
  t.like(cluster.status(2).scrub, { passes: 1, verified: SECTORS.length, damaged: 0, behind: 1, ahead: 1 });
  for (const sector of SECTORS) t.is(new Set(cluster.stamps(sector)).size, 1, `sector ${sector}`);
  t.deepEqual(cluster.values(1), [7, 7, 7]);
  t.deepEqual(cluster.failures, []);
});

test('a member that is down stops nobody, however many regions are written; what it lacks is found later', (t) => {
  const regions = 20;
  const cluster = new StrictCluster({ sectors: regions * REGION_SECTORS, activeRegions: 4 });
  cluster.crash(3);
  const client = cluster.client(1);
  for (let region = 0; region < regions; region += 1) client.write(region, region * REGION_SECTORS, 7);
  cluster.pass(10_000);
  t.is(client.answers.length, regions);
  t.true(cluster.status(1).missedMore);
  // What was forgotten is known after a restart, too.
  cluster.crash(1);
  cluster.start(1);
  cluster.pass(10_000);
  t.true(cluster.status(1).missedMore);

  cluster.start(3);
  cluster.pass(60_000);
  for (let region = 0; region < regions; region += 1) {
    if (cluster.values(region * REGION_SECTORS).some((value) => value !== 7)) t.fail(`region ${region}`);
  }
  for (const rank of [1, 2, 3]) t.false(cluster.status(rank).missedMore, `process ${rank}`);
  t.deepEqual(cluster.failures, []);
});
