/**
 * The gateway with programs that nobody here wrote, over a cluster of real processes that are killed. What needs more
 * time has a variable: SEEN_BY_NEXT_REQUEST, FIO_SECONDS.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Cluster } from '../helpers/cluster.js';
import { runTool, startGateway } from '../helpers/gateway.js';
import { hasTools } from '../helpers/hasTools.js';
import { untilSo } from '../helpers/within.js';
import { NbdClient } from '../helpers/nbdClient.js';
import { bytes, clientFlags, option, request } from './wire.js';

const SEEN_COUNT = Number(process.env['SEEN_BY_NEXT_REQUEST'] ?? 1_000);
const FIO_SECONDS = Number(process.env['FIO_SECONDS'] ?? 15);
/** As with `npm run test:nbd`, on a machine without other work: only then is time a bound. */
const IS_ALONE = process.env['FIO_SECONDS'] !== undefined;

const SECTORS = 8_192;
const MEBIBYTE = 2 ** 20;

/** Kills the processes in turn, and starts each again, until it is told to stop. */
function killInTurn(cluster: Cluster): { killCount(): number; stop(): Promise<void> } {
  const stopping = new AbortController();
  let killCount = 0;
  const done = (async () => {
    for (let rank = 1; !stopping.signal.aborted; rank = (rank % 3) + 1) {
      await sleep(700);
      await cluster.kill(rank);
      killCount += 1;
      await sleep(500);
      await cluster.start(rank);
      // Until it is back it would be missed in the majority of the next.
      await sleep(300);
    }
  })();
  return {
    killCount: () => killCount,
    stop: () => {
      stopping.abort();
      return done;
    },
  };
}

test.serial('nbdinfo: every field, and the map of what was written', async (t) => {
  if (!hasTools(t, 'nbdinfo')) return;
  const nbd = {
    exports: {
      '': { sectors: 1_024 },
      fixed: { firstSector: 4_096, sectors: 16, readOnly: true },
    },
  };
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SECTORS, config: { nbd } });
  const gateway = await startGateway(t, cluster, '--socket', 'nbd.sock');
  const { output } = await runTool(['nbdinfo', '--json', gateway.uri]);
  const info = JSON.parse(output) as { exports: Record<string, unknown>[] };
  t.like(info.exports[0], {
    'export-name': '',
    'export-size': 1_024 * 4_096,
    is_rotational: false,
    is_read_only: false,
    can_cache: true,
    can_df: true,
    can_fast_zero: true,
    can_flush: true,
    can_fua: true,
    can_multi_conn: true,
    can_trim: true,
    can_zero: true,
    block_size_minimum: 1,
    block_size_preferred: 4_096,
    block_size_maximum: 2 ** 25,
    contexts: ['base:allocation'],
  });
  const uri = `nbd+unix:///fixed?socket=${cluster.fileIn('nbd.sock')}`;
  const fixed = await runTool(['nbdinfo', '--json', uri]);
  t.like((JSON.parse(fixed.output) as typeof info).exports[0], {
    'export-size': 16 * 4_096,
    is_read_only: true,
    description: 'Atomic Disk Drive, sectors 4096 to 4111, read-only',
  });
  const client = await NbdClient.connect(gateway.port);
  await client.write(2 * 4_096 + 100, Buffer.from('data'));
  client.close();
  const map = await runTool(['nbdinfo', '--map', '--json', gateway.uri]);
  t.deepEqual(
    (JSON.parse(map.output) as { offset: number; length: number; type: number }[]).map(({ offset, length, type }) => [
      offset,
      length,
      type,
    ]),
    [
      [0, 8_192, 3],
      [8_192, 4_096, 0],
      [12_288, 1_024 * 4_096 - 12_288, 3],
    ],
  );
});

test.serial('nbdcopy in and out while processes are killed: identical', async (t) => {
  if (!hasTools(t, 'nbdcopy', 'qemu-img')) return;
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SECTORS });
  const gateway = await startGateway(t, cluster);
  const image = Buffer.concat([randomBytes(10 * MEBIBYTE), Buffer.alloc(6 * MEBIBYTE)]);
  await writeFile(cluster.fileIn('in.img'), image);
  const killing = killInTurn(cluster);
  const steps = [
    ['nbdcopy', '--connections=4', 'in.img', gateway.uri],
    ['nbdcopy', '--connections=4', gateway.uri, 'out.img'],
    ['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', gateway.uri, 'out.qcow2'],
    ['qemu-img', 'compare', '-f', 'raw', '-F', 'qcow2', gateway.uri, 'out.qcow2'],
  ];
  do {
    for (const words of steps) {
      const { code, output } = await runTool(words, cluster.folder);
      t.is(code, 0, `${words.join(' ')}: ${output}`);
    }
  } while (killing.killCount() < 2);
  await killing.stop();
  const copy = await readFile(cluster.fileIn('out.img'));
  t.is(copy.length, SECTORS * 4_096);
  t.true(copy.subarray(0, image.length).equals(image));
  t.is(copy.subarray(image.length).indexOf(1), -1);
  t.false(gateway.log().includes('requests fail'));
});

test.serial('qemu-io: patterns that begin and end anywhere', async (t) => {
  if (!hasTools(t, 'qemu-io')) return;
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SECTORS });
  const gateway = await startGateway(t, cluster);
  const commands = [
    'write -P 0x11 0 64k',
    'write -P 0x22 1000 5000',
    'write -P 0x33 3 1',
    'write -z 9000 20000',
    'discard 32768 8192',
    'flush',
    'read -P 0x11 4 996',
    'read -P 0x33 3 1',
    'read -P 0x22 1000 5000',
    'read -P 0x11 6000 3000',
    'read -P 0 9000 20000',
    'read -P 0 32768 8192',
    'read -P 0x11 40960 24576',
  ];
  const words = commands.flatMap((command) => ['-c', command]);
  const { code, output } = await runTool(['qemu-io', '-f', 'raw', ...words, gateway.uri]);
  t.is(code, 0, output);
  t.notRegex(output, /verification failed|error/i);
});

test.serial('parts of sectors, without the help of a client', async (t) => {
  const cluster = await Cluster.start(t, { processCount: 3, sectors: 64 });
  const gateway = await startGateway(t, cluster);
  const clients = await Promise.all([1, 2, 3].map(() => NbdClient.connect(gateway.port)));
  const expected = Buffer.alloc(64 * 4_096);
  for (let round = 0; round < 60; round += 1) {
    // Each client has places of its own, in sectors that they share.
    await Promise.all(
      clients.map(async (client, index) => {
        const data = randomBytes(512);
        const offset = randomInt(170) * 3 * 512 + index * 512;
        data.copy(expected, offset);
        await client.write(offset, data);
      }),
    );
  }
  const seen = await clients[0].read(0, expected.length);
  for (const client of clients) client.close();
  t.true(seen.equals(expected));
});

test.serial('fio with checksums while processes are killed: no error', async (t) => {
  if (!hasTools(t, 'fio')) return;
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SECTORS });
  const gateway = await startGateway(t, cluster);
  const killing = killInTurn(cluster);
  const job = ['--name=verify', '--ioengine=nbd', `--uri=${gateway.uri}`, '--rw=randwrite'];
  const size = [`--size=${SECTORS * 4_096}`, '--bs=4k', '--iodepth=32'];
  const verify = ['--verify=crc32c', '--verify_fatal=1', '--verify_backlog=1024'];
  const time = ['--time_based=1', `--runtime=${FIO_SECONDS}`, '--output-format=json'];
  let writes = 0;
  // A busy machine needs more than one round for as much.
  while (writes <= 1_000 || killing.killCount() < 3) {
    const { code, output } = await runTool(['fio', ...job, ...size, ...verify, ...time], cluster.folder);
    t.is(code, 0, output);
    const result = JSON.parse(output.slice(output.indexOf('{'))) as {
      jobs: { error: number; write: FioSide; read: FioSide }[];
    };
    const [{ error, write, read }] = result.jobs;
    const longestMs = Math.max(write.clat_ns.max, read.clat_ns.max) / 1e6;
    t.log(
      `${write.total_ios} writes, ${read.total_ios} reads, ${killing.killCount()} kills, ` +
        `longest stall ${longestMs.toFixed(0)} ms`,
    );
    t.is(error, 0);
    if (IS_ALONE) t.true(longestMs < 5_000, `${longestMs} ms`);
    writes += write.total_ios;
  }
  await killing.stop();
});

interface FioSide {
  readonly total_ios: number;
  readonly clat_ns: { readonly max: number };
}

test.serial('two gateways: what one has written the other reads next', async (t) => {
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SECTORS });
  const gateways = await Promise.all([startGateway(t, cluster), startGateway(t, cluster)]);
  const clients = await Promise.all(gateways.map(({ port }) => NbdClient.connect(port)));
  for (let count = 0; count < SEEN_COUNT; count += 1) {
    const [writer, reader] = count % 2 === 0 ? clients : clients.toReversed();
    const data = randomBytes(randomInt(1, 8_192));
    const offset = randomInt(writer.sizeBytes - data.length);
    await writer.write(offset, data);
    const seen = await reader.read(offset, data.length);
    if (!seen.equals(data)) t.fail(`round ${count}: ${data.length} bytes at ${offset} differ`);
  }
  for (const client of clients) client.close();
  t.log(`${SEEN_COUNT} times`);
  t.pass();
});

test.serial('without a majority requests wait, and go on when it is back', async (t) => {
  const cluster = await Cluster.start(t, { processCount: 3, sectors: 64 });
  const gateway = await startGateway(t, cluster);
  const client = await NbdClient.connect(gateway.port);
  await cluster.kill(1);
  await cluster.kill(2);
  let isWritten = false;
  const writing = client.write(10, Buffer.from('patience')).then(() => {
    isWritten = true;
  });
  await sleep(1_000);
  t.false(isWritten);
  await cluster.start(2);
  await writing;
  t.is((await client.read(10, 8)).toString(), 'patience');
  client.close();
});

test.serial('with waitMs they fail then, and the connection goes on', async (t) => {
  const config = { nbd: { waitMs: 300 } };
  const cluster = await Cluster.start(t, { processCount: 3, sectors: 64, config });
  const gateway = await startGateway(t, cluster);
  const client = await NbdClient.connect(gateway.port);
  await cluster.kill(1);
  await cluster.kill(2);
  await t.throwsAsync(client.read(0, 8), { message: 'error 5' });
  await cluster.start(2);
  await cluster.start(1);
  // Requests fail as long as a majority takes longer than that to find itself.
  const isServed = (): Promise<boolean> =>
    client.read(0, 8).then(
      ({ length }) => length === 8,
      (error: unknown) => {
        if (!(error instanceof Error) || error.message !== 'error 5') throw error;
        return false;
      },
    );
  await untilSo(isServed);
  client.close();
});

test.serial('a process that stands still does not hold up reads', async (t) => {
  const cluster = await Cluster.start(t, { processCount: 3, sectors: 1_024 });
  const gateway = await startGateway(t, cluster);
  const client = await NbdClient.connect(gateway.port);
  await client.read(0, 4_096 * 256);
  cluster.pause(2);
  let longestMs = 0;
  let readBytes = 0;
  for (let count = 0; count < 100; count += 1) {
    const startMs = performance.now();
    readBytes += (await client.read(randomInt(256) * 4_096, 4_096)).length;
    longestMs = Math.max(longestMs, performance.now() - startMs);
  }
  cluster.continue(2);
  client.close();
  t.is(readBytes, 100 * 4_096, 'while it stood still');
  t.log(`longest read ${longestMs.toFixed(0)} ms`);
  if (IS_ALONE) t.true(longestMs < 2_000, `${longestMs} ms`);
});

test.serial('hostile clients: the others go on, and memory stays within bounds', async (t) => {
  const cluster = await Cluster.start(t, { processCount: 3, sectors: 1_024 });
  const gateway = await startGateway(t, cluster);
  const sockets: Socket[] = [];
  const open = (...sent: Buffer[]): Socket => {
    const socket = connect({ host: '127.0.0.1', port: gateway.port });
    socket.on('error', () => undefined);
    socket.pause();
    socket.write(Buffer.concat(sent));
    sockets.push(socket);
    return socket;
  };
  const client = await NbdClient.connect(gateway.port);
  // Asks for 5 GiB and reads none of it.
  const flood = Array.from({ length: 5_000 }, () => request({ type: 0, length: 2 ** 20 }));
  open(clientFlags(3), option(1), ...flood);
  // Announces 32 MiB again and again, and sends a part.
  for (let count = 0; count < 10; count += 1) {
    open(clientFlags(3), option(1), request({ type: 1, length: 2 ** 22, data: Buffer.alloc(100) }));
  }
  // More half handshakes than there are places; nonsense; a huge option.
  for (let count = 0; count < 80; count += 1) open(clientFlags(3).subarray(0, count % 4));
  open(randomBytes(100_000));
  open(clientFlags(3), bytes('IHAVEOPT', [4, 7], [4, 2 ** 32 - 1]), Buffer.alloc(100_000));
  open(clientFlags(3), option(1), randomBytes(1_000));
  const startMs = performance.now();
  let residentMax = 0;
  while (performance.now() - startMs < 3_000) {
    await client.write(4_096, Buffer.from('still here'));
    t.is((await client.read(4_096, 10)).toString(), 'still here');
    const status = await readFile(`/proc/${gateway.child.pid}/status`, 'utf8');
    residentMax = Math.max(residentMax, Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024);
  }
  const newcomer = await NbdClient.connect(gateway.port);
  t.is((await newcomer.read(4_096, 10)).toString(), 'still here');
  newcomer.close();
  client.close();
  for (const socket of sockets) socket.destroy();
  t.log(`at most ${residentMax.toFixed(0)} MiB resident`);
  t.true(residentMax < 400, `${residentMax} MiB`);
});

test.serial("SIGTERM ends it with exit code 0, and what it leaves is in nobody's way", async (t) => {
  const cluster = await Cluster.start(t, { processCount: 1, sectors: 64 });
  const gateway = await startGateway(t, cluster, '--socket', 'nbd.sock');
  const client = await NbdClient.connect(gateway.port);
  await client.write(0, Buffer.from('x'));
  const exited = new Promise((resolve) => gateway.child.once('exit', resolve));
  gateway.child.kill('SIGTERM');
  t.is(await exited, 0);
  await t.throwsAsync(client.read(0, 1));
  // The next one finds nothing in its way, not even after SIGKILL.
  const next = await startGateway(t, cluster, '--socket', 'nbd.sock');
  const killed = new Promise((resolve) => next.child.once('exit', resolve));
  next.child.kill('SIGKILL');
  await killed;
  await startGateway(t, cluster, '--socket', 'nbd.sock');
  t.pass();
});
