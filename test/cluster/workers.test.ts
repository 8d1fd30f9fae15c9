/**
 * Processes whose sectors are shared out among threads: to clients, to peers and to their disks they are what processes
 * without workers are.
 */
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Cluster, MAIN_FILE } from '../helpers/cluster.js';
import { HANG_MS, TEST_HANG_MS } from '../helpers/hang.js';
import { readSectors, writeSectors } from '../helpers/manySectors.js';
import { inquire, scrub, untilStatus } from '../helpers/processStatus.js';
import type { RawClient } from '../helpers/rawClient.js';
import { runToEnd } from '../helpers/runToEnd.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import { chooseSeed, dice } from '../helpers/seed.js';
import { BEHAVIOURS, ForeignPeer } from '../helpers/foreignPeer.js';
import { untilSo, within } from '../helpers/within.js';
import { Workload, assertLinearizable } from '../helpers/workload.js';

const WORKERS = 2;
const CLIENTS = 8;
/** More than one page of 240 sectors for each worker. */
const REBUILT = 600;
const SECTORS = [0, 1, 2, 3].map((sector) => ({ sector, writePercent: 40 }));
const OK = { kind: 'answered', status: 'Ok', data: null } as const;

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

function start(t: ExecutionContext, sectors = 1_024): Promise<Cluster> {
  return Cluster.start(t, { processCount: 3, sectors, config: { members: 'open', workers: WORKERS } });
}

async function configure(cluster: Cluster, rank: number, workers: number): Promise<void> {
  const file = cluster.configFileOf(rank);
  const configuration = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await writeFile(file, JSON.stringify({ ...configuration, workers }));
}

function textIn(outcome: Awaited<ReturnType<RawClient['inquire']>>): string {
  return outcome.kind === 'answered' ? String(outcome.data) : '';
}

async function nameRead(client: RawClient, sector: number): Promise<string | null> {
  const outcome = await client.read(sector);
  return outcome.kind === 'answered' && outcome.data !== null ? nameOf(outcome.data) : null;
}

test.serial('what clients see is linearizable, also when processes are killed', async (t) => {
  t.timeout(TEST_HANG_MS);
  const seed = chooseSeed();
  t.log(`ATDD_TEST_SEED=${seed}`);
  const random = dice(seed);
  const cluster = await start(t);
  const workload = new Workload({
    cluster,
    clientCount: CLIENTS,
    sectors: SECTORS,
    random,
    patienceMs: 4_000,
  });
  for (const rank of cluster.ranks) {
    await sleep(400 + random.below(400));
    await cluster.kill(rank);
    await sleep(random.below(400));
    // Two of three answer, also what was asked after the kill.
    await workload.untilAnswered(CLIENTS + 1);
    t.false(cluster.isUp(rank));
    await cluster.start(rank);
  }
  const { answered } = workload;
  while (answered.read <= 50 || answered.write <= 50) await workload.untilAnswered(1);
  await workload.stop();
  await workload.readAll(cluster.ranks);
  t.log({ answered, unknown: workload.unknown });
  t.deepEqual(workload.faults, []);
  await assertLinearizable(t, workload.recorder.operations);
});

test.serial('all of it is there after SIGTERM and after SIGKILL; each part in its folder', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await start(t);
  t.deepEqual(await writeSectors(cluster, [1, 2, 3], upTo(60), 'kept'), []);
  for (const rank of cluster.ranks) t.is((await cluster.stop(rank)).code, 0);
  await cluster.startAll();
  t.deepEqual(await readSectors(cluster, [1, 2, 3], upTo(60), 'kept'), []);
  await Promise.all(cluster.ranks.map((rank) => cluster.kill(rank)));
  await cluster.startAll();
  t.deepEqual(await readSectors(cluster, [1, 2, 3], upTo(60), 'kept'), []);
  t.deepEqual((await readdir(cluster.storageOf(1))).sort(), ['shard-0', 'shard-1', 'workers']);
});

test.serial('a process answers for all its workers, each inquiry and each fault once', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await start(t);
  t.deepEqual(await writeSectors(cluster, [1], upTo(31), 'counted'), []);
  const status = await untilStatus(
    cluster,
    1,
    HANG_MS,
    ({ written, connected, extended }) => written === 31 && connected.length === 2 && extended.length === 2,
  );
  t.is(status.standing, 'member');
  t.deepEqual(status.missed, {});
  t.true((status.counters?.dataFlushes ?? 0) > 0);
  const looked = await scrub(cluster, 1, HANG_MS);
  t.is(looked.scrub.verified, 31);

  const client = await cluster.client(1);
  const many = await Promise.all(upTo(50).map(() => client.inquire('STATUS')));
  t.true(many.every((outcome) => outcome.kind === 'answered' && outcome.status === 'Ok'));
  const starts = many.map((outcome) => /"start":"([0-9a-f]{32})"/.exec(textIn(outcome))?.[1]);
  t.deepEqual(new Set(starts), new Set([status.start]), 'one life, whoever answers first');
  for (const sector of [1_024, 1_025, 2 ** 40 + 1]) {
    const outcome = await client.read(sector);
    t.like(outcome, { kind: 'answered', status: 'InvalidSectorIndex' });
  }
  t.deepEqual(client.faults, []);
  const stranger = await cluster.client(1, { clientKey: Buffer.alloc(32, 9) });
  t.not(await within(HANG_MS, stranger.inquire('STATUS')), 'too late');
  // Whatever came twice, or with another request's number, would be a fault.
  await sleep(300);
  t.deepEqual(client.faults, []);
  // FIN: our half ends although a client's connection is known to several workers.
  await client.write(0, sectorNamed('a'));
  await client.write(1, sectorNamed('b'));
  t.not(await within(HANG_MS, client.end()), 'too late', 'FIN was not answered');
});

test.serial('a WRITE whose client is gone before it found a majority never takes effect', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await start(t);
  const first = await cluster.client(1);
  for (const sector of upTo(4)) {
    t.deepEqual(await first.write(sector, sectorNamed(`kept ${sector}`)), OK);
  }
  await Promise.all([cluster.kill(2), cluster.kill(3)]);
  const leaving = await cluster.client(1);
  const breaking = await cluster.client(1);
  const abandoned = [
    ...[0, 1].map((sector) => leaving.write(sector, sectorNamed('abandoned by FIN'))),
    ...[2, 3].map((sector) => breaking.write(sector, sectorNamed('abandoned by RST'))),
  ];
  await sleep(500);
  t.not(await within(HANG_MS, leaving.end()), 'too late', 'FIN was not answered');
  breaking.socket.resetAndDestroy();
  for (const outcome of await Promise.all(abandoned)) t.deepEqual(outcome, { kind: 'unknown' });
  await sleep(300);
  await Promise.all([cluster.start(2), cluster.start(3)]);
  await sleep(2_500);
  for (const rank of cluster.ranks) {
    const reader = await cluster.client(rank);
    for (const sector of upTo(4)) t.is(await nameRead(reader, sector), `kept ${sector}`);
  }
});

test.serial('a process that lost its disk has all of it back, of each worker', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await start(t, REBUILT + 8);
  t.deepEqual(await writeSectors(cluster, [1, 2, 3], upTo(REBUILT), 'kept'), []);
  const { incarnation: lost } = await inquire(cluster, 2);
  await cluster.kill(2);
  await cluster.loseDisk(2);
  await cluster.start(2);
  const rebuilt = await untilStatus(
    cluster,
    2,
    HANG_MS,
    ({ standing, written }) => standing === 'member' && written === REBUILT,
  );
  t.is(rebuilt.incarnation, lost + 1);
  await cluster.kill(1);
  t.deepEqual(await readSectors(cluster, [2, 3], upTo(REBUILT), 'kept'), []);
});

/** One that pads does all that a normal one does. */
const OTHERS = Object.entries(BEHAVIOURS).filter(([name]) => name !== 'normal');

for (const [name, behaviour] of OTHERS) {
  test.serial(`a foreign member that ${name} works with two processes of workers`, async (t) => {
    t.timeout(TEST_HANG_MS);
    const setting = { processCount: 3, absent: [2], founder: null };
    const cluster = await Cluster.prepare(t, { ...setting, config: { members: 'open', workers: WORKERS } });
    const { addresses, keys } = cluster;
    const strange = await ForeignPeer.start({ rank: 2, addresses, keys, behaviour });
    t.teardown(() => strange.stop());
    await cluster.startAll();
    const client = await cluster.client(1);
    for (const sector of [4, 5]) {
      t.deepEqual(await client.write(sector, sectorNamed(`by 1 ${sector}`)), OK);
      t.is(nameOf(await strange.read(sector)), `by 1 ${sector}`);
      await strange.write(sector, sectorNamed(`by 2 ${sector}`));
      t.is(await nameRead(client, sector), `by 2 ${sector}`);
    }
    // From now on the foreign one is needed for every majority.
    await cluster.kill(3);
    for (const sector of [4, 5]) {
      t.deepEqual(await client.write(sector, sectorNamed(`alone ${sector}`)), OK);
      t.is(nameOf(await strange.read(sector)), `alone ${sector}`);
    }
    await cluster.start(3);
    await cluster.kill(1);
    const third = await cluster.client(3);
    for (const sector of [4, 5]) t.is(await nameRead(third, sector), `alone ${sector}`);
    t.deepEqual([...strange.faults, ...client.faults, ...third.faults], []);
  });
}

test.serial('a peer with another number of workers is refused, by both sides', async (t) => {
  t.timeout(TEST_HANG_MS);
  const logs = ['', '', '', ''];
  const onLog = (rank: number, text: string): void => {
    logs[rank] += text;
  };
  const config = { members: 'open', workers: WORKERS };
  const cluster = await Cluster.prepare(t, { processCount: 3, config, onLog, founder: 1 });
  await configure(cluster, 3, 0);
  await Promise.all(cluster.ranks.map((rank) => cluster.start(rank)));
  await cluster.untilMembers([1, 2]);
  const client = await cluster.client(1);
  t.deepEqual(await client.write(1, sectorNamed('of two')), OK);
  const refusals = [/refused a peer: its configuration has another number of workers/, /otherWorkers/] as const;
  // Each has heard of the other's number by then.
  await untilSo(() => refusals[0].test(logs[1]) && refusals[1].test(logs[3]));
  // It is part of no cluster, and lets its clients go.
  const odd = await cluster.client(3);
  const alone = await odd.write(1, sectorNamed('of one'));
  t.deepEqual(alone, { kind: 'unknown' }, 'it must not get a majority');
  t.is(await nameRead(client, 1), 'of two');
  t.regex(logs[1], refusals[0]);
  t.regex(logs[3], refusals[1]);
  await odd.destroy();
  await cluster.stop(3);
  await cluster.loseDisk(3);
  await configure(cluster, 3, 3);
  await cluster.start(3);
  const other = await cluster.client(3);
  const again = await other.write(1, sectorNamed('of three'));
  t.deepEqual(again, { kind: 'unknown' }, 'nor with three');
  t.is(await nameRead(client, 1), 'of two');
});

test.serial('a folder of another number of workers is refused and left alone', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3, config: { members: 'open', workers: WORKERS } });
  t.deepEqual(await writeSectors(cluster, [1], upTo(4), 'kept'), []);
  const command = [process.execPath, MAIN_FILE, '--config', cluster.configFileOf(1), '--rank', '1'];
  await cluster.stop(1);
  for (const workers of [0, 1, 3]) {
    await configure(cluster, 1, workers);
    const { code, output } = await runToEnd(command);
    t.is(code, 1, output);
    t.regex(output, /ATDD_STORE_FOREIGN/);
    t.regex(output, new RegExp(`workers: 2; this one has workers: ${workers}`));
  }
  await configure(cluster, 1, WORKERS);
  await cluster.start(1);
  t.deepEqual(await readSectors(cluster, [1], upTo(4), 'kept'), []);

  const plain = await Cluster.start(t, { processCount: 1, config: { members: 'open' } });
  t.deepEqual(await writeSectors(plain, [1], upTo(4), 'kept'), []);
  await plain.stop(1);
  await configure(plain, 1, WORKERS);
  const plainCommand = [...command.slice(0, 3), plain.configFileOf(1), '--rank', '1'];
  const refused = await runToEnd(plainCommand);
  t.is(refused.code, 1, refused.output);
  t.regex(refused.output, /ATDD_STORE_FOREIGN/);
  await configure(plain, 1, 0);
  await plain.start(1);
  t.deepEqual(await readSectors(plain, [1], upTo(4), 'kept'), []);
});

test.serial('a worker whose disk fails ends the process, and the others go on', async (t) => {
  t.timeout(TEST_HANG_MS);
  let log = '';
  const onLog = (rank: number, text: string): void => {
    if (rank === 1) log += text;
  };
  const config = { members: 'open', workers: WORKERS };
  const cluster = await Cluster.start(t, { processCount: 3, config, onLog });
  t.deepEqual(await writeSectors(cluster, [2], upTo(4), 'before'), []);
  const ended = cluster.waitForExit(1);
  await rm(path.join(cluster.storageOf(1), 'shard-1'), { recursive: true });
  t.deepEqual(await writeSectors(cluster, [2], upTo(4), 'after'), []);
  const exit = await within(HANG_MS, ended);
  t.deepEqual(exit, { code: 1, signal: null });
  t.regex(log, /data\.slots.*was deleted or moved while it was in use/);
  t.regex(log, /the process has to stop/);
  // It comes back as a process whose disk was lost in part.
  await cluster.start(1);
  await untilStatus(cluster, 1, HANG_MS, ({ standing }) => standing === 'member');
  t.deepEqual(await readSectors(cluster, [1, 2, 3], upTo(4), 'after'), []);
});
