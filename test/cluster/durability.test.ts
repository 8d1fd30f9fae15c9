/**
 * Watches the system calls of a process: nothing that makes a promise leaves before what it promises is on the disk.
 * For every STORED: first the sector is written, then the data file is flushed and, at the same time, LevelDB's log is
 * written and flushed, and only when both are done do bytes go to the socket. An Ok to a WRITE leaves when that is so
 * on a majority, of which this process need not be one.
 */
import test from 'ava';
import { Cluster } from '../helpers/cluster.js';
import { TEST_HANG_MS } from '../helpers/hang.js';
import { hasTools } from '../helpers/hasTools.js';
import type { PackedMessage } from '../helpers/packs.js';
import { dataOfStore, isStored } from '../helpers/packs.js';
import type { RawClient } from '../helpers/rawClient.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import { parseTrace, readTrace, underStrace } from '../helpers/strace.js';
import type { Moved } from '../helpers/tracedMessages.js';
import { durableAt, messagesOf } from '../helpers/tracedMessages.js';

const TRACED = 1;
const WRITTEN_ALONE = 10;
const WRITTEN_TOGETHER = 20;

async function must(answer: ReturnType<RawClient['read']>): Promise<void> {
  const outcome = await answer;
  if (outcome.kind === 'unknown' || outcome.status !== 'Ok') throw new Error('not answered');
}

/**
 * Writes through the traced process and through another, one by one and many at a time. While the third one stands
 * still the others need the traced one for each majority.
 */
async function work(cluster: Cluster): Promise<void> {
  const clients = await Promise.all([1, 2, 3].map((rank) => cluster.client(rank)));
  const [traced, second, third] = clients;
  cluster.pause(3);
  for (let count = 0; count < WRITTEN_ALONE; count += 1) {
    await must(traced.write(count, sectorNamed(`alone by 1, ${count}`)));
    await must(second.write(count, sectorNamed(`alone by 2, ${count}`)));
  }
  cluster.continue(3);
  const together: Promise<void>[] = [];
  for (let count = 0; count < WRITTEN_TOGETHER; count += 1) {
    together.push(must(traced.write(20 + count, sectorNamed(`together by 1, ${count}`))));
    // Other sectors: a write that another one has superseded is done, and need not be stored.
    together.push(must(second.write(60 + count, sectorNamed(`together by 2, ${count}`))));
    together.push(must(third.read(count)));
  }
  await Promise.all(together);
  await Promise.all(clients.map((client) => client.destroy()));
}

/** A message in a pack, and where in the trace the bytes of its pack moved. */
type MovedInPack = PackedMessage & Omit<Moved, 'message'>;

function inPacks(moved: readonly Moved[]): MovedInPack[] {
  return moved.flatMap(({ message, ...rest }) =>
    message.family === 'pack' ? message.messages.map((one) => ({ ...one, ...rest })) : [],
  );
}

test.serial('answers to peers and clients leave after the flush of what they promise', async (t) => {
  t.timeout(TEST_HANG_MS);
  if (!hasTools(t, 'strace')) return;
  const traceOf: { file?: string } = {};
  const cluster = await Cluster.prepare(t, {
    processCount: 3,
    wrap: (command, rank) =>
      rank === TRACED ? underStrace(command, (traceOf.file = cluster.fileIn('trace'))) : command,
  });
  await cluster.startAll();
  const pid = cluster.pid(TRACED);
  await work(cluster);
  await cluster.stop(TRACED);
  const calls = await readTrace(traceOf.file ?? '', pid);
  const moved = messagesOf(calls, cluster.keys);
  const packed = inPacks(moved);
  const checked = { stored: 0, responses: 0 };

  /** The answers to that request, with all that they say was stored. */
  const storedFor = (store: MovedInPack): MovedInPack[] =>
    packed.filter(
      (one) =>
        one.isIncoming !== store.isIncoming &&
        one.connection === store.connection &&
        one.number === store.number &&
        isStored(one),
    );

  for (const store of packed.filter(({ kind, isIncoming }) => kind === 'STORE' && isIncoming)) {
    for (const answer of storedFor(store)) {
      for (const data of dataOfStore(store)) {
        t.true(durableAt(calls, data) < answer.firstByteAt, `STORED for "${nameOf(data)}" left too early`);
        checked.stored += 1;
      }
    }
  }
  for (const { message, isIncoming, lastByteAt } of moved) {
    if (!isIncoming || message.family !== 'request' || message.data === null) continue;
    const { data, requestNumber } = message;
    const response = moved.find(
      ({ message: sent }) =>
        sent.family === 'response' && sent.kind === 'WRITE' && sent.requestNumber === requestNumber,
    );
    if (response === undefined) throw new Error(`the WRITE of "${nameOf(data)}" was not answered`);
    const sentToOthers = packed.filter(
      (one) => one.kind === 'STORE' && !one.isIncoming && dataOfStore(one).some((each) => each.equals(data)),
    );
    const others = new Set(
      sentToOthers
        .filter((store) => storedFor(store).some((answer) => answer.lastByteAt < response.firstByteAt))
        .map(({ connection }) => connection),
    );
    const own = durableAt(calls, data, lastByteAt) < response.firstByteAt ? 1 : 0;
    t.true(own + others.size >= 2, `Ok for "${nameOf(data)}" left too early`);
    checked.responses += 1;
  }
  t.log(checked);
  // What the clients have waited for; there may be more.
  t.true(checked.stored >= WRITTEN_ALONE && checked.responses >= WRITTEN_ALONE + WRITTEN_TOGETHER);
});

test.serial('a trace is read rightly, calls that others came in between of included', (t) => {
  const calls = parseTrace(
    [
      '10 12:00:00.000001 pwrite64(7<\\x2f\\x61>, "\\x61\\x62", 2, 0 <unfinished ...>',
      '11 12:00:00.000002 write(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, "\\x63\\x64\\x65", 3) = 2',
      '10 12:00:00.000003 <... pwrite64 resumed>) = 2',
      '10 12:00:00.000004 fdatasync(7<\\x2f\\x61>) = 0',
      '10 12:00:00.000005 fdatasync(7<\\x2f\\x61>) = -1 EIO (Input/output error)',
      '10 12:00:00.000006 writev(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, [{iov_base="\\x61", ' +
        'iov_len=1}, {iov_base="\\x62", iov_len=1}], 2) = 2',
      '10 12:00:00.000007 +++ exited with 0 +++',
    ].join('\n'),
  );
  const socket = 'TCP:[127.0.0.1:1->127.0.0.1:2]';
  const shown = calls.map(({ data, ...rest }) => ({ ...rest, data: data.toString() }));
  t.deepEqual(shown, [
    { name: 'write', beganAt: 1, endedAt: 1, target: socket, result: 2, data: 'cd' },
    { name: 'pwrite64', beganAt: 0, endedAt: 2, target: '/a', result: 2, data: 'ab' },
    { name: 'fdatasync', beganAt: 3, endedAt: 3, target: '/a', result: 0, data: '' },
    { name: 'fdatasync', beganAt: 4, endedAt: 4, target: '/a', result: -1, data: '' },
    { name: 'writev', beganAt: 5, endedAt: 5, target: socket, result: 2, data: 'ab' },
  ]);
});
