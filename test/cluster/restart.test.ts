/** Processes that go down and come back: what goes on, what is kept, what must not happen late. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Cluster, MAIN_FILE } from '../helpers/cluster.js';
import { HANG_MS, TEST_HANG_MS } from '../helpers/hang.js';
import { runToEnd } from '../helpers/runToEnd.js';
import { freeAddresses } from '../helpers/ports.js';
import type { RawClient } from '../helpers/rawClient.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import { untilSo, within } from '../helpers/within.js';

const OK = { kind: 'answered', status: 'Ok', data: null } as const;

async function nameRead(client: RawClient, sector: number): Promise<string | null> {
  const outcome = await client.read(sector);
  if (outcome.kind === 'unknown' || outcome.data === null) return 'no answer';
  return nameOf(outcome.data);
}

async function writeNamed(t: ExecutionContext, client: RawClient, sectors: readonly number[], by: string) {
  const outcomes = await Promise.all(sectors.map((sector) => client.write(sector, sectorNamed(`${by} ${sector}`))));
  for (const outcome of outcomes) t.deepEqual(outcome, OK);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test.serial('with one process killed the others go on without a pause', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3 });
  const client = await cluster.client(1);
  await writeNamed(t, client, upTo(20), 'before');
  let longestMs = 0;
  let count = 0;
  const writeOne = async (): Promise<void> => {
    const began = performance.now();
    t.deepEqual(await client.write(count % 20, sectorNamed(`steady ${count}`)), OK);
    longestMs = Math.max(longestMs, performance.now() - began);
    count += 1;
  };
  let isKilled = false;
  const steadily = async (): Promise<void> => {
    while (!isKilled) await writeOne();
    for (let more = 0; more < 100; more += 1) await writeOne();
  };
  const running = steadily();
  await cluster.kill(3);
  isKilled = true;
  await running;
  // How long a pause would be is a matter of virtual time: test/streams/peerDies.test.ts.
  t.log(`${count} writes, the longest took ${longestMs.toFixed(0)} ms`);
  t.deepEqual(client.faults, []);
});

test.serial('all processes killed at once come back with every acknowledged value', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3 });
  const acknowledged = new Map<number, string>();
  /** Not answered: may be found, now or at any later time. Each round has sectors of its own. */
  const maybe = new Map<number, string>();
  for (let round = 0; round < 3; round += 1) {
    const clients = await Promise.all(cluster.ranks.map((rank) => cluster.client(rank)));
    // A stream of writes to sectors of its own from each client, cut off in the middle.
    const streams = clients.map(async (client, index) => {
      for (let count = 0; ; count += 1) {
        const sector = round * 300 + index * 100 + (count % 100);
        const value = `round ${round}, write ${count}`;
        maybe.set(sector, value);
        const outcome = await client.write(sector, sectorNamed(value));
        if (outcome.kind === 'unknown') return;
        t.deepEqual(outcome, OK);
        acknowledged.set(sector, value);
        maybe.delete(sector);
      }
    });
    // Also at moments that are no round number of writes.
    const wanted = acknowledged.size + 20;
    await untilSo(() => acknowledged.size >= wanted);
    await sleep(200 + round * 300);
    await Promise.all(cluster.ranks.map((rank) => cluster.kill(rank)));
    await Promise.all(streams);
    await cluster.startAll();
    const reader = await cluster.client((round % 3) + 1);
    for (const [sector, value] of acknowledged) {
      const found = await nameRead(reader, sector);
      const unanswered = maybe.get(sector);
      // Once seen it stays.
      if (unanswered !== undefined && found === unanswered) acknowledged.set(sector, unanswered);
      else t.is(found, value, `sector ${sector} lost its acknowledged value in round ${round}`);
    }
  }
  t.log(`${acknowledged.size} sectors`);
  t.true(acknowledged.size >= 50);
});

test.serial('a process that missed writes gives the newest value when it comes back', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3 });
  const first = await cluster.client(1);
  await writeNamed(t, first, upTo(30), 'old');
  await cluster.kill(3);
  await writeNamed(t, first, upTo(30), 'new');
  await cluster.start(3);
  // Now only one process that has the new values is left beside the one that has the old ones.
  await cluster.kill(2);
  const third = await cluster.client(3);
  const names = await Promise.all(upTo(30).map((sector) => nameRead(third, sector)));
  t.deepEqual(
    names,
    upTo(30).map((sector) => `new ${sector}`),
  );
});

test.serial('a WRITE whose client is gone before it found a majority never takes effect', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3 });
  const first = await cluster.client(1);
  await writeNamed(t, first, [0, 1, 2], 'kept');
  await Promise.all([cluster.kill(2), cluster.kill(3)]);
  const leaving = await cluster.client(1);
  const breaking = await cluster.client(1);
  const staying = await cluster.client(1);
  const abandoned = [
    leaving.write(0, sectorNamed('abandoned by FIN')),
    breaking.write(1, sectorNamed('abandoned by RST')),
  ];
  const waitedFor = staying.write(2, sectorNamed('waited for'));
  t.is(await within(700, Promise.race([...abandoned, waitedFor])), 'too late', 'no majority, no answer');
  // The process must end its side by itself once nothing of that client is under way.
  t.not(await within(HANG_MS, leaving.end()), 'too late', 'FIN was not answered');
  breaking.socket.resetAndDestroy();
  t.deepEqual(await Promise.all(abandoned), [{ kind: 'unknown' }, { kind: 'unknown' }]);
  await sleep(300);
  await Promise.all([cluster.start(2), cluster.start(3)]);
  t.deepEqual(await within(HANG_MS, waitedFor), OK, 'the one that waited is done');
  // Long enough for anything that is sent again to be sent again.
  await sleep(2_500);
  for (const rank of cluster.ranks) {
    const reader = await cluster.client(rank);
    t.is(await nameRead(reader, 0), 'kept 0');
    t.is(await nameRead(reader, 1), 'kept 1');
    t.is(await nameRead(reader, 2), 'waited for');
  }
});

test.serial('SIGTERM ends a process with exit code 0 and its data intact', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3 });
  const client = await cluster.client(1);
  await writeNamed(t, client, upTo(50), 'kept');
  // With an operation under way that is answered before the end, and clients that stay connected.
  const last = client.write(60, sectorNamed('last'));
  const exits = [await cluster.stop(1)];
  const outcome = await last;
  exits.push(...(await Promise.all([cluster.stop(2), cluster.stop(3)])));
  t.deepEqual(
    exits,
    exits.map(() => ({ code: 0, signal: null })),
  );
  await cluster.startAll();
  const reader = await cluster.client(2);
  const names = await Promise.all(upTo(50).map((sector) => nameRead(reader, sector)));
  t.deepEqual(
    names,
    upTo(50).map((sector) => `kept ${sector}`),
  );
  if (outcome.kind === 'answered') t.is(await nameRead(reader, 60), 'last');
});

test.serial('SIGTERM without a majority still ends within its bound', async (t) => {
  t.timeout(TEST_HANG_MS);
  const shutdownMs = 1_500;
  const config = { timeouts: { shutdownMs } };
  const cluster = await Cluster.start(t, { processCount: 3, config });
  await Promise.all([cluster.kill(2), cluster.kill(3)]);
  const client = await cluster.client(1);
  const stuck = client.write(0, sectorNamed('never answered'));
  await sleep(200);
  // Only the bound ends it: the operation would wait for ever.
  t.deepEqual(await cluster.stop(1), { code: 0, signal: null });
  t.deepEqual(await stuck, { kind: 'unknown' });
});

test.serial('a folder that another process uses is refused, and the other goes on', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3 });
  const client = await cluster.client(1);
  await writeNamed(t, client, [7], 'kept');
  const elsewhere = await freeAddresses(3);
  const processes = elsewhere.map(({ host, port }) => `${host}:${port}`);
  const file = cluster.fileIn('second.json');
  await writeFile(file, JSON.stringify({ ...cluster.configuration(), processes }));
  const { code, output } = await runToEnd([process.execPath, MAIN_FILE, '--config', file, '--rank', '1']);
  t.not(code, 0);
  t.not(code, null, 'it had to be killed');
  t.regex(output, /in use|another process/i);
  t.true(output.includes(cluster.storageOf(1)), output);
  t.is(await nameRead(client, 7), 'kept 7');
});

test.serial('a folder of another rank, or of another cluster, is refused and left alone', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3 });
  const client = await cluster.client(2);
  await writeNamed(t, client, [7], 'kept');
  await cluster.stop(1);
  const before = await slotsIn(cluster.storageOf(1));
  t.is(before.length, 1);
  const storage = cluster.storageOf(1);
  const wrongRank = cluster.fileIn('wrongRank.json');
  const elsewhere = (await freeAddresses(3)).map(({ host, port }) => `${host}:${port}`);
  const base = { ...cluster.configuration(), storage, processes: elsewhere };
  await writeFile(wrongRank, JSON.stringify(base));
  const rank = await runToEnd([process.execPath, MAIN_FILE, '--config', wrongRank, '--rank', '2']);
  t.true(rank.code !== 0 && rank.code !== null, rank.output);
  t.regex(rank.output, /rank/i);

  await writeFile(cluster.fileIn('other.key'), Buffer.alloc(64, 9).toString('hex'), {
    mode: 0o600,
  });
  const wrongCluster = cluster.fileIn('wrongCluster.json');
  const keys = { client: 'client.key', system: 'other.key' };
  await writeFile(wrongCluster, JSON.stringify({ ...base, keys }));
  const command = [process.execPath, MAIN_FILE, '--config', wrongCluster, '--rank', '1'];
  const other = await runToEnd(command);
  t.true(other.code !== 0 && other.code !== null, other.output);
  t.regex(other.output, /cluster/i);

  t.deepEqual(await slotsIn(storage), before);
  await cluster.start(1);
  t.is(await nameRead(await cluster.client(1), 7), 'kept 7');
});

/** Contents of the sectors. LevelDB's files beside them change whenever it is opened. */
async function slotsIn(folder: string): Promise<string[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.slots'));
  return Promise.all(files.map((name) => readFile(path.join(folder, name), 'hex')));
}

const WITHOUT_LIBRARIES = new URL('../helpers/withoutLibraries.js', import.meta.url).href;

test.serial('the socket is bound before any library is loaded', async (t) => {
  t.timeout(TEST_HANG_MS);
  let isWithout = false;
  const cluster = await Cluster.prepare(t, {
    processCount: 3,
    sectors: 2 ** 21,
    wrap: ([node = '', ...words]) => (isWithout ? [node, '--import', WITHOUT_LIBRARIES, ...words] : [node, ...words]),
  });
  /** Milliseconds until each takes a connection. How fast it is stands in the log. */
  const measure = async (): Promise<string> => {
    const began = performance.now();
    for (const rank of cluster.ranks) cluster.launch(rank);
    const times = cluster.ranks.map(async (rank) => {
      await untilSo(() => takesConnection(cluster, rank));
      return (performance.now() - began).toFixed(0);
    });
    return (await Promise.all(times)).join(', ');
  };
  const fresh = await measure();
  await Promise.all(cluster.ranks.map((rank) => cluster.waitReady(rank)));
  await Promise.all(cluster.ranks.map((rank) => cluster.kill(rank)));
  const again = await measure();
  t.log(`bound after ${fresh} ms, started again ${again} ms (aim: 300)`);
  await Promise.all(cluster.ranks.map((rank) => cluster.kill(rank)));
  isWithout = true;
  await measure();
  for (const rank of cluster.ranks) {
    const last = cluster.logOf(rank).split('--- started').at(-1) ?? '';
    t.regex(last, /rxjs is out of reach/);
    t.notRegex(last, /store open/);
  }
});

async function takesConnection(cluster: Cluster, rank: number): Promise<boolean> {
  try {
    await (await cluster.client(rank)).destroy();
    return true;
  } catch {
    return false;
  }
}
