/** Real clusters of the open mode that become strict while they run (docs/strict-register.md, G1 to G5). */
import test from 'ava';
import { lastValueFrom } from 'rxjs';
import { loadProcessConfig } from '../../config/load.js';
import { connect } from '../../src/client/client.js';
import { newCounters } from '../../src/core/counters.js';
import { openProcessStore } from '../../src/serve/processStore.js';
import { Cluster } from '../helpers/cluster.js';
import { HANG_MS, TEST_HANG_MS } from '../helpers/hang.js';
import type { ProcessStatus } from '../helpers/processStatus.js';
import { inquire, untilStatus } from '../helpers/processStatus.js';
import { runToEnd } from '../helpers/runToEnd.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import { untilSo } from '../helpers/within.js';

const STRICT = { members: 'strict' };
const OPEN = { members: 'open' };

/** A process that goes on in the other mode ends its connections, so a question may get no answer. */
async function untilReported(cluster: Cluster, rank: number, expected: Partial<ProcessStatus>): Promise<void> {
  await untilSo(async () => {
    const told = new Map<string, unknown>(Object.entries(await inquire(cluster, rank).catch(() => ({}))));
    return Object.entries(expected).every(([name, value]) => told.get(name) === value);
  });
}

test('one process after the other is restarted with members strict; the last makes the cluster strict', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3, config: OPEN });
  const options = { processes: cluster.addresses, clientKey: cluster.clientKey };
  const disk = await connect(options);
  await disk.writeSector(7, sectorNamed('of the open mode'));
  const run = { isOver: false };
  t.teardown(() => {
    run.isOver = true;
    return disk.close();
  });
  let latest = 0;
  // One writer and one reader, from before the change to after it. What the reader sees never goes back.
  const writing = (async () => {
    for (let count = 1; !run.isOver; count += 1) {
      await disk.writeSector(8, sectorNamed(String(count)));
      latest = count;
    }
  })();
  const reading = (async () => {
    let seen = 0;
    while (!run.isOver) {
      const atLeast = latest;
      const count = Number(nameOf(Buffer.from(await disk.readSector(8))) ?? 0);
      t.true(count >= atLeast && count >= seen, `${count} after ${seen}, ${atLeast} acknowledged`);
      seen = count;
    }
  })();
  for (const rank of [1, 2]) {
    await cluster.stop(rank);
    await cluster.configure(STRICT, [rank]);
    await cluster.start(rank);
    await untilReported(cluster, rank, { standing: 'member', members: 'open' });
  }
  const said = 'becomes strict when all members can: it waits for process 3, which was started with members open';
  await untilSo(() => cluster.logOf(1).includes(said));
  const { output } = await runToEnd(cluster.command('status --timeout 3'));
  t.true(output.includes(`process 1 ${said}`), output);

  await cluster.stop(3);
  await cluster.configure(STRICT, [3]);
  await cluster.start(3);
  for (const rank of [1, 2, 3]) await untilReported(cluster, rank, { members: 'strict' });
  t.regex(cluster.logOf(1), /this cluster becomes strict: all 3 members can/);
  t.regex(cluster.logOf(1), /strict from now on/);
  const before = latest;
  await untilSo(() => latest > before + 20);
  run.isOver = true;
  await writing;
  await reading;
  t.is(nameOf(Buffer.from(await disk.readSector(7))), 'of the open mode');

  await cluster.stop(2);
  await cluster.configure(OPEN, [2]);
  cluster.launch(2);
  t.not((await cluster.waitForExit(2)).code, 0);
  t.regex(cluster.logOf(2), /is of a cluster with members strict, and this process was started with members open/);
  await cluster.configure(STRICT, [2]);
  await cluster.start(2);
  await untilReported(cluster, 2, { members: 'strict' });
});

test('a process that was down follows the strict ones; one with a lost disk joins as the others are', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3, config: OPEN });
  const client = await cluster.client(1);
  t.like(await client.write(3, sectorNamed('kept')), { kind: 'answered', status: 'Ok' });
  await client.destroy();

  // With an empty folder it does not know the mode of its cluster, and joins an open one.
  await cluster.stop(3);
  await cluster.loseDisk(3);
  await cluster.configure(STRICT, [3]);
  await cluster.start(3);
  await untilReported(cluster, 3, { standing: 'member', members: 'open', incarnation: 1 });

  // Process 2 is down when the others become strict: that it could be was heard before.
  for (const rank of [2, 1]) {
    await cluster.stop(rank);
    await cluster.configure(STRICT, [rank]);
    if (rank === 2) await cluster.start(2);
  }
  await untilStatus(cluster, 3, HANG_MS, ({ connected }) => connected.includes(2));
  await cluster.kill(2);
  await cluster.start(1);
  await cluster.start(2);
  for (const rank of [1, 2, 3]) await untilReported(cluster, rank, { members: 'strict' });

  await cluster.stop(1);
  await cluster.loseDisk(1);
  await cluster.start(1);
  await untilReported(cluster, 1, { standing: 'member', members: 'strict', incarnation: 1 });
  const reader = await cluster.client(1);
  t.like(await reader.read(3), { data: sectorNamed('kept') });
  await reader.destroy();
});

test('a process that ends between the format and the note is open still, and becomes strict again', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 1, config: OPEN });
  const client = await cluster.client(1);
  t.like(await client.write(3, sectorNamed('kept')), { kind: 'answered', status: 'Ok' });
  await client.destroy();
  await cluster.stop(1);
  const config = loadProcessConfig({ file: cluster.configFileOf(1), rank: '1' });
  const silent = () => undefined;
  const log = { debugEnabled: false, debug: silent, info: silent, warn: silent, error: silent };
  const store = await openProcessStore(config, null, { log, counters: newCounters() });
  await lastValueFrom(store.openStrict());
  await lastValueFrom(store.close(), { defaultValue: null });

  for (const members of ['open', 'strict'] as const) {
    await cluster.configure({ members });
    await cluster.start(1);
    await untilReported(cluster, 1, { standing: 'member', members });
    const reader = await cluster.client(1);
    t.like(await reader.read(3), { data: sectorNamed('kept') });
    await reader.destroy();
    await cluster.stop(1);
  }
});
