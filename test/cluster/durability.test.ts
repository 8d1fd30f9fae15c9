/**
 * Watches the system calls of a process: nothing that makes a promise leaves before what it promises is on the disk.
 * For every ACK to a peer, every Ok to a WRITE, every VALUE that shows a value: first the sector is written, then the
 * data file is flushed and, at the same time, LevelDB's log is written and flushed, and only when both are done do
 * bytes go to the socket.
 */
import test from 'ava';
import type { Message, ProcessMessage, RegisterValue } from '../helpers/bytes.js';
import { MessageReader } from '../helpers/bytes.js';
import { Cluster } from '../helpers/cluster.js';
import { TEST_HANG_MS } from '../helpers/hang.js';
import type { RawClient } from '../helpers/rawClient.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import type { SystemCall } from '../helpers/strace.js';
import { hasTools } from '../helpers/hasTools.js';
import { parseTrace, readTrace, underStrace } from '../helpers/strace.js';

const TRACED = 1;

/** A message on a socket of the traced process, and where in the trace its bytes moved. */
interface Moved {
  readonly message: Message;
  readonly connection: string;
  readonly isIncoming: boolean;
  readonly firstByteAt: number;
  readonly lastByteAt: number;
}

const INCOMING = new Set(['read', 'recvfrom', 'recvmsg']);
const OUTGOING = new Set(['write', 'writev', 'sendmsg', 'sendto']);

function messagesOf(calls: readonly SystemCall[], keys: Cluster['keys']): Moved[] {
  const streams = new Map<string, { reader: MessageReader; begunAt: number }>();
  const moved: Moved[] = [];
  for (const { name, target, data, beganAt, endedAt } of calls) {
    const isIncoming = INCOMING.has(name);
    if (!target.startsWith('TCP') || (!isIncoming && !OUTGOING.has(name))) continue;
    const key = `${isIncoming} ${target}`;
    const stream = streams.get(key) ?? { reader: new MessageReader(keys, true), begunAt: beganAt };
    streams.set(key, stream);
    if (stream.reader.pendingBytes === 0) stream.begunAt = beganAt;
    for (const { message } of stream.reader.push(data)) {
      const firstByteAt = stream.begunAt;
      moved.push({ message, connection: target, isIncoming, firstByteAt, lastByteAt: endedAt });
      stream.begunAt = beganAt;
    }
  }
  return moved;
}

/**
 * Where in the trace a sector became durable: the end of the flush of the data file that followed the sector's write,
 * and of the flush of LevelDB's log that followed its next write. Infinity if that never happened.
 */
function durableAt(calls: readonly SystemCall[], sector: Buffer, after = -1): number {
  const isFlush = ({ name }: SystemCall): boolean => name === 'fdatasync' || name === 'fsync';
  const inFiles = calls.filter(({ target }) => target.startsWith('/'));
  const written = inFiles.find(
    ({ name, data, beganAt }) => name.startsWith('pwrite') && beganAt > after && data.includes(sector),
  );
  if (written === undefined) return Infinity;
  const flushed = inFiles.find(
    (call) => isFlush(call) && call.target === written.target && call.beganAt > written.endedAt,
  );
  if (flushed?.result !== 0) return Infinity;
  const logged = inFiles.find(
    ({ name, target, beganAt }) => name === 'write' && target.endsWith('.log') && beganAt > written.endedAt,
  );
  if (logged === undefined) return Infinity;
  const committed = inFiles.find(
    (call) => isFlush(call) && call.target === logged.target && call.beganAt > logged.endedAt,
  );
  return committed?.result === 0 ? Math.max(flushed.endedAt, committed.endedAt) : Infinity;
}

/** Sectors that the traced process has to be asked for by a reader. */
const READ_SURELY = 10;
const WRITTEN_ALONE = 10;
const WRITTEN_TOGETHER = 20;

/**
 * Writes through the traced process and through another, one by one and many at a time. While the third one stands
 * still the others need the traced one for each majority: however late it is, they wait for what is counted.
 */
async function work(cluster: Cluster): Promise<void> {
  const clients = await Promise.all([1, 2, 3].map((rank) => cluster.client(rank)));
  const [traced, second, third] = clients;
  const must = async (answer: ReturnType<RawClient['read']>): Promise<void> => {
    const outcome = await answer;
    if (outcome.kind === 'unknown' || outcome.status !== 'Ok') throw new Error('not answered');
  };
  cluster.pause(3);
  for (let count = 0; count < WRITTEN_ALONE; count += 1) {
    await must(traced.write(count, sectorNamed(`alone by 1, ${count}`)));
    await must(second.write(count, sectorNamed(`alone by 2, ${count}`)));
  }
  for (let count = 0; count < READ_SURELY; count += 1) await must(second.read(count));
  cluster.continue(3);
  const together: Promise<void>[] = [];
  for (let count = 0; count < WRITTEN_TOGETHER; count += 1) {
    together.push(must(traced.write(20 + count, sectorNamed(`together by 1, ${count}`))));
    together.push(must(second.write(20 + count, sectorNamed(`together by 2, ${count}`))));
    together.push(must(third.read(20 + count)));
  }
  await Promise.all(together);
  // READ_PROCs that reach the traced process while it is storing.
  for (let count = 0; count < 10; count += 1) {
    const writing = must(second.write(50, sectorNamed(`read at once, ${count}`)));
    await Promise.all([writing, must(third.read(50)), must(third.read(51))]);
  }
  await Promise.all(clients.map((client) => client.destroy()));
}

const isAckOf = (message: Message, asked: ProcessMessage): boolean =>
  message.family === 'process' && message.kind === 'ACK' && message.id === asked.id;

const isResponseTo = (message: Message, requestNumber: bigint): boolean =>
  message.family === 'response' && message.requestNumber === requestNumber;

const shown = ({ kind, register }: ProcessMessage): string =>
  `${kind} with "${register === null ? '' : nameOf(register.data)}"`;

/**
 * An ACK promises that the value it answers, or a newer one of that sector, is on the disk: whether one of those was
 * when it left.
 */
function promiseIsKept(
  calls: readonly SystemCall[],
  moved: readonly Moved[],
  asked: ProcessMessage,
  ack: Moved,
): boolean {
  return moved.some(({ message }) => {
    if (message.family !== 'process' || message.kind !== 'WRITE_PROC') return false;
    if (message.sector !== asked.sector || message.register === null) return false;
    if (asked.register === null || isOlder(message.register, asked.register)) return false;
    return durableAt(calls, message.register.data) < ack.firstByteAt;
  });
}

function isOlder(a: RegisterValue, b: RegisterValue): boolean {
  return a.timestamp === b.timestamp ? a.writeRank < b.writeRank : a.timestamp < b.timestamp;
}

const watched = test.macro(async (t, extension: 'on' | 'off') => {
  t.timeout(TEST_HANG_MS);
  if (!hasTools(t, 'strace')) return;
  const traceOf: { file?: string } = {};
  const cluster = await Cluster.prepare(t, {
    processCount: 3,
    config: { extension },
    wrap: (command, rank) =>
      rank === TRACED ? underStrace(command, (traceOf.file = cluster.fileIn('trace'))) : command,
  });
  await cluster.startAll();
  const pid = cluster.pid(TRACED);
  await work(cluster);
  await cluster.stop(TRACED);
  const calls = await readTrace(traceOf.file ?? '', pid);
  const moved = messagesOf(calls, cluster.keys);
  const incoming = moved.filter(({ isIncoming }) => isIncoming);
  const outgoing = moved.filter(({ isIncoming }) => !isIncoming);
  const checked = { acks: 0, responses: 0, values: 0, broadcasts: 0 };

  for (const asked of incoming) {
    const { message } = asked;
    if (message.family === 'process' && message.kind === 'WRITE_PROC') {
      const ack = outgoing.find((one) => isAckOf(one.message, message));
      // The initial value is there without being stored.
      if (ack === undefined || message.register?.timestamp === 0n) continue;
      t.true(promiseIsKept(calls, moved, message, ack), `ACK of ${shown(message)} left too early`);
      checked.acks += 1;
    }
    if (message.family === 'request' && message.data !== null) {
      const { requestNumber, data } = message;
      const stored = durableAt(calls, data, asked.lastByteAt);
      const response = outgoing.find((one) => isResponseTo(one.message, requestNumber));
      t.true(response !== undefined, `the WRITE of "${nameOf(data)}" was not answered`);
      t.true(stored < (response?.firstByteAt ?? 0), `Ok for "${nameOf(data)}" left too early`);
      checked.responses += 1;
      // With the extension a stamp that is reserved may leave earlier (ADR 19).
      if (extension === 'on') continue;
      for (const { message: sent, firstByteAt } of outgoing) {
        if (sent.family !== 'process' || sent.kind !== 'WRITE_PROC') continue;
        if (sent.register?.data.equals(data) !== true) continue;
        t.true(stored < firstByteAt, `${shown(sent)} left too early`);
        checked.broadcasts += 1;
      }
    }
  }
  for (const { message, firstByteAt } of outgoing) {
    if (message.family !== 'process' || message.kind !== 'VALUE' || message.register === null) {
      continue;
    }
    if (message.register.timestamp === 0n) continue;
    const stored = durableAt(calls, message.register.data);
    t.true(stored < firstByteAt, `${shown(message)} left too early`);
    checked.values += 1;
  }
  t.log(checked);
  // What the clients have waited for; there may be more.
  const byTraced = WRITTEN_ALONE + WRITTEN_TOGETHER;
  t.true(checked.acks >= WRITTEN_ALONE && checked.responses >= byTraced);
  if (extension === 'off') {
    t.true(checked.values >= READ_SURELY && checked.broadcasts >= byTraced);
  }
});

test.serial('ACKs, responses and VALUEs leave after the flush of what they promise', watched, 'off');
test.serial('with the extension, ACKs and responses leave after that flush', watched, 'on');

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
