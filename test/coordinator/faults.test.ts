/** Replicas that are silent, slow, away or without their disk; users that do not wait; and the end. */
import test from 'ava';
import type { AtomicDiskError } from '../../src/errors.js';
import { MemoryCluster } from './memoryCluster.js';
import { namesIn, sectorNamed } from './values.js';
import { namesRead, watch } from './watch.js';

const one = (first: number) => ({ first, count: 1 });
const codeOf = (end: unknown): unknown => (end as AtomicDiskError | null | undefined)?.code;

test('a silent replica holds no operation for longer than one delay, and soon none at all', (t) => {
  const cluster = new MemoryCluster({ seed: 2 });
  const client = cluster.addClient();
  const { coordinator, dice, actor } = client;
  const durations: number[] = [];
  /** When those under way have begun. */
  const underWay = new Set<{ readonly begunMs: number }>();
  let isOver = false;
  const loop = (): void => {
    const operation = { begunMs: cluster.nowMs };
    underWay.add(operation);
    const range = one(dice.below(100));
    const operation$ = dice.chance(50) ? coordinator.readRange(range) : coordinator.writeRange(range, sectorNamed('x'));
    operation$.subscribe({
      complete: () => {
        underWay.delete(operation);
        durations.push(cluster.nowMs - operation.begunMs);
        if (!isOver) cluster.world.schedule(actor, 0, loop);
      },
    });
  };
  for (let depth = 0; depth < 4; depth += 1) loop();
  cluster.advance(150);
  durations.length = 0;
  for (const host of cluster.hosts) {
    cluster.silence(host);
    cluster.advance(150);
    // Those that were waiting for it, and those that came before the delay showed that it is silent.
    const waited = Array.from(underWay, ({ begunMs }) => cluster.nowMs - begunMs);
    const longest = Math.max(...durations, ...waited);
    t.true(longest < 60, `process ${host.replica.rank}: an operation took ${longest} ms`);
    const late = durations.filter((ms) => ms > 15).length;
    t.true(late < durations.length / 20, `process ${host.replica.rank}: ${late} of ${durations.length} were late`);
    cluster.wake(host);
    cluster.advance(150);
    durations.length = 0;
  }
  isOver = true;
});

test('nothing more is queued for a replica that is behind, and it takes part again when it has caught up', (t) => {
  const cluster = new MemoryCluster({ seed: 3 });
  const client = cluster.addClient({ unanswered: 20, concluding: 10 });
  const { coordinator, ports } = client;
  cluster.silence(cluster.host(3));
  let [done, most] = [0, 0];
  for (let index = 0; index < 200; index += 1) {
    watch(coordinator.writeRange(one(index), sectorNamed(`w${index}`)));
    cluster.advance(20, () => coordinator.stats.running === 0);
    done += 1;
    most = Math.max(most, coordinator.stats.unanswered[2]);
    t.true(coordinator.stats.concluding <= 10);
  }
  t.is(done, 200);
  // One step may ask for more than one message.
  t.true(most > 15 && most <= 22, `${most} requests were unanswered`);
  const sentCount = ports[2].sent.length;
  t.true(sentCount < 40, `${sentCount} requests were sent to it`);
  t.true(cluster.host(1).replica.lackingCount > 150, 'the others were told that it lacks them');
  cluster.wake(cluster.host(3));
  cluster.advance(1_500);
  t.deepEqual([coordinator.stats.unanswered[2], coordinator.stats.concluding], [0, 0]);
  const before = ports[2].sent.length;
  watch(coordinator.writeRange(one(5), sectorNamed('late')));
  cluster.advance(100);
  t.is(ports[2].sent.length, before + 3, 'ORDER, STORE and CONCLUDED');
});

test('a replica whose disk is being grown is not behind for what it is not asked', (t) => {
  const cluster = new MemoryCluster({ seed: 5 });
  const { coordinator, ports } = cluster.addClient({ unanswered: 20 });
  ports[2].sectors = 100;
  for (let index = 0; index < 60; index += 1) watch(coordinator.writeRange(one(100 + index), sectorNamed(`w${index}`)));
  cluster.advance(2_000, () => coordinator.stats.running === 0);
  t.deepEqual([coordinator.stats.running, coordinator.stats.unanswered[2], ports[2].sent.length], [0, 0, 0]);
  watch(coordinator.writeRange(one(99), sectorNamed('low')));
  cluster.advance(100);
  t.is(ports[2].sent.length, 3, 'ORDER, STORE and CONCLUDED');
});

test('bytes that wait to be sent make a replica behind, too; with nobody else an operation waits for it', (t) => {
  const cluster = new MemoryCluster({ seed: 4 });
  const { coordinator, ports } = cluster.addClient({ bufferedBytes: 1_000 });
  ports[2].bufferedBytes = 1_001;
  watch(coordinator.writeRange(one(1), sectorNamed('a')));
  cluster.advance(100);
  const { length } = ports[2].sent;
  t.is(length, 1, 'the ORDER showed it');
  cluster.stop(cluster.host(1));
  const write = watch(coordinator.writeRange(one(2), sectorNamed('b')));
  cluster.advance(1_000);
  t.is(write.end, undefined);
  t.is(ports[2].sent.length, length);
  ports[2].bufferedBytes = 400;
  cluster.advance(200);
  t.is(write.end, null);
});

test('what was not answered is sent again to a replica that is back', (t) => {
  const cluster = new MemoryCluster({ seed: 5 });
  const { coordinator } = cluster.addClient();
  cluster.stop(cluster.host(1));
  cluster.stop(cluster.host(2));
  const write = watch(coordinator.writeRange(one(1), sectorNamed('a')));
  const read = watch(coordinator.readRange(one(2)));
  cluster.advance(3_000);
  t.is(write.end, undefined);
  t.is(read.end, undefined);
  cluster.restart(cluster.host(2));
  cluster.advance(200);
  t.is(write.end, null);
  t.is(read.end, null);
  cluster.advance(2_000);
  t.true(cluster.host(2).replica.lackingCount > 0, 'process 1 lacks it');
  t.is(coordinator.stats.concluding, 0);
});

test('CONCLUDED is said after a second if a replica does not answer, and before if too many wait', (t) => {
  const cluster = new MemoryCluster({ seed: 6 });
  const { coordinator } = cluster.addClient({ concluding: 2 });
  cluster.silence(cluster.host(3));
  watch(coordinator.writeRange(one(1), sectorNamed('a')));
  cluster.advance(100);
  t.is(coordinator.stats.concluding, 1);
  t.is(cluster.host(1).replica.concludedCount, 0);
  cluster.advance(1_000);
  t.is(coordinator.stats.concluding, 0);
  t.is(cluster.host(1).replica.lackingCount, 1);
  for (let index = 0; index < 5; index += 1) watch(coordinator.writeRange(one(10 + index), sectorNamed('b')));
  cluster.advance(100);
  t.is(coordinator.stats.concluding, 2);
  t.is(cluster.host(1).replica.lackingCount, 4);
});

test('answers of a replica that has lost its disk since do not count (E4)', (t) => {
  const cluster = new MemoryCluster({ seed: 7 });
  const { coordinator, ports } = cluster.addClient();
  const [first, second, third] = cluster.hosts;
  cluster.silence(second);
  cluster.silence(third);
  const write = watch(coordinator.writeRange(one(1), sectorNamed('a')));
  cluster.advance(50);
  // Its ORDERED has come. It loses that promise, and the others get to know of it.
  cluster.stop(first);
  first.replica.loseDisk();
  cluster.wake(second);
  cluster.silence(second);
  second.replica.incarnations[0] = 2;
  third.replica.incarnations[0] = 2;
  cluster.advance(500);
  cluster.wake(second);
  cluster.advance(500);
  const hasStored = ports.some(({ sent }) => sent.some(({ request }) => request.kind === 'store'));
  t.false(hasStored, 'two have ordered it, and only one of them is a member');
  cluster.wake(third);
  cluster.advance(500);
  t.is(write.end, null);
});

test('who gives a read up, or a write that no replica was told to store, leaves nothing', (t) => {
  const cluster = new MemoryCluster({ seed: 8 });
  const client = cluster.addClient();
  const { coordinator } = client;
  cluster.silence(cluster.host(2));
  cluster.silence(cluster.host(3));
  const read = watch(coordinator.readRange(one(1)));
  const write = watch(coordinator.writeRange(one(1), sectorNamed('a')));
  const other = watch(coordinator.writeRange(one(2), sectorNamed('b')));
  cluster.advance(100);
  for (const operation of [read, write, other]) operation.stop();
  t.is(coordinator.stats.running + coordinator.stats.waiting, 0);
  for (const host of cluster.hosts) cluster.wake(host);
  cluster.advance(1_000);
  t.deepEqual(namesRead(cluster, client, 1, 2), [null, null]);
});

test('a write that replicas were told to store keeps its sectors until it is decided', (t) => {
  const cluster = new MemoryCluster({ seed: 9 });
  const client = cluster.addClient();
  const { coordinator, ports } = client;
  const write = watch(coordinator.writeRange(one(1), sectorNamed('a')));
  const hasStored = (): boolean => ports[0].sent.some(({ request }) => request.kind === 'store');
  cluster.advance(100, hasStored);
  cluster.silence(cluster.host(2));
  cluster.silence(cluster.host(3));
  write.stop();
  const read = watch(coordinator.readRange(one(1)));
  cluster.advance(500);
  t.deepEqual([coordinator.stats.running, coordinator.stats.waiting], [1, 1]);
  cluster.wake(cluster.host(2));
  cluster.advance(500);
  t.deepEqual(namesIn(read.values[0], 1), ['a']);
});

test('a timeout tells a write that may have taken effect from one that has none', (t) => {
  const cluster = new MemoryCluster({ seed: 10 });
  const { coordinator, ports } = cluster.addClient({}, { operationMs: 500 });
  const stored = watch(coordinator.writeRange(one(1), sectorNamed('a')));
  cluster.advance(100, () => ports[0].sent.some(({ request }) => request.kind === 'store'));
  cluster.silence(cluster.host(2));
  cluster.silence(cluster.host(3));
  const behind = watch(coordinator.writeRange(one(1), sectorNamed('b')));
  const ordered = watch(coordinator.writeRange({ first: 4, count: 3 }, 'zeros'));
  const read = watch(coordinator.readRange(one(9)));
  cluster.advance(600);
  const texts = [stored, behind, ordered, read].map(({ end }) => [codeOf(end), (end as Error).message]);
  t.deepEqual(texts, [
    ['ATDD_TIMEOUT', 'write of sector 1 was not answered: it may have taken effect or may still do so'],
    ['ATDD_TIMEOUT', 'write of sector 1 was given up before any replica was told to store it: it has no effect'],
    ['ATDD_TIMEOUT', 'write of sectors 4 to 6 was given up before any replica was told to store it: it has no effect'],
    ['ATDD_TIMEOUT', 'read of sector 9 was not answered'],
  ]);
});

test('an update that another write has hidden fails as unknown, and not as done', (t) => {
  const cluster = new MemoryCluster({ seed: 11, times: { messageUs: [100, 101], flushUs: [100, 101] } });
  const [a, b] = [cluster.addClient(), cluster.addClient()];
  const update = watch(a.coordinator.update(1, () => sectorNamed('u')));
  cluster.advance(100, () => a.ports[0].sent.some(({ request }) => request.kind === 'store'));
  // Its STORE reaches one replica only, and then the writes of another come.
  cluster.silence(cluster.host(2));
  for (const port of a.ports) if (port.rank === 3) port.break();
  cluster.advance(5);
  for (const port of a.ports) if (port.rank !== 3) port.break();
  cluster.wake(cluster.host(2));
  const write = watch(b.coordinator.writeRange(one(1), sectorNamed('w')));
  cluster.advance(200);
  t.is(write.end, null);
  for (const port of a.ports) port.connect();
  cluster.advance(500);
  t.is(codeOf(update.end), 'ATDD_OUTCOME_UNKNOWN');
  t.deepEqual(namesRead(cluster, b, 1), ['w']);
});

test('close fails what is under way, concludes what is done, and leaves nothing running', (t) => {
  const cluster = new MemoryCluster({ seed: 12 });
  const { coordinator } = cluster.addClient();
  cluster.silence(cluster.host(3));
  const done = watch(coordinator.writeRange(one(1), sectorNamed('a')));
  cluster.advance(100);
  t.is(done.end, null);
  const under = watch(coordinator.writeRange(one(2), sectorNamed('b')));
  const closed = watch(coordinator.close());
  t.is(codeOf(under.end), 'ATDD_CLIENT_CLOSED');
  t.is(closed.end, undefined, 'the last messages are not sent yet');
  cluster.advance(10);
  t.is(closed.end, null);
  t.is(cluster.host(1).replica.lackingCount, 1, 'CONCLUDED of the first one');
  t.is(codeOf(watch(coordinator.readRange(one(1))).end), 'ATDD_CLIENT_CLOSED');
  t.deepEqual(coordinator.stats.concluding, 0);
});

test('a heal hands what one replica lacks to it', (t) => {
  const cluster = new MemoryCluster({ seed: 13 });
  const { coordinator } = cluster.addClient();
  cluster.stop(cluster.host(3));
  watch(coordinator.writeRange({ first: 1, count: 2 }, Buffer.concat([sectorNamed('a'), sectorNamed('b')])));
  cluster.advance(100);
  cluster.restart(cluster.host(3));
  const heal = watch(coordinator.heal({ first: 0, count: 8 }));
  cluster.advance(2_000);
  t.is(heal.end, null);
  const [first, , third] = cluster.hosts.map(({ replica }) => [1, 2].map((sector) => replica.versionOf(sector).stamp));
  t.deepEqual(third, first);
  t.true(third.every(({ counter }) => counter > 0n));
});
