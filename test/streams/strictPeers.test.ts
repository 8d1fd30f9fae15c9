/** Three processes of the strict mode: their replicas, and the coordinators of their clients. */
import test from 'ava';
import { Bundler } from '../../src/wire/bundle.js';
import { OFFSET_TYPE } from '../../src/wire/constants.js';
import { Packer } from '../../src/wire/strict/pack.js';
import { OutgoingMessage } from '../../src/wire/outgoingMessage.js';
import { createTagger } from '../../src/wire/tag.js';
import { processBytes, receiptBytes } from '../helpers/bytes.js';
import { DATA, ID, SYSTEM_KEY } from '../wire/messages.js';
import { StrictCluster } from './strictCluster.js';
import { dataOf } from './strictFakes.js';
import { KEYS } from './virtualProcess.js';

test('a client of each process reads what the clients of the others have written', (t) => {
  const cluster = new StrictCluster();
  const clients = [1, 2, 3].map((rank) => cluster.client(rank));
  clients.forEach((client, index) => {
    client.write(1, 10 + index, 100 + index);
  });
  cluster.pass(100);
  for (const client of clients) {
    t.deepEqual(client.answers.splice(0), [{ number: 1, request: 'write', value: null }]);
    for (const sector of [10, 11, 12, 13]) client.read(sector, sector);
  }
  cluster.pass(100);
  for (const client of clients) {
    t.deepEqual(
      client.answers.map(({ value }) => value),
      [100, 101, 102, 0],
    );
  }
  for (const sector of [10, 11, 12]) t.is(new Set(cluster.values(sector)).size, 1, 'all three have it');
  t.deepEqual(cluster.failures, []);
});

/** Writes to these sectors one after the other, through a client of that process. */
function writeAll(cluster: StrictCluster, rank: number, sectors: readonly number[], valueOf: (at: number) => number) {
  const client = cluster.client(rank);
  for (const sector of sectors) {
    client.write(sector, sector, valueOf(sector));
    cluster.pass(20);
  }
  return client;
}

/** The sectors in which the copies differ. */
function differing(cluster: StrictCluster, sectors: readonly number[]): number[] {
  return sectors.filter((sector) => new Set(cluster.stamps(sector)).size > 1);
}

const SECTORS = [0, 1, 2, 300, 301, 1_023, 1_024, 2_000, 2_999];

test('a process that was away finds all that it has missed, and only that is touched', (t) => {
  const cluster = new StrictCluster();
  writeAll(cluster, 1, SECTORS, () => 7);
  cluster.pass(5_000);
  cluster.crash(3);
  const missed = SECTORS.slice(3, 7);
  const client = writeAll(cluster, 1, missed, (sector) => sector);
  t.is(client.answers.length, missed.length, 'two of three are enough');
  cluster.pass(10_000);
  t.deepEqual(differing(cluster, SECTORS), missed);
  t.like(cluster.status(1), { members: 'strict', missed: { 3: missed.length }, strict: { promises: 0, floors: 0 } });
  const before = SECTORS.map((sector) => cluster.host(1).store.versionOf(sector).stamp);
  cluster.start(3);
  cluster.pass(30_000);
  t.deepEqual(differing(cluster, SECTORS), []);
  t.like(cluster.status(1), { missed: {}, strict: { toCheck: 0 } });
  for (const sector of missed) t.deepEqual(cluster.values(sector), [sector, sector, sector]);
  const after = SECTORS.map((sector) => cluster.host(1).store.versionOf(sector).stamp);
  t.deepEqual(after, before, 'what is settled is handed over as it is');
  const put = cluster
    .host(3)
    .store.calls.flat()
    .map(({ range }) => range.count);
  t.is(
    put.reduce((sum, count) => sum + count, 0),
    missed.length,
  );
  t.deepEqual(cluster.failures, []);
});

test('after a crash in the midst of writes all is settled, no promise is left, and no region stays active', (t) => {
  const cluster = new StrictCluster();
  const sectors = [5, 6, 1_500];
  const client = cluster.client(2);
  for (const sector of sectors) client.write(sector, sector, 1);
  // Ordered, and on the way to the disks.
  cluster.pass(7);
  for (const rank of [1, 2, 3]) cluster.crash(rank);
  cluster.pass(1_000);
  for (const rank of [1, 2, 3]) cluster.start(rank);
  cluster.pass(60_000);
  t.deepEqual(differing(cluster, sectors), []);
  t.deepEqual(activeNotes(cluster), [], 'what is not open is cleared');
  const reader = cluster.client(1);
  for (const sector of sectors) reader.read(sector, sector);
  cluster.pass(100);
  t.deepEqual(
    reader.answers.map(({ value }) => value),
    sectors.map((sector) => cluster.values(sector)[0]),
  );
  t.deepEqual(cluster.failures, []);
});

/** Lets time pass until the process has made a region active: its ORDER is about to be answered. */
function passUntilOrdered(cluster: StrictCluster, rank: number): void {
  while (!cluster.host(rank).notes.durable.has('strict-active-0')) cluster.pass(1);
}

/** The notes of active regions of all hosts. */
function activeNotes(cluster: StrictCluster): string[] {
  return cluster.hosts
    .flatMap(({ notes }) => [...notes.durable.keys()])
    .filter((name) => name.startsWith('strict-active'));
}

test('what the coordinator in a dead process has stored on one replica is settled by the others', (t) => {
  const cluster = new StrictCluster();
  cluster.client(3).write(1, 40, 9);
  passUntilOrdered(cluster, 2);
  cluster.host(2).isCut = true;
  while (!cluster.host(1).store.copies.has(40)) cluster.pass(1);
  cluster.crash(3);
  cluster.host(2).isCut = false;
  t.false(cluster.host(2).store.copies.has(40));
  cluster.pass(30_000);
  t.deepEqual(cluster.values(40).slice(0, 2), [9, 9]);
  t.is(new Set(cluster.stamps(40).slice(0, 2)).size, 1);
  cluster.start(3);
  cluster.pass(60_000);
  t.deepEqual(differing(cluster, [40]), []);
  t.deepEqual(activeNotes(cluster), []);
  t.deepEqual(cluster.failures, []);
});

test('what the coordinator in a dead process has only ordered is settled by the others', (t) => {
  const cluster = new StrictCluster();
  cluster.client(3).write(1, 40, 9);
  passUntilOrdered(cluster, 1);
  cluster.crash(3);
  cluster.pass(1_000);
  t.true(cluster.hosts.slice(0, 2).every(({ notes }) => notes.durable.has('strict-active-0')));
  cluster.start(3);
  cluster.pass(60_000);
  t.deepEqual(cluster.values(40), [0, 0, 0]);
  t.deepEqual(activeNotes(cluster), [], 'no promise is left');
  t.deepEqual(cluster.failures, []);
});

test('a damaged copy is mended from the others when it is found', (t) => {
  const cluster = new StrictCluster();
  writeAll(cluster, 1, [8, 9], () => 3);
  cluster.pass(10_000);
  const { store } = cluster.host(1);
  store.damaged.add(8);
  const client = cluster.client(1);
  // The nearest replica is asked for the data.
  for (let number = 0; number < 4; number += 1) {
    client.read(number, 8);
    cluster.pass(50);
  }
  t.deepEqual(new Set(client.answers.map(({ value }) => value)), new Set([3]));
  cluster.pass(5_000);
  t.false(store.damaged.has(8));
  t.deepEqual(cluster.values(8), [3, 3, 3]);
  t.deepEqual(cluster.failures, []);
});

const register = { timestamp: 5n, writeRank: 2, data: DATA };
for (const [name, bytesOf] of Object.entries({
  READ_PROC: (sender: number) =>
    processBytes({ kind: 'READ_PROC', sender, id: ID, sector: 5n, register: null }, SYSTEM_KEY),
  WRITE_PROC: (sender: number) =>
    processBytes({ kind: 'WRITE_PROC', sender, id: ID, sector: 5n, register }, SYSTEM_KEY),
  receipts: (sender: number) => receiptBytes({ receiptFor: 'WRITE_PROC', sender, id: ID }, SYSTEM_KEY),
  bundles: (sender: number) => Buffer.concat(bundleOf(sender)),
})) {
  test(`${name} of the open mode are refused, with one warning for each peer`, (t) => {
    const cluster = new StrictCluster();
    const foreign = cluster.connect(1);
    for (let round = 0; round < 3; round += 1) {
      for (const sender of [2, 3]) foreign.write([bytesOf(sender)]);
      cluster.pass(100);
    }
    const said = cluster.warnings.filter(({ message }) => message.includes('open mode'));
    t.deepEqual(
      said.map(({ rank, fields: { peer } }) => [rank, peer]),
      [
        [1, 2],
        [1, 3],
      ],
    );
    t.deepEqual(cluster.host(1).store.calls, []);
    t.deepEqual(cluster.failures, []);
  });
}

/** A bundle with one question. */
function bundleOf(sender: number): readonly Uint8Array[] {
  const tagger = createTagger(SYSTEM_KEY);
  const question = { sender, sector: 5, content: { kind: 'readStamp', id: 'i'.repeat(16) } } as const;
  return new Bundler(sender, tagger).pack([new OutgoingMessage(question, false, tagger)]);
}

test('a pack in the name of a process is taken in only from one that has proven itself', (t) => {
  const cluster = new StrictCluster();
  const stranger = cluster.connect(1);
  const types: number[] = [];
  stranger.bytes$.subscribe((chunk) => types.push(chunk[OFFSET_TYPE]));
  const range = { first: 5, count: 1 };
  const stamp = { counter: 1n, coordinator: 'c'.repeat(16) };
  const store = { kind: 'store', range, stamp, origin: stamp, data: dataOf(1) } as const;
  stranger.write(new Packer(2, createTagger(KEYS.systemKey)).packRequests([{ number: 1, request: store }]));
  cluster.pass(100);
  t.deepEqual(types, []);
  t.deepEqual(cluster.host(1).store.calls, []);
  t.true(cluster.warnings.some(({ fields: { reason } }) => reason === 'unexpectedFamily'));
});

test('a silent peer costs no answer: the others are enough, and the connection to it is made anew', (t) => {
  const cluster = new StrictCluster();
  cluster.host(3).isCut = true;
  const client = writeAll(cluster, 1, SECTORS, (sector) => sector + 1);
  cluster.pass(100);
  t.is(client.answers.length, SECTORS.length);
  // Longer than linkSilentMs: without it nothing would be sent over the old connections again.
  cluster.pass(20_000);
  const isSaid = ({ rank, fields }: (typeof cluster.warnings)[number]) =>
    rank === 1 && fields.peer === 3 && String(fields.trouble).includes('answered nothing');
  t.true(cluster.warnings.some(isSaid));
  cluster.host(3).isCut = false;
  cluster.pass(40_000);
  t.deepEqual(differing(cluster, SECTORS), []);
  t.deepEqual(cluster.values(300), [301, 301, 301]);
  t.deepEqual(cluster.failures, []);
});

test('of a client that is gone, what no replica was told to store is given up, and the rest is waited for', (t) => {
  const cluster = new StrictCluster();
  cluster.crash(2);
  cluster.crash(3);
  cluster.pass(100);
  const client = cluster.client(1);
  client.write(1, 20, 4);
  client.read(2, 21);
  cluster.pass(100);
  t.is(cluster.host(1).running!.stats().operations, 2);
  client.end.end();
  cluster.pass(10);
  t.is(cluster.host(1).running!.stats().operations, 0, 'there is no majority: neither has stored anything');
  t.true(client.hasEnded);
  cluster.start(2);
  cluster.start(3);
  cluster.pass(30_000);
  t.deepEqual(cluster.values(20), [0, 0, 0]);
  const { calls } = cluster.host(2).store;
  // What the ORDER has promised was healed.
  const healCount = calls.length;
  const other = cluster.client(1);
  other.write(1, 20, 5);
  // Its ORDER is answered, and its STORE is on the way.
  while (calls.length === healCount) cluster.pass(1);
  other.end.end();
  cluster.pass(100);
  t.true(other.hasEnded);
  t.deepEqual(cluster.values(20), [5, 5, 5]);
  t.deepEqual(cluster.failures, []);
});
