/**
 * Hostile input on real processes: crowds, rubbish, forgeries, clients that never read. The process lives, its memory
 * and its descriptors stay bounded, and a client that behaves is served.
 */
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { ProcessMessage } from '../helpers/bytes.js';
import { processBytes, receiptBytes, requestBytes } from '../helpers/bytes.js';
import { Cluster } from '../helpers/cluster.js';
import { HANG_MS, TEST_HANG_MS } from '../helpers/hang.js';
import type { Outcome, RawClient } from '../helpers/rawClient.js';
import { SECTOR_NOWHERE } from '../helpers/rawClient.js';
import { newcomer } from '../helpers/newcomer.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import { startCrowd } from '../helpers/startCrowd.js';
import { untilSo, within } from '../helpers/within.js';

const MEBIBYTE = 2 ** 20;
/** What the whole process may take, whatever is done to it. */
const RESIDENT_BYTES_MAX = 256 * MEBIBYTE;
const SECTORS = 1_024;

const WRITTEN = { kind: 'answered', status: 'Ok', data: null } as const;
const AUTH_FAILURE = { kind: 'answered', status: 'AuthFailure', data: null } as const;
const INVALID_INDEX = { kind: 'answered', status: 'InvalidSectorIndex', data: null } as const;

async function nameRead(client: RawClient, sector: number): Promise<string | null> {
  const outcome = await within(HANG_MS, client.read(sector));
  if (outcome === 'too late' || outcome.kind === 'unknown' || outcome.data === null) {
    return `no data: ${JSON.stringify(outcome)}`;
  }
  return nameOf(outcome.data);
}

/** A write and a read that must work. */
async function assertServed(t: ExecutionContext, client: RawClient, sector = 1): Promise<void> {
  const name = `served ${randomBytes(4).toString('hex')}`;
  t.deepEqual(await within(HANG_MS, client.write(sector, sectorNamed(name))), WRITTEN);
  t.is(await nameRead(client, sector), name);
}

test.serial('2,000 idle connections and 100 slow senders against 1,024 descriptors', async (t) => {
  t.timeout(TEST_HANG_MS);
  const underLimit = ['sh', '-c', 'ulimit -n 1024; exec "$@"', 'sh'];
  const cluster = await Cluster.start(t, {
    processCount: 3,
    sectors: SECTORS,
    wrap: (command, rank) => (rank === 1 ? [...underLimit, ...command] : command),
  });
  const limits = await readFile(`/proc/${cluster.pid(1)}/limits`, 'utf8');
  t.regex(limits, /^Max open files\s+1024\s+1024\s/m);

  const before = await cluster.client(1);
  await assertServed(t, before);
  const { port } = cluster.addresses[0];
  const crowds = [1, 2, 3, 4].map(() => startCrowd(t, port, { idle: 500, slow: 25 }));
  const total = () =>
    crowds.reduce(
      (sum, crowd) => {
        const { connected, refused, closed } = crowd.report();
        return { tried: sum.tried + connected + refused, out: sum.out + refused + closed };
      },
      { tried: 0, out: 0 },
    );
  const giveUpAt = performance.now() + HANG_MS;
  while (total().tried < 2_100 && performance.now() < giveUpAt) {
    await assertServed(t, before);
    await sleep(50);
  }
  t.true(total().tried >= 2_100, `the crowd made only ${total().tried} attempts`);
  const after = await newcomer(() => cluster.client(1));
  for (let round = 0; round < 20; round += 1) {
    await Promise.all([assertServed(t, before, 1), assertServed(t, after, 2)]);
    await sleep(150);
  }
  const descriptors = (await readdir(`/proc/${cluster.pid(1)}/fd`)).length;
  const residentBytes = await cluster.residentBytes(1);
  t.log({ ...total(), descriptors, residentMiB: Math.round(residentBytes / MEBIBYTE) });
  t.true(total().out >= 1_000, 'connections beyond the limit were not refused');
  t.true(descriptors < 1_024);
  t.true(residentBytes < RESIDENT_BYTES_MAX);
  // Other processes still reach it: it can be the one that makes the majority.
  await cluster.kill(3);
  await assertServed(t, await cluster.client(2), 3);
  await Promise.all(crowds.map((crowd) => crowd.end()));
  await assertServed(t, await newcomer(() => cluster.client(1)), 4);
  t.deepEqual([...before.faults, ...after.faults], []);
});

test.serial('rubbish, and messages that never end, harm nobody', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SECTORS });
  const client = await cluster.client(1);
  await assertServed(t, client);
  const { host, port } = cluster.addresses[0];
  const flooders = await Promise.all([1, 2, 3, 4].map(() => cluster.client(1)));
  const halfMessages = await Promise.all([1, 2, 3].map(() => cluster.client(1)));
  const write = {
    kind: 'WRITE',
    requestNumber: 1n,
    sector: 2n,
    data: sectorNamed('half'),
  } as const;
  const whole = requestBytes(write, cluster.clientKey);
  halfMessages[0].sendRaw(whole.subarray(0, 3));
  halfMessages[1].sendRaw(whole.subarray(0, 2_000));
  halfMessages[2].sendRaw(whole.subarray(0, whole.length - 1));

  const before = await cluster.residentBytes(1);
  const flood = async (flooder: RawClient, lane: number): Promise<void> => {
    for (let count = 0; count < 40 && flooder.isOpen; count += 1) {
      const rubbish = randomBytes(256 * 1_024);
      // With magics in it, so that it is not just slid over: of types that exist and that do not.
      if (lane > 0) {
        const magic = Buffer.from('atdd\0\0\x02', 'latin1');
        for (let at = 0; at < rubbish.length; at += 97 * lane) magic.copy(rubbish, at);
      }
      flooder.sendRaw(rubbish);
      await sleep(5);
    }
  };
  // What rubbish is answered with, if it looks like a request, is no business of this test.
  for (const flooder of flooders) flooder.socket.removeAllListeners('data').resume();
  const floods = Promise.all(flooders.map(flood));
  for (let round = 0; round < 15; round += 1) {
    await assertServed(t, client);
    await sleep(50);
  }
  t.not(await within(HANG_MS, floods), 'too late');
  await assertServed(t, client);
  const grown = (await cluster.residentBytes(1)) - before;
  t.log(`grown by ${(grown / MEBIBYTE).toFixed(0)} MiB`);
  t.true((await cluster.residentBytes(1)) < RESIDENT_BYTES_MAX);
  // Half a message and then the end, or a reset: nothing of it is done.
  await within(3_000, halfMessages[0].end());
  halfMessages[1].socket.resetAndDestroy();
  await within(3_000, halfMessages[2].end());
  for (let count = 0; count < 50; count += 1) {
    net.connect({ host, port }, function reset(this: net.Socket) {
      this.resetAndDestroy();
    });
  }
  t.is(await nameRead(client, 2), null);
  await Promise.all(flooders.map((flooder) => flooder.destroy()));
  t.deepEqual(client.faults, []);
});

test.serial('requests that are wrong are answered as the protocol says, and do nothing', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SECTORS });
  const client = await cluster.client(1);
  const forge = async (
    request: Parameters<typeof requestBytes>[0],
    change: (bytes: Buffer) => void,
  ): Promise<Outcome> => {
    const bytes = requestBytes(request, cluster.clientKey, 'random');
    change(bytes);
    const outcome = client.expectAnswer(request.kind, request.requestNumber);
    client.sendRaw(bytes);
    return outcome;
  };
  const breakTag = (bytes: Buffer): void => {
    bytes[bytes.length - 1] ^= 1;
  };
  const leave = (): void => undefined;
  const data = sectorNamed('forged');
  const read = { kind: 'READ', requestNumber: 11n, sector: 5n, data: null } as const;
  const write = { kind: 'WRITE', requestNumber: 12n, sector: 5n, data } as const;

  t.deepEqual(await forge(read, breakTag), AUTH_FAILURE);
  t.deepEqual(await forge(write, breakTag), AUTH_FAILURE);
  const inTheData = (bytes: Buffer): void => {
    bytes[1_000] ^= 0x80;
  };
  t.deepEqual(await forge(write, inTheData), AUTH_FAILURE);
  // Padding is covered by the tag as well.
  const inThePadding = (bytes: Buffer): void => {
    bytes[5] ^= 1;
  };
  t.deepEqual(await forge(write, inThePadding), AUTH_FAILURE);
  // The tag is checked before the index.
  t.deepEqual(await forge({ ...read, sector: SECTOR_NOWHERE }, breakTag), AUTH_FAILURE);
  for (const sector of [BigInt(SECTORS), 2n ** 53n, 2n ** 63n, SECTOR_NOWHERE]) {
    t.deepEqual(await forge({ ...read, sector }, leave), INVALID_INDEX);
    t.deepEqual(await forge({ ...write, sector }, leave), INVALID_INDEX);
  }
  t.is(await nameRead(client, 5), null, 'a forged WRITE took effect');
  t.deepEqual(await client.write(SECTORS - 1, sectorNamed('last sector')), WRITTEN);
  t.is(await nameRead(client, SECTORS - 1), 'last sector');
  // On the same connection a good request with random padding, cut into single bytes, is good.
  const good = requestBytes({ ...write, requestNumber: 99n }, cluster.clientKey, 'random');
  const answer = client.expectAnswer('WRITE', 99n);
  client.sendRaw(good.subarray(0, 40));
  for (let at = 40; at < 60; at += 1) {
    client.sendRaw(good.subarray(at, at + 1));
    await sleep(2);
  }
  client.sendRaw(good.subarray(60));
  t.deepEqual(await within(HANG_MS, answer), WRITTEN);
  t.is(await nameRead(client, 5), 'forged');
  // Eight bytes of an unknown type are skipped, and what follows them is a message.
  client.sendRaw(Buffer.from('atdd\0\0\0\xff', 'latin1'));
  await assertServed(t, client);
  t.deepEqual(client.faults, []);
});

test.serial('process messages that are wrong do nothing; the same ones when right do', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SECTORS, config: { members: 'open' } });
  const peer = await cluster.client(1);
  const sector = 9n;
  const message = (change: Partial<ProcessMessage>): Omit<ProcessMessage, 'family'> => ({
    kind: 'WRITE_PROC',
    sender: 2,
    id: randomBytes(16).toString('hex'),
    sector,
    register: { timestamp: 1_000n, writeRank: 2, data: sectorNamed('imposed') },
    ...change,
  });
  const send = (change: Partial<ProcessMessage>, key: Uint8Array = cluster.systemKey): void => {
    peer.sendRaw(processBytes(message(change), key, 'random'));
  };
  send({}, randomBytes(64));
  send({}, cluster.clientKey);
  for (const sender of [0, 1, 4, 255]) send({ sender });
  for (const wrong of [BigInt(SECTORS), 2n ** 63n, SECTOR_NOWHERE]) send({ sector: wrong });
  const tooNew = { timestamp: 2n ** 64n - 1n, writeRank: 2, data: sectorNamed('too new') };
  send({ register: tooNew }, randomBytes(64));
  send({ kind: 'READ_PROC', register: null, sender: 77 });
  send({ kind: 'VALUE', sender: 3 });
  send({ kind: 'ACK', register: null, sender: 3 });
  for (const receiptFor of ['READ_PROC', 'VALUE', 'WRITE_PROC', 'ACK'] as const) {
    const id = randomBytes(16).toString('hex');
    peer.sendRaw(receiptBytes({ receiptFor, sender: 3, id }, cluster.systemKey));
  }
  // Asked last on the same connection, and answered: the process has looked at all before it.
  const asked = peer.inquire('STATUS');
  t.is((await asked).kind, 'answered');
  const client = await cluster.client(1);
  t.is(await nameRead(client, Number(sector)), null, 'a wrong WRITE_PROC took effect');
  send({});
  // Nothing of what was sent before it on this connection can come later than it.
  await untilSo(async () => (await nameRead(client, Number(sector))) === 'imposed');
  await assertServed(t, client, Number(sector));
  for (const rank of cluster.ranks) await assertServed(t, await cluster.client(rank));
});

test.serial('clients that send and never read cost bounded memory, and others are served', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SECTORS });
  const client = await cluster.client(1);
  for (let sector = 0; sector < 64; sector += 1) {
    t.deepEqual(await client.write(sector, sectorNamed(`s${sector}`)), WRITTEN);
  }
  const before = await cluster.residentBytes(1);
  const deaf = await Promise.all(Array.from({ length: 10 }, () => cluster.client(1)));
  for (const [index, one] of deaf.entries()) {
    one.socket.removeAllListeners('data').pause();
    for (let count = 0; count < 4_000; count += 1) {
      const fixed = { requestNumber: BigInt(count), sector: BigInt(count % 64) };
      const request =
        index % 2 === 0
          ? ({ kind: 'READ', data: null, ...fixed } as const)
          : ({ kind: 'WRITE', data: sectorNamed(`d${count}`), ...fixed, sector: 100n } as const);
      one.sendRaw(requestBytes(request, cluster.clientKey));
    }
  }
  let peak = before;
  for (let round = 0; round < 25; round += 1) {
    await assertServed(t, client, 900);
    peak = Math.max(peak, await cluster.residentBytes(1));
    await sleep(75);
  }
  t.log({
    beforeMiB: Math.round(before / MEBIBYTE),
    peakMiB: Math.round(peak / MEBIBYTE),
  });
  t.true(peak < RESIDENT_BYTES_MAX, `${peak} bytes`);
  await Promise.all(deaf.map((one) => one.destroy()));
  await assertServed(t, client);
  t.deepEqual(client.faults, []);
});
