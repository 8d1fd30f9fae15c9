/**
 * A member knows whom it talks to: neither a wrong line in the file of one process nor somebody who sends again what
 * was said on the wire makes another one step down.
 */
import test from 'ava';
import { overhear } from '../fuzz/overhearing.js';
import { MAGIC } from '../helpers/bytes.js';
import { Cluster, inFull } from '../helpers/cluster.js';
import { HANG_MS, TEST_HANG_MS } from '../helpers/hang.js';
import { readSectors, writeSectors } from '../helpers/manySectors.js';
import { inquire, untilStatus } from '../helpers/processStatus.js';
import { runToEnd } from '../helpers/runToEnd.js';
import { untilSo } from '../helpers/within.js';

const SECTORS = Array.from({ length: 20 }, (_, index) => index);

/** What each process is, but for what it counts. */
async function standingsOf(cluster: Cluster): Promise<unknown[]> {
  const reports = cluster.ranks.map(async (rank) => {
    const { standing, incarnation, objections } = await inquire(cluster, rank);
    return { standing, incarnation, objections };
  });
  return Promise.all(reports);
}

test.serial('a file with the addresses of two others swapped costs one process', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3 });
  t.deepEqual(await writeSectors(cluster, [1, 2, 3], SECTORS, 'first'), []);
  const before = await standingsOf(cluster);
  const [first, second, third] = cluster.addresses.map(inFull);
  await cluster.stop(3);
  await cluster.configure({ processes: [second, first, third] }, [3]);
  await cluster.start(3);

  // Both ends tell, with both values.
  for (const [rank, taken] of [
    [1, 2],
    [2, 1],
  ]) {
    await untilStatus(cluster, rank, HANG_MS, ({ differences = [] }) =>
      differences.some(
        ({ field, rank: by, own, peer }) => field === 'addressee' && by === 3 && own === rank && peer === taken,
      ),
    );
    const told = `process 3 takes process ${rank} for process ${taken}`;
    await untilSo(() => cluster.logOf(rank).includes(told));
    await untilStatus(cluster, 3, HANG_MS, ({ differences = [] }) =>
      differences.some(({ field, rank: of }) => field === 'rank' && of === rank),
    );
    const found = `at the address of process ${rank} in the list of process 3 is process ${taken}`;
    await untilSo(() => cluster.logOf(3).includes(found));
  }
  const told = await runToEnd(cluster.command(`status --timeout ${HANG_MS / 1_000}`));
  t.is(told.code, 1, told.output);
  t.regex(told.output, /process 3 takes process 1 for process 2: its list of addresses is wrong/);
  t.deepEqual(await writeSectors(cluster, [1, 2], SECTORS, 'second'), []);
  t.deepEqual(await readSectors(cluster, [1, 2], SECTORS, 'second'), []);
  // Nobody has taken its disk for a lost one.
  t.deepEqual(await standingsOf(cluster), before);

  await cluster.stop(3);
  await cluster.configure({}, [3]);
  await cluster.start(3);
  const { code, output } = await runToEnd(cluster.command(`status --wait-full ${HANG_MS / 1_000}`));
  t.is(code, 0, output);
  t.regex(output, /^redundancy: full/m);
  await cluster.kill(1);
  t.deepEqual(await readSectors(cluster, [2, 3], SECTORS, 'second'), []);
});

/** Types, and sizes in bytes: docs/peer-extension.md. */
const OLD_HELLO = 0x80;
const HELLO = 0x88;
const HELLO_SIZES = new Map([
  [OLD_HELLO, 588],
  [HELLO, 672],
]);
/** In a HELLO: what the other side has called the connection; zeros, when it has not yet. */
const OFFSET_ECHO = 64;
const ID_BYTES = 16;
/** Of what is kept of the beginning of a connection. */
const OPENING_BYTES = 8_192;

interface Recorded {
  readonly to: number;
  readonly from: number;
  readonly type: number;
  readonly bytes: Buffer;
}

/** All HELLOs in what a process has sent. */
function hellosIn(sent: Buffer, to: number): Recorded[] {
  const found: Recorded[] = [];
  for (let at = sent.indexOf(MAGIC); at !== -1; at = sent.indexOf(MAGIC, at + 1)) {
    const [from, type] = [sent[at + 6], sent[at + 7]];
    const size = HELLO_SIZES.get(type);
    const bytes = sent.subarray(at, at + (size ?? 0));
    if (size !== undefined && bytes.length === size) found.push({ to, from, type, bytes });
  }
  return found;
}

test.serial('HELLOs that were recorded and are sent again change nothing', async (t) => {
  t.timeout(TEST_HANG_MS);
  /** What was sent first over each connection, by the process that was dialled. */
  const openings: { to: number; sent: Buffer }[] = [];
  const known = new Map<unknown, { to: number; sent: Buffer }>();
  const cluster = await Cluster.start(t, {
    processCount: 3,
    network: async (addresses) => {
      const network = await overhear(t, addresses, 3, (connection, chunk) => {
        const opening = known.get(connection) ?? {
          to: entrances.get(connection.localPort) ?? 0,
          sent: chunk,
        };
        if (known.has(connection)) opening.sent = Buffer.concat([opening.sent, chunk]);
        else openings.push(opening);
        opening.sent = opening.sent.subarray(0, OPENING_BYTES);
        known.set(connection, opening);
      });
      const entrances = new Map<number | undefined, number>();
      for (const [index, { port }] of network.addressesSeenBy(1).entries()) {
        if (index > 0) entrances.set(port, index + 1);
      }
      entrances.set(network.addressesSeenBy(2)[0].port, 1);
      return network;
    },
  });
  t.deepEqual(await writeSectors(cluster, [1, 2, 3], SECTORS, 'kept'), []);
  const before = await standingsOf(cluster);
  const recorded = openings.flatMap(({ to, sent }) => hellosIn(sent, to));
  const ways = new Set(recorded.map(({ from, to, type }) => `${from} ${to} ${type}`));
  t.is(ways.size, 2 * 6, 'both HELLOs, of each process to each other one');

  let takenUp = 0;
  for (const { bytes, type, from } of recorded) {
    for (const rank of cluster.ranks) {
      const stranger = await cluster.client(rank);
      const heard: Buffer[] = [];
      stranger.socket.on('data', (chunk: Buffer) => heard.push(chunk));
      stranger.socket.write(bytes);
      // What follows is answered: the process has read all of what came before.
      const { kind } = await stranger.ping();
      t.is(kind, 'answered');
      // An opening is even taken up: whoever says it is asked to show that it hears the answer.
      const isOpening = bytes.subarray(OFFSET_ECHO, OFFSET_ECHO + ID_BYTES).every((one) => one === 0);
      const isTakenUp = type === HELLO && isOpening;
      const what = `HELLO ${type.toString(16)} of ${from} at ${rank}`;
      t.is(hellosIn(Buffer.concat(heard), 0).length, isTakenUp ? 1 : 0, what);
      if (isTakenUp) takenUp += 1;
      await stranger.destroy();
    }
  }
  t.true(takenUp >= 2 * 6);
  // As they were said, one connection after the other, to everybody.
  for (const { sent } of openings) {
    for (const rank of cluster.ranks) {
      const stranger = await cluster.client(rank);
      stranger.socket.end(sent);
      await stranger.closed;
    }
  }
  t.deepEqual(await writeSectors(cluster, [1, 2, 3], SECTORS, 'later'), []);
  t.deepEqual(await readSectors(cluster, [1, 2, 3], SECTORS, 'later'), []);
  // Nobody has taken its disk for a lost one.
  t.deepEqual(await standingsOf(cluster), before);
});
