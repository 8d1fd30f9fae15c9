/** The library against a cluster of real processes that are killed, stopped and started again. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { asyncScheduler, firstValueFrom, lastValueFrom, tap } from 'rxjs';
import type { AttemptEvent, ConnectOptions } from '../../src/client/client.js';
import { connect } from '../../src/client/client.js';
import { CLIENT_TIMEOUTS_DEFAULT } from '../../src/client/clientDefaults.js';
import { DiskClient } from '../../src/client/diskClient.js';
import { systemRandom } from '../../src/shell/systemRandom.js';
import type { TcpConnection } from '../../src/shell/tcpConnection.js';
import { dialTcp } from '../../src/shell/tcpConnection.js';
import { turnScheduler } from '../../src/shell/turnScheduler.js';
import { createTagger } from '../../src/wire/tag.js';
import { Cluster } from '../helpers/cluster.js';
import { HANG_MS } from '../helpers/hang.js';
import { freeAddresses } from '../helpers/ports.js';
import { untilStatus } from '../helpers/processStatus.js';
import { Relay } from '../helpers/relay.js';
import { dice } from '../helpers/seed.js';
import type { TestScope } from '../helpers/testScope.js';
import { untilSo } from '../helpers/within.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';

/**
 * Three processes that all vote. One that was slow to start finds the others begun without it, and takes in what they
 * have first; until then a majority needs both of them.
 */
async function startWhole(t: TestScope): Promise<Cluster> {
  const cluster = await Cluster.start(t, { processCount: 3 });
  for (const rank of cluster.ranks) {
    await untilStatus(cluster, rank, HANG_MS, ({ standing }) => standing === 'member');
  }
  return cluster;
}

function optionsFor(cluster: Cluster, events: AttemptEvent[]): ConnectOptions {
  return {
    processes: cluster.addresses,
    clientKey: cluster.clientKey,
    mode: 'open',
    sectors: 1_024,
    timeouts: { unansweredMs: 500, reconnectMsMax: 200 },
    onAttempt: (event) => events.push(event),
  };
}

test('operations without a majority are finished when it is back', async (t) => {
  const cluster = await startWhole(t);
  const events: AttemptEvent[] = [];
  const client = await connect(optionsFor(cluster, events));
  await client.writeSector(0, sectorNamed('before'));
  await Promise.all([1, 2, 3].map((rank) => client.ping(rank)));
  await cluster.kill(2);
  await cluster.kill(3);
  events.length = 0;
  const write = client.writeSector(0, sectorNamed('after'));
  const read = client.readSector(1);
  // The process that is left cannot finish them. It is left, drops them since they are in their read phase, and says so
  // by ending its half; so they are sent again, more than once.
  while (events.filter(({ event }) => event === 'lost').length < 4) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await cluster.start(2);
  await write;
  await read;
  t.is(nameOf(Buffer.from(await client.readSector(0))), 'after');
  t.is(nameOf(Buffer.from(await client.readSector(1))), null);
  await client.close();
});

test('a write at a process that stands still waits for it; reads and others go on', async (t) => {
  const cluster = await startWhole(t);
  const events: AttemptEvent[] = [];
  const client = await connect(optionsFor(cluster, events));
  await Promise.all([1, 2, 3].map((rank) => client.ping(rank)));
  cluster.pause(1);
  const settled: string[] = [];
  const operations = Array.from({ length: 12 }, async (_, sector) => {
    if (sector % 2 === 0) await client.writeSector(sector, sectorNamed(`w${sector}`));
    else await client.readSector(sector);
    settled.push(sector % 2 === 0 ? 'write' : 'read');
  });
  /** Writes that are at process 1; on a busy machine some come there when another is given up. */
  const stuck = (): number => {
    const at = new Set<number>();
    for (const { rank, kind, sector, event } of events) {
      if (rank !== 1 || kind !== 'write') continue;
      if (event === 'sent') at.add(sector);
      else at.delete(sector);
    }
    return at.size;
  };
  t.true(stuck() > 0);
  await untilSo(() => settled.length >= 12 - stuck());
  await sleep(1_000);
  t.is(settled.filter((kind) => kind === 'read').length, 6, 'every read moved on');
  t.is(settled.length, 12 - stuck(), 'no write was sent elsewhere while it might still take effect');
  t.true(stuck() > 0);
  cluster.continue(1);
  await Promise.all(operations);
  for (let sector = 0; sector < 12; sector += 2) {
    t.is(nameOf(Buffer.from(await client.readSector(sector))), `w${sector}`);
  }
  await client.close();
});

test('a steady stream of operations survives processes that die in turn', async (t) => {
  const cluster = await startWhole(t);
  const client = await connect(optionsFor(cluster, []));
  let stop = false;
  const last = new Map<number, string>();
  const workers = Array.from({ length: 16 }, async (_, sector) => {
    for (let round = 0; !stop; round += 1) {
      const name = `sector ${sector} round ${round}`;
      await client.writeSector(sector, sectorNamed(name));
      last.set(sector, name);
      t.is(nameOf(Buffer.from(await client.readSector(sector))), name);
    }
  });
  for (const rank of [1, 2, 3]) {
    await cluster.kill(rank);
    await new Promise((resolve) => setTimeout(resolve, 150));
    await cluster.start(rank);
  }
  stop = true;
  await Promise.all(workers);
  t.is(last.size, 16);
  t.true(client.counters.lostConnections >= 3);
  await client.close();
});

/** A client of process 1 alone, by way of a relay, and the connections that it has made. */
async function startBehindRelay(t: TestScope, cluster: Cluster) {
  const [entrance] = await freeAddresses(1);
  const random = dice(1);
  const relay = new Relay({ destination: cluster.addresses[0], random, isHonest: false });
  await relay.listen(entrance);
  t.teardown(() => relay.close());
  const connections: TcpConnection[] = [];
  const ignore = (): void => undefined;
  const client = new DiskClient(
    {
      slots: [1],
      outstandingPerConnection: 64,
      windowSectors: 64,
      timeouts: CLIENT_TIMEOUTS_DEFAULT,
      tagger: createTagger(cluster.clientKey),
    },
    {
      dial: () => dialTcp(entrance).pipe(tap((connection) => connections.push(connection))),
      schedulers: { clock: asyncScheduler, turn: turnScheduler },
      random: systemRandom(),
      log: { debugEnabled: false, debug: ignore, info: ignore, warn: ignore, error: ignore },
    },
  );
  client.run$.subscribe();
  return { relay, connections, client };
}

test('a held write waits while its process lives, and goes on when that starts anew', async (t) => {
  const cluster = await startWhole(t);
  const { relay, connections, client } = await startBehindRelay(t, cluster);
  const setSilent = (isSilent: boolean): void => {
    relay.silence('forth', isSilent);
    relay.silence('back', isSilent);
  };
  await firstValueFrom(client.inquire(1, 'status', HANG_MS));
  setSilent(true);
  let isWritten = false;
  const written = lastValueFrom(client.write(7, sectorNamed('held')), { defaultValue: null });
  void written.then(() => {
    isWritten = true;
  });
  await sleep(50);
  // As when keep-alive has run out: the process is not told.
  connections[0].destroy();
  while (client.counters.heldWrites === 0) await sleep(10);
  setSilent(false);
  await firstValueFrom(client.inquire(1, 'status', HANG_MS));
  t.is(connections.length, 2);
  await sleep(200);
  t.false(isWritten, 'this very process might still begin it');
  await cluster.kill(1);
  await cluster.start(1);
  await written;
  t.is(nameOf(Buffer.from(await firstValueFrom(client.read(7)))), 'held');
  t.is(client.counters.writesSent, 2);
  await lastValueFrom(client.close(), { defaultValue: null });
});
