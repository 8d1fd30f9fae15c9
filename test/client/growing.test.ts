/** The disk is being grown: some processes have fewer sectors than others, or than the client. */
import test from 'ava';
import { SMALLER, TRIAL } from '../../src/client/clientDefaults.js';
import { SECTOR_NOWHERE } from '../../src/client/ping.js';
import type { VirtualClusterOptions } from './virtualCluster.js';
import { sectorOf, VirtualCluster } from './virtualCluster.js';

const GROWN: VirtualClusterOptions = { sectors: 200 };
/** Of the disks that have not been grown yet. */
const SMALL = 100;

/**
 * The processes answer what they have been asked over their newest connections and have not answered yet, until they
 * are asked nothing more; `small` those that have SMALL sectors.
 */
function answerAll(cluster: VirtualCluster, small: readonly number[]): void {
  for (let round = 0; round < 10; round += 1) {
    cluster.turn();
    for (const rank of [1, 2, 3]) {
      const connection = cluster.at(rank);
      const done = answered.get(connection) ?? 0;
      answered.set(connection, connection.requests.length);
      connection.requests.slice(done).forEach(({ sector }, index) => {
        const isSmall = small.includes(rank) && sector >= BigInt(SMALL);
        const isNowhere = sector === SECTOR_NOWHERE;
        const status = isSmall || isNowhere ? 'invalidSectorIndex' : 'ok';
        connection.answer(done + index, sectorOf(rank), status);
      });
    }
  }
}
const answered = new WeakMap<object, number>();

const kindsAt = (cluster: VirtualCluster, rank: number, sector: number): string[] =>
  cluster
    .requestsOf(sector)
    .filter((one) => one.rank === rank)
    .map(({ request }) => request.kind);

for (const [name, options] of [
  ['known', GROWN],
  ['not known', {}],
] as const) {
  test(`what a smaller process refuses goes to one that has it, the size being ${name}`, (t) => {
    const cluster = new VirtualCluster(options);
    const read = cluster.watch(cluster.client.read(150));
    const write = cluster.watch(cluster.client.write(151, sectorOf(9)));
    const update = cluster.watch(cluster.client.update(152, () => sectorOf(8)));
    answerAll(cluster, [1, 2]);
    t.deepEqual(read.seen, [sectorOf(3), '|']);
    t.deepEqual([write.seen, update.seen], [['|'], [sectorOf(8), '|']]);
    t.deepEqual(kindsAt(cluster, 3, 151), ['write']);
    t.deepEqual(kindsAt(cluster, 3, 152), ['read', 'write']);
  });
}

test('a smaller process is asked once, and for what it has as the others are', (t) => {
  const cluster = new VirtualCluster(GROWN);
  for (let sector = 150; sector < 153; sector += 1) cluster.watch(cluster.client.read(sector));
  answerAll(cluster, [1, 2]);
  const refusedBy = (rank: number): number => cluster.at(rank).requests.length;
  const before = [refusedBy(1), refusedBy(2)];
  for (let sector = 160; sector < 190; sector += 1) cluster.watch(cluster.client.read(sector));
  cluster.turn();
  t.deepEqual([refusedBy(1), refusedBy(2)], before, 'it would refuse again');
  for (let sector = 0; sector < 40; sector += 1) cluster.watch(cluster.client.read(sector));
  cluster.turn();
  t.true(refusedBy(1) > before[0] + 10 && refusedBy(2) > before[1] + 10);
});

test('what only one process has does not keep back what others have', (t) => {
  const cluster = new VirtualCluster({ ...GROWN, outstandingPerConnection: 2 });
  cluster.watch(cluster.client.read(150));
  answerAll(cluster, [1, 2]);
  const high = [151, 152, 153, 154].map((sector) => cluster.watch(cluster.client.read(sector)));
  const low = [1, 2, 3].map((sector) => cluster.watch(cluster.client.read(sector)));
  cluster.turn();
  t.is(cluster.at(3).requests.filter(({ sector }) => sector > 150n).length, 2);
  t.is([1, 2, 3].filter((sector) => cluster.requestsOf(sector).length === 1).length, 3);
  answerAll(cluster, [1, 2]);
  for (const { seen } of [...high, ...low]) t.is(seen.at(-1), '|');
});

test('without the size, what every process refuses fails; the next one is asked anew', (t) => {
  const cluster = new VirtualCluster();
  const read = cluster.watch(cluster.client.read(150));
  const write = cluster.watch(cluster.client.write(151, sectorOf(1)));
  answerAll(cluster, [1, 2, 3]);
  t.deepEqual(read.seen, ['ATDD_INVALID_SECTOR_INDEX']);
  t.deepEqual(write.seen, ['ATDD_INVALID_SECTOR_INDEX']);
  for (const rank of [1, 2, 3]) t.true(kindsAt(cluster, rank, 150).length > 0, String(rank));
  t.deepEqual(cluster.warnings, []);
  const again = cluster.watch(cluster.client.read(150));
  answerAll(cluster, []);
  t.is(again.seen.at(-1), '|');
});

test('with the size it waits, asks again after a pause, and tells now and then', (t) => {
  const cluster = new VirtualCluster(GROWN);
  const write = cluster.watch(cluster.client.write(150, sectorOf(1)));
  const read = cluster.watch(cluster.client.read(160));
  answerAll(cluster, [1, 2, 3]);
  const count = (): number => cluster.requestsOf(150).length;
  t.is(count(), 3);
  cluster.advance(SMALLER.askAgainMs - 1);
  t.is(count(), 3, 'not before the pause is over');
  for (let pauses = 0; pauses < SMALLER.logMs / SMALLER.askAgainMs + 1; pauses += 1) {
    cluster.advance(SMALLER.askAgainMs);
    answerAll(cluster, [1, 2, 3]);
  }
  t.deepEqual([write.seen, read.seen], [[], []]);
  t.true(count() > 3);
  const told = cluster.warnings.filter((text) => text.includes('process 2 has no sector 1'));
  t.is(told.length, 2, cluster.warnings.join('\n'));
  t.regex(told[0], /its disk is smaller than configured here .*"sectors":200/);
  cluster.advance(SMALLER.askAgainMs);
  answerAll(cluster, [2, 3]);
  t.deepEqual([write.seen, read.seen], [['|'], [sectorOf(1), '|']]);
  const countThen = count();
  cluster.advance(10 * SMALLER.askAgainMs);
  t.is(count(), countThen, 'nothing is asked any more');
});

test('a process that comes back is asked at once, also while it is on trial', (t) => {
  const cluster = new VirtualCluster(GROWN);
  const write = cluster.watch(cluster.client.write(150, sectorOf(1)));
  answerAll(cluster, [1, 2, 3]);
  cluster.at(2).endByProcess();
  cluster.advance(SMALLER.askAgainMs / 10);
  t.true(TRIAL.pauseMs * TRIAL.answers > SMALLER.askAgainMs / 10);
  answerAll(cluster, [1, 3]);
  t.deepEqual(write.seen, ['|']);
});

test('one that waits can be given up, and says why it waited; others of its sector follow', (t) => {
  const cluster = new VirtualCluster({ ...GROWN, timeouts: { operationMs: 5_000 } });
  const texts: string[] = [];
  const error = (failure: unknown): void => void texts.push((failure as Error).message);
  cluster.client.write(150, sectorOf(1)).subscribe({ error });
  cluster.client.read(151).subscribe({ error });
  const stopped = cluster.watch(cluster.client.write(152, sectorOf(1)));
  for (let ms = 0; ms < 5_000; ms += SMALLER.askAgainMs / 4) {
    answerAll(cluster, [1, 2, 3]);
    cluster.advance(SMALLER.askAgainMs / 4);
  }
  answerAll(cluster, [1, 2, 3]);
  const why = 'since no process that answers has that sector';
  t.deepEqual(texts, [
    `write of sector 150 was given up, ${why}: it has no effect`,
    `read of sector 151 was not answered, ${why}`,
  ]);
  stopped.stop();
  t.is(cluster.client.operationCount, 0);
  const next = cluster.watch(cluster.client.write(150, sectorOf(2)));
  answerAll(cluster, []);
  t.deepEqual(next.seen, ['|']);
});

test('of a hedged read one refusal decides nothing, nor does it count as a quick answer', (t) => {
  const cluster = new VirtualCluster({ ...GROWN, hedgesReads: true });
  const read = cluster.watch(cluster.client.read(150));
  cluster.advance(300);
  const [first, second] = cluster
    .requestsOf(150)
    .sort((a, b) => Number(a.request.requestNumber - b.request.requestNumber));
  cluster.at(second.rank).answer(second.position, undefined, 'invalidSectorIndex');
  cluster.advance(3_000);
  t.deepEqual([cluster.requestsOf(150).length, read.seen.length], [2, 0]);
  cluster.at(first.rank).answer(first.position, undefined, 'invalidSectorIndex');
  cluster.turn();
  const third = cluster.requestsOf(150).find(({ rank }) => ![first, second].some((one) => one.rank === rank));
  t.not(third, undefined, 'the one that is left is asked');
  cluster.at(third!.rank).answer(third!.position, sectorOf(5));
  t.deepEqual(read.seen, [sectorOf(5), '|']);
});

test('a WRITE that was lost elsewhere before it was refused may have taken effect', (t) => {
  const cluster = new VirtualCluster({ ...GROWN, timeouts: { operationMs: 2_500 } });
  const texts: string[] = [];
  cluster.client.write(150, sectorOf(1)).subscribe({
    error: (failure: unknown) => texts.push((failure as Error).message),
  });
  cluster.turn();
  const [{ rank }] = cluster.requestsOf(150);
  cluster.refusing.add(rank);
  cluster.at(rank).endByProcess();
  for (let ms = 0; ms < 2_500; ms += 100) {
    answerAll(
      cluster,
      [1, 2, 3].filter((one) => one !== rank),
    );
    cluster.advance(100);
  }
  t.is(texts.length, 1);
  t.regex(texts[0], /no process that answers has that sector: it may have taken effect/);
});
