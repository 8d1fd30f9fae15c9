/** What is zeros, over real processes: found, cleared, passed over without a look at the data. */
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { Cluster } from '../helpers/cluster.js';
import { runTool, startGateway } from '../helpers/gateway.js';
import { hasTools } from '../helpers/hasTools.js';
import { NbdClient } from '../helpers/nbdClient.js';
import { untilStatus } from '../helpers/processStatus.js';

/** Ten TiB: to read it, or to write it, would take days. */
const SECTORS = 10 * 2 ** 28;
const LONGEST = 2 ** 32 - 4_096;
const TRIM = 4;
const WRITE_ZEROES = 6;

test.serial('terabytes of nothing: their map, and as much cleared as a request can', async (t) => {
  if (!hasTools(t, 'nbdinfo')) return;
  // The strict mode has no MAP yet: it stores the zeros of each range, and asks for each to make a map.
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SECTORS, config: { members: 'open' } });
  const gateway = await startGateway(t, cluster);
  const client = await NbdClient.connect(gateway.port);
  const data = randomBytes(8_192);
  const far = (SECTORS - 2) * 4_096;
  await client.write(4_096 * 100, data);
  await client.write(far, data);
  await client.command(WRITE_ZEROES, 4_096 * 101, LONGEST);
  await client.command(WRITE_ZEROES, 2 ** 40, LONGEST);
  // Side by side, more than a connection may have under way at once.
  await Promise.all(
    Array.from({ length: 40 }, (_, count) =>
      NbdClient.connect(gateway.port).then(async (one) => {
        await one.command(TRIM, 2 ** 41 + count * LONGEST, LONGEST);
        one.close();
      }),
    ),
  );
  t.deepEqual(await client.read(4_096 * 100, 4_096), data.subarray(0, 4_096));
  t.deepEqual(await client.read(4_096 * 101, 4_096), Buffer.alloc(4_096));
  t.deepEqual(await client.read(far, 8_192), data);
  const { code, output } = await runTool(['nbdinfo', '--map', '--json', gateway.uri]);
  t.is(code, 0, output);
  const extents = JSON.parse(output) as { offset: number; length: number; type: number }[];
  const told = extents.filter(({ type }) => type === 0);
  t.deepEqual(
    told.map(({ offset, length }) => [offset, length]),
    [
      [4_096 * 100, 4_096],
      [far, 8_192],
    ],
  );
  // Of the terabytes only what was written has a record.
  await untilStatus(cluster, 1, 20_000, ({ written }) => written === 4);
  client.close();
});

test.serial('a process that has missed what the others were told does not deceive', async (t) => {
  const cluster = await Cluster.start(t, { processCount: 3, sectors: 4_096 });
  const gateway = await startGateway(t, cluster);
  const client = await NbdClient.connect(gateway.port);
  const data = randomBytes(64 * 4_096);
  for (const rank of [1, 2, 3]) {
    const offset = rank * 64 * 4_096;
    await cluster.kill(rank);
    await client.write(offset, data);
    await cluster.start(rank);
    // At once, before it has been handed anything: it has zeros there, the others data.
    await client.command(WRITE_ZEROES, offset, 32 * 4_096);
    const seen = await client.read(offset, data.length);
    t.true(seen.subarray(0, 32 * 4_096).every((byte) => byte === 0));
    t.true(seen.subarray(32 * 4_096).equals(data.subarray(32 * 4_096)));
  }
  client.close();
});
