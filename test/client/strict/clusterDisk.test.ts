/** A client that learns the mode of its cluster, in virtual time. */
import test from 'ava';
import type { PlayedMode } from './playedCluster.js';
import { PlayedCluster } from './playedCluster.js';

const sectorOf = (fill: number): Uint8Array => new Uint8Array(4_096).fill(fill);

function written(modes: readonly PlayedMode[]) {
  const cluster = new PlayedCluster(modes);
  const write = cluster.watch(cluster.disk.write(3, sectorOf(1)));
  const read = cluster.watch(cluster.disk.read(3));
  return { cluster, write, read };
}

const requestCounts = ({ processes }: PlayedCluster) => processes.map(({ requestCount }) => requestCount);
const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b);

test('a strict cluster is spoken to over one connection each, by PACK alone', (t) => {
  const { cluster, write, read } = written(['strict', 'strict', 'strict']);
  t.is(cluster.disk.operationCount, 2, 'they wait for the mode');
  cluster.advance(100);
  t.deepEqual([write, read], [['|'], [sectorOf(1), '|']]);
  t.deepEqual(requestCounts(cluster), [0, 0, 0]);
  t.true(cluster.processes.every(({ packCount, connections }) => packCount > 0 && connections.length === 1));
  const { answers, readsSent, writesSent } = cluster.disk.counters;
  t.deepEqual([answers, readsSent, writesSent, cluster.disk.operationCount], [2, 2, 3, 0]);
  const ping = cluster.watch(cluster.disk.ping(2, 1_000));
  cluster.advance(10);
  t.deepEqual(ping, [0, '|']);
});

test('an open cluster, and one of foreign processes, are spoken to by READ and WRITE', (t) => {
  for (const mode of ['open', 'foreign'] as const) {
    const { cluster, write, read } = written([mode, mode, mode]);
    cluster.advance(mode === 'open' ? 100 : 1_500);
    t.deepEqual([write, read], [['|'], [sectorOf(1), '|']], mode);
    t.is(sum(requestCounts(cluster)), 2);
    t.true(cluster.processes.every(({ packCount }) => packCount === 0));
    const update = cluster.watch(cluster.disk.update(3, (current) => current.map((byte) => byte + 1)));
    const range = cluster.watch(cluster.disk.readSectors(2, 3));
    cluster.advance(10);
    t.deepEqual(update, [sectorOf(2), '|']);
    t.is((range[0] as Uint8Array).length, 3 * 4_096);
    const zeros = cluster.watch(cluster.disk.writeSectors(2, 3, 'zeros'));
    cluster.advance(10);
    t.deepEqual(zeros, ['|']);
    const cleared = cluster.watch(cluster.disk.read(3));
    cluster.advance(10);
    t.deepEqual(cleared, [sectorOf(0), '|']);
  }
});

test('one strict process of three decides nothing, two do, and a silent one is not waited for', (t) => {
  const one = written(['strict', 'silent', 'silent']);
  one.cluster.advance(60_000);
  t.deepEqual([one.write, one.read], [[], []]);
  const open = written(['strict', 'open', 'open']);
  open.cluster.advance(1_000);
  t.is(open.cluster.processes[0].packCount, 0);
  t.true(sum(requestCounts(open.cluster)) > 0);
  const two = written(['silent', 'strict', 'strict']);
  two.cluster.advance(1_000);
  t.deepEqual(two.write, ['|']);
  t.is(sum(requestCounts(two.cluster)), 0);
});

test('a cluster that goes over to the strict mode: what is under way is over first', (t) => {
  const cluster = new PlayedCluster(['open', 'open', 'open']);
  cluster.advance(100);
  for (const process of cluster.processes) process.isHolding = true;
  const before = cluster.watch(cluster.disk.write(3, sectorOf(1)));
  cluster.advance(10);
  const [holder] = cluster.processes.filter(({ held }) => held.length > 0);
  for (const process of cluster.processes) if (process !== holder) process.restart('strict');
  cluster.advance(1_000);
  const after = cluster.watch(cluster.disk.write(4, sectorOf(2)));
  cluster.advance(1_000);
  t.deepEqual([before, after, cluster.disk.operationCount], [[], [], 2]);
  for (const answer of holder.held) answer();
  cluster.advance(100);
  t.deepEqual([before, after, cluster.disk.operationCount], [['|'], ['|'], 0]);
  t.is(sum(requestCounts(cluster)), 1);
  t.true(cluster.warnings.includes('the cluster has gone over to the strict mode'));
  holder.restart('strict');
  cluster.advance(1_000);
  t.deepEqual(
    cluster.processes.map(({ connections }) => connections.length),
    [1, 1, 1],
    'those of the open mode are gone',
  );
});

test('operations that wait for the mode time out, and end with the client', (t) => {
  const cluster = new PlayedCluster(['silent', 'silent', 'silent'], { timeouts: { operationMs: 500 } as never });
  const late = cluster.watch(cluster.disk.write(3, sectorOf(1)));
  cluster.advance(499);
  t.deepEqual(late, []);
  cluster.advance(1);
  t.deepEqual(late, ['ATDD_TIMEOUT', 'write of sector 3: it was given up before it was sent: it has no effect']);
  const waiting = cluster.watch(cluster.disk.read(3));
  const closed = cluster.watch(cluster.disk.close());
  cluster.advance(0);
  t.is(waiting[0], 'ATDD_CLIENT_CLOSED');
  const later = cluster.watch(cluster.disk.read(3));
  t.is(later[0], 'ATDD_CLIENT_CLOSED');
  cluster.advance(1_500);
  t.deepEqual([closed, cluster.hasStopped, cluster.disk.operationCount], [['|'], true, 0]);
});

test('a strict cluster of which most are gone: operations time out, and end with the client', (t) => {
  const cluster = new PlayedCluster(['strict', 'strict', 'strict'], { timeouts: { operationMs: 500 } as never });
  cluster.advance(100);
  for (const rank of [1, 2]) {
    cluster.refusing.add(rank);
    cluster.processes[rank - 1].restart('strict');
  }
  cluster.advance(10);
  const late = cluster.watch(cluster.disk.read(3));
  cluster.advance(500);
  t.deepEqual(late, ['ATDD_TIMEOUT', 'read of sector 3 was not answered']);
  const write = cluster.watch(cluster.disk.write(3, sectorOf(1)));
  const ping = cluster.watch(cluster.disk.ping(1, 300));
  cluster.advance(310);
  t.deepEqual(ping, ['ATDD_TIMEOUT', 'process 1 did not answer within 300 ms: refused']);
  cluster.watch(cluster.disk.close());
  cluster.advance(1_500);
  t.is(write[0], 'ATDD_CLIENT_CLOSED');
  t.true(cluster.hasStopped);
});

test('without a size of the disk, sectors that no process has are refused', (t) => {
  const cluster = new PlayedCluster(['strict', 'strict', 'strict']);
  cluster.advance(100);
  const beyond = cluster.watch(cluster.disk.read(1_000));
  cluster.advance(10);
  t.is(beyond[0], 'ATDD_INVALID_SECTOR_INDEX');
});
