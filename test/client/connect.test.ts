/** The library as a program uses it, over real sockets, against processes played by the test. */
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { AtomicDiskClient, AttemptEvent, ConnectOptions } from '../../src/client/client.js';
import { connect, openClient } from '../../src/client/client.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { serializeResponse } from '../../src/wire/serialize.js';
import { createTagger } from '../../src/wire/tag.js';
import { untilSo } from '../helpers/within.js';

const CLIENT_KEY = Buffer.alloc(32, 3);
const SECTORS = 64n;

interface PlayedProcess {
  readonly port: number;
  readonly sockets: Set<Socket>;
  /** Requests taken in. */
  count: number;
  /** While true, requests are taken in and not answered. */
  silent: boolean;
  /** As SIGKILL does. */
  kill(): void;
}

/** Processes that share one disk in memory: what a healthy cluster looks like to a client. */
async function play(
  t: ExecutionContext,
  processCount: number,
): Promise<{ processes: PlayedProcess[]; options: ConnectOptions }> {
  const disk = new Map<bigint, Uint8Array>();
  const processes: PlayedProcess[] = [];
  for (let rank = 1; rank <= processCount; rank += 1) processes.push(await playOne(t, disk));
  const addresses = processes.map(({ port }) => ({ host: '127.0.0.1', port }));
  return { processes, options: { processes: addresses, clientKey: CLIENT_KEY } };
}

async function playOne(t: ExecutionContext, disk: Map<bigint, Uint8Array>): Promise<PlayedProcess> {
  const server: Server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const sockets = new Set<Socket>();
  const process: PlayedProcess = {
    port,
    sockets,
    count: 0,
    silent: false,
    kill() {
      server.close();
      for (const socket of sockets) socket.resetAndDestroy();
    },
  };
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('end', () => socket.end());
    answerOn(socket, process, disk);
  });
  t.teardown(() => {
    process.kill();
  });
  return process;
}

function answerOn(socket: Socket, process: PlayedProcess, disk: Map<bigint, Uint8Array>): void {
  const tagger = createTagger(CLIENT_KEY);
  const decoder = createFrameDecoder(SERVER_MESSAGES);
  socket.on('data', (chunk) => {
    for (const { type, bytes } of decoder.push(chunk)) {
      process.count += 1;
      const message = type.parse(bytes);
      if (message.family !== 'request' || process.silent) continue;
      const { request, requestNumber, sector } = message;
      const authentic = tagger.verify(bytes);
      const exists = sector < SECTORS;
      if (authentic && exists && message.data !== null) {
        disk.set(sector, Uint8Array.from(message.data));
      }
      const value = disk.get(sector) ?? new Uint8Array(4096);
      const isOk = authentic && exists;
      const status = isOk ? 'ok' : authentic ? 'invalidSectorIndex' : 'authFailure';
      const data = isOk && request === 'read' ? value : null;
      socket.write(serializeResponse({ request, status, requestNumber, data }, tagger));
    }
  });
}

test('sectors and byte ranges are written and read back', async (t) => {
  const { options } = await play(t, 3);
  const client = await connect(options);
  await client.writeSector(5, new Uint8Array(4096).fill(5));
  t.deepEqual(await client.readSector(5), new Uint8Array(4096).fill(5));
  t.deepEqual(await client.readSector(6), new Uint8Array(4096));
  const text = Buffer.alloc(50_000, 'atomic ');
  await client.write(10_001, text);
  t.true(text.equals(await client.read(10_001, text.length)));
  t.deepEqual((await client.read(10_000, 3)).slice(1), new Uint8Array(text.subarray(0, 2)));
  t.deepEqual(await client.read(10_000n, 0), new Uint8Array(0));
  await client.close();
});

test('what was read belongs to the caller, and so does what is being written', async (t) => {
  const { options } = await play(t, 3);
  const client = await connect(options);
  const data = new Uint8Array(4096).fill(5);
  const written = [client.writeSector(5, data), client.writeSector(6, data)];
  data.fill(9);
  await Promise.all(written);
  const read = await Promise.all([client.readSector(5), client.readSector(6)]);
  for (const sector of read) {
    t.deepEqual(sector, new Uint8Array(4096).fill(5));
    t.is(sector.buffer.byteLength, 4096, 'memory of its own');
  }
  await client.close();
});

test('many operations at once are spread over all connections', async (t) => {
  const { processes, options } = await play(t, 3);
  const client = await connect({ ...options, connectionsPerProcess: 2 });
  // The others follow the first connection within moments.
  while (processes.some(({ sockets }) => sockets.size < 2)) await client.readSector(0);
  await Promise.all(Array.from({ length: 600 }, (_, index) => client.readSector(index % 64)));
  for (const { count } of processes) t.true(count > 100, `${count} requests`);
  await client.close();
  for (const { sockets } of processes) t.is(sockets.size, 0);
});

test('`connections` deals them out over the processes', async (t) => {
  const { processes, options } = await play(t, 3);
  const client = await connect({ ...options, connections: 5 });
  const counts = () => processes.map(({ sockets }) => sockets.size);
  // Beside one to each, over which the mode is asked for.
  while (counts().reduce((sum, count) => sum + count) < 8) await client.readSector(0);
  t.deepEqual(counts(), [3, 3, 2]);
  await client.close();
  const open = await connect({ ...options, mode: 'open', connections: 5 });
  await open.readSector(0);
  await untilSo(() => counts().reduce((sum, count) => sum + count) === 5);
  t.deepEqual(counts(), [2, 2, 1]);
  await open.close();
});

test('an operation survives the death of its process', async (t) => {
  const { processes, options } = await play(t, 2);
  const events: AttemptEvent[] = [];
  const client = await connect({ ...options, mode: 'open', onAttempt: (event) => events.push(event) });
  await Promise.all([client.ping(1), client.ping(2)]);
  for (const process of processes) process.silent = true;
  const writes = Promise.all(
    [0, 1, 2, 3].map((sector) => client.writeSector(sector, new Uint8Array(4096).fill(sector))),
  );
  while (processes.some(({ count }) => count < 3)) await client.ping(1, 20).catch(() => undefined);
  processes[1].silent = false;
  processes[0].kill();
  // The writes that the dead process had are written by the other; its own stay unanswered.
  while (events.filter(({ event }) => event === 'answered').length < 2) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.deepEqual(
    events.filter(({ event }) => event === 'lost').map(({ rank }) => rank),
    [1, 1],
  );
  for (const socket of processes[1].sockets) socket.resetAndDestroy();
  await writes;
  t.deepEqual((await client.readSector(3))[0], 3);
  await client.close();
});

/** Pings with so much time until it says that; what it knows may come later than that time. */
function pingSays(client: AtomicDiskClient, rank: number, ms: number, pattern: RegExp): Promise<void> {
  let said = '';
  return untilSo(
    async () => {
      said = await client.ping(rank, ms).then(() => 'answered', String);
      return pattern.test(said);
    },
    () => `it says ${said}`,
  );
}

test('ping measures each process by itself, and tells what is wrong', async (t) => {
  const { processes, options } = await play(t, 2);
  const client = openClient(options);
  const latencyMs = await client.ping(1);
  t.true(latencyMs > 0);
  processes[1].kill();
  await t.throwsAsync(client.ping(2, 300), { code: 'ATDD_TIMEOUT' });
  await pingSays(client, 2, 300, /process 2 did not answer within 300 ms: .*ECONNREFUSED/);
  await t.throwsAsync(client.ping(3), { code: 'ATDD_USAGE' });
  await client.close();
});

test('a client with another key gets nothing done and hears why', async (t) => {
  const { options } = await play(t, 1);
  const warnings: string[] = [];
  const log = { debugEnabled: false, debug: () => undefined, info: () => undefined };
  const client = await connect({
    ...options,
    clientKey: Buffer.alloc(32, 4),
    timeouts: { operationMs: 200 },
    log: {
      ...log,
      error: () => undefined,
      warn: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`),
    },
  });
  await t.throwsAsync(client.writeSector(0, new Uint8Array(4096)), { code: 'ATDD_TIMEOUT' });
  // The answer may come after that.
  await untilSo(() => warnings.length > 0);
  t.true(client.counters.badTagResponses > 0);
  t.regex(warnings.join(), /wrong tags: is the client key the right one/);
  await pingSays(client, 1, 100, /wrong tags/);
  await client.close();
});

test('errors have codes', async (t) => {
  const { options } = await play(t, 1);
  const client = await connect(options);
  await t.throwsAsync(client.readSector(64), { code: 'ATDD_INVALID_SECTOR_INDEX' });
  await t.throwsAsync(client.readSector(-1), { code: 'ATDD_INVALID_SECTOR_INDEX' });
  await t.throwsAsync(client.writeSector(0, new Uint8Array(1)), { code: 'ATDD_RANGE' });
  await t.throwsAsync(client.read(-1, 1), { code: 'ATDD_RANGE' });
  const closed = client.close();
  await t.throwsAsync(client.readSector(0), { code: 'ATDD_CLIENT_CLOSED' });
  await closed;
  const bounded = await connect({ ...options, sectors: 8 });
  await t.throwsAsync(bounded.readSector(8), { code: 'ATDD_INVALID_SECTOR_INDEX' });
  await t.throwsAsync(bounded.write(8 * 4096 - 1, new Uint8Array(2)), { code: 'ATDD_RANGE' });
  await bounded.close();
});

test('connect waits for a process, as long as it is told to', async (t) => {
  const { processes, options } = await play(t, 1);
  processes[0].kill();
  await t.throwsAsync(connect({ ...options, timeouts: { connectMs: 200 } }), {
    code: 'ATDD_TIMEOUT',
    message: 'no process took a connection within 200 ms',
  });
});

test('options that make no sense are refused', async (t) => {
  const { options } = await play(t, 1);
  const wrong: Partial<ConnectOptions>[] = [
    { processes: [] },
    { processes: [{ host: 'x', port: 0 }] },
    { clientKey: new Uint8Array(31) },
    { sectors: 0 },
    { connections: 1e9 },
    { connectionsPerProcess: 0 },
    { outstandingPerConnection: 256 },
    { windowSectors: 0.5 },
    { timeouts: { operationMs: 0 } },
    { timeouts: { unansweredMs: Infinity } },
  ];
  for (const change of wrong) {
    await t.throwsAsync(connect({ ...options, ...change }), { code: 'ATDD_USAGE' }, JSON.stringify(change));
  }
});
