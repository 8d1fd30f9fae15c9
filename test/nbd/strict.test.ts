/** The gateway over a real cluster of the strict mode: its requests while every process is killed in turn. */
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { Cluster } from '../helpers/cluster.js';
import { runTool, startGateway } from '../helpers/gateway.js';
import { hasTools } from '../helpers/hasTools.js';
import { HANG_MS } from '../helpers/hang.js';
import { NbdClient } from '../helpers/nbdClient.js';
import { untilStatus } from '../helpers/processStatus.js';

const MEBIBYTE = 2 ** 20;
const TRIM = 4;
const WRITE_ZEROES = 6;

test('written, read, cleared; a GiB of nothing is cleared without a record', async (t) => {
  const cluster = await Cluster.start(t, { processCount: 3, sectors: 524_288, config: { members: 'strict' } });
  for (const rank of cluster.ranks) {
    await untilStatus(cluster, rank, HANG_MS, ({ standing }) => standing === 'member');
  }
  const gateway = await startGateway(t, cluster);
  const client = await NbdClient.connect(gateway.port);
  const data = randomBytes(3 * MEBIBYTE + 512);
  await client.write(512, data);
  t.deepEqual(await client.read(512, data.length), data);
  await client.command(WRITE_ZEROES, 1_000, MEBIBYTE);
  data.fill(0, 1_000 - 512, 1_000 - 512 + MEBIBYTE);
  t.deepEqual(await client.read(512, data.length), data);
  for (const rank of cluster.ranks) {
    await cluster.kill(rank);
    const part = randomBytes(8_192);
    await client.write(2 * MEBIBYTE, part);
    t.deepEqual(await client.read(2 * MEBIBYTE, part.length), part);
    await client.command(TRIM, 2 * MEBIBYTE, 4_096);
    t.deepEqual(
      await client.read(2 * MEBIBYTE, part.length),
      Buffer.concat([Buffer.alloc(4_096), part.subarray(4_096)]),
    );
    await cluster.start(rank);
    await untilStatus(cluster, rank, HANG_MS, ({ standing }) => standing === 'member');
  }
  const startMs = performance.now();
  await client.command(WRITE_ZEROES, 8 * MEBIBYTE, 1_024 * MEBIBYTE);
  t.log(`a GiB of nothing: ${Math.round(performance.now() - startMs)} ms`);
  await untilStatus(cluster, 1, HANG_MS, ({ written }) => written < 3 * 256 + 10);
  client.close();
});

/** Ten TiB: to read it, or to write it, would take days. */
const SECTORS = 10 * 2 ** 28;
const LONGEST = 2 ** 32 - 4_096;

test('terabytes of nothing: their map, and as much cleared as a request can', async (t) => {
  if (!hasTools(t, 'nbdinfo')) return;
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SECTORS, config: { members: 'strict' } });
  for (const rank of cluster.ranks) {
    await untilStatus(cluster, rank, HANG_MS, ({ standing }) => standing === 'member');
  }
  const gateway = await startGateway(t, cluster);
  const client = await NbdClient.connect(gateway.port);
  const data = randomBytes(8 * MEBIBYTE);
  const far = (SECTORS - 2) * 4_096;
  await client.write(4_096 * 100, data);
  await client.write(far, data.subarray(0, 8_192));
  await client.command(WRITE_ZEROES, 4_096 * 101, LONGEST);
  await client.command(TRIM, 2 ** 41, LONGEST);
  t.deepEqual(await client.read(4_096 * 100, 8_192), Buffer.concat([data.subarray(0, 4_096), Buffer.alloc(4_096)]));
  const { code, output } = await runTool(['nbdinfo', '--map', '--json', gateway.uri]);
  t.is(code, 0, output);
  const extents = JSON.parse(output) as { offset: number; length: number; type: number }[];
  t.deepEqual(
    extents.filter(({ type }) => type === 0).map(({ offset, length }) => [offset, length]),
    [
      [4_096 * 100, 4_096],
      [far, 8_192],
    ],
  );
  // Of the terabytes only what was written has a record.
  await untilStatus(cluster, 1, HANG_MS, ({ written }) => written === 2_048 + 2);
  client.close();
});
