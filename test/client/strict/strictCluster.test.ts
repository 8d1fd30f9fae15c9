/** The library on a real cluster of the strict mode. */
import test from 'ava';
import { connect } from '../../../src/client/client.js';
import { Cluster } from '../../helpers/cluster.js';
import { HANG_MS } from '../../helpers/hang.js';
import { untilStatus } from '../../helpers/processStatus.js';
import { nameOf, sectorNamed } from '../../helpers/sectorValue.js';
import type { TestScope } from '../../helpers/testScope.js';
import { untilSo } from '../../helpers/within.js';

async function startStrict(t: TestScope) {
  const cluster = await Cluster.start(t, { processCount: 3, sectors: 4_096, config: { members: 'strict' } });
  for (const rank of cluster.ranks) {
    await untilStatus(cluster, rank, HANG_MS, ({ standing }) => standing === 'member');
  }
  const options = { processes: cluster.addresses, clientKey: cluster.clientKey };
  return { cluster, options };
}

test('what was written is read, by another client as well; ranges, parts of sectors, status', async (t) => {
  const { options } = await startStrict(t);
  const [disk, other] = [await connect(options), await connect(options)];
  await disk.writeSector(5, sectorNamed('a'));
  t.is(nameOf(Buffer.from(await other.readSector(5))), 'a');
  t.is(nameOf(Buffer.from(await other.readSector(6))), null);
  const data = Buffer.alloc(3 * 1_048_576 + 1_000, 7);
  await disk.write(1_000_001, data);
  t.true(Buffer.from(await other.read(1_000_001, data.length)).equals(data));
  t.deepEqual(Buffer.from(await other.read(1_000_000, 1)), Buffer.alloc(1));
  await t.throwsAsync(disk.readSector(4_096), { code: 'ATDD_INVALID_SECTOR_INDEX' });
  for (const rank of [1, 2, 3]) {
    t.true((await disk.ping(rank)) >= 0);
    t.is((JSON.parse(await disk.inquire(rank, 'status')) as { standing: string }).standing, 'member');
  }
  const { heldWrites, hedgedReads, lostConnections, unexpectedResponses } = disk.counters;
  t.deepEqual([heldWrites, hedgedReads, lostConnections, unexpectedResponses], [0, 0, 0, 0]);
  await disk.close();
  await other.close();
});

test('updates of two clients are all there', async (t) => {
  const { options } = await startStrict(t);
  const disks = [await connect(options), await connect(options)];
  const counted = (current: Uint8Array): Uint8Array => {
    new DataView(current.buffer).setUint32(0, new DataView(current.buffer).getUint32(0) + 1);
    return current;
  };
  const told: number[] = [];
  let unknown = 0;
  const run = async (disk: (typeof disks)[number]) => {
    for (let count = 0; count < 40; count += 1) {
      try {
        const stored = await disk.update(9, counted);
        told.push(new DataView(stored.buffer).getUint32(0));
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'ATDD_OUTCOME_UNKNOWN') throw error;
        unknown += 1;
      }
    }
  };
  await Promise.all(disks.flatMap((disk) => [run(disk), run(disk)]));
  const found = new DataView((await disks[0].readSector(9)).buffer).getUint32(0);
  t.is(new Set(told).size, told.length, 'no result twice');
  t.is(told.length + unknown, 160);
  t.true(found >= told.length && found <= told.length + unknown, `${found}, ${told.length} told, ${unknown} unknown`);
  t.true(told.every((count) => count <= found));
  const failure = new Error('of the caller');
  await t.throwsAsync(
    disks[0].update(9, () => {
      throw failure;
    }),
    { is: failure },
  );
  for (const disk of disks) await disk.close();
});

test('processes are killed one after the other under load, and nothing waits for them', async (t) => {
  const { cluster, options } = await startStrict(t);
  const disk = await connect(options);
  let isOver = false;
  const last = new Map<number, string>();
  const workers = Array.from({ length: 16 }, async (_, sector) => {
    for (let round = 0; !isOver; round += 1) {
      const name = `sector ${sector} round ${round}`;
      await disk.writeSector(sector, sectorNamed(name));
      last.set(sector, name);
      t.is(nameOf(Buffer.from(await disk.readSector(sector))), name);
    }
  });
  for (const rank of [1, 2, 3]) {
    await cluster.kill(rank);
    const { answers } = disk.counters;
    await untilSo(() => disk.counters.answers > answers + 200);
    await cluster.start(rank);
    await untilStatus(cluster, rank, HANG_MS, ({ standing }) => standing === 'member');
  }
  isOver = true;
  await Promise.all(workers);
  const other = await connect(options);
  for (const [sector, name] of last) t.is(nameOf(Buffer.from(await other.readSector(sector))), name);
  await disk.close();
  await other.close();
});

test('without a majority operations wait or time out, and go on when it is back', async (t) => {
  const { cluster, options } = await startStrict(t);
  const patient = await connect(options);
  const hurried = await connect({ ...options, timeouts: { operationMs: 300 } });
  await patient.writeSector(1, sectorNamed('a'));
  while (!(await hurried.readSector(1).catch(() => null))) continue;
  await cluster.kill(1);
  await cluster.kill(2);
  const write = patient.writeSector(1, sectorNamed('b'));
  await t.throwsAsync(hurried.readSector(1), { code: 'ATDD_TIMEOUT', message: /read of sector 1 was not answered/ });
  await t.throwsAsync(hurried.writeSector(2, sectorNamed('c')), { code: 'ATDD_TIMEOUT' });
  const waiting = patient.readSector(4);
  await cluster.start(1);
  await write;
  await waiting;
  t.is(nameOf(Buffer.from(await patient.readSector(1))), 'b');
  await cluster.kill(1);
  const open = t.throwsAsync(patient.readSector(7), { code: 'ATDD_CLIENT_CLOSED' });
  await patient.close();
  await open;
  await hurried.close();
});
