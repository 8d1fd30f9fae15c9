/**
 * Watches the system calls of a process of the open mode: nothing that makes a promise leaves before what it promises
 * is on the disk. For every ACK to a peer, every Ok to a WRITE, every VALUE that shows a value: first the sector is
 * written, then the data file is flushed and, at the same time, LevelDB's log is written and flushed, and only when
 * both are done do bytes go to the socket.
 */
import test from 'ava';
import type { ProcessMessage, RegisterValue } from '../helpers/bytes.js';
import { Cluster } from '../helpers/cluster.js';
import { TEST_HANG_MS } from '../helpers/hang.js';
import type { RawClient } from '../helpers/rawClient.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import type { SystemCall } from '../helpers/strace.js';
import { hasTools } from '../helpers/hasTools.js';
import { readTrace, underStrace } from '../helpers/strace.js';
import type { Moved } from '../helpers/tracedMessages.js';
import { durableAt, messagesOf } from '../helpers/tracedMessages.js';

const TRACED = 1;

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

const isAckOf = (message: Moved['message'], asked: ProcessMessage): boolean =>
  message.family === 'process' && message.kind === 'ACK' && message.id === asked.id;

const isResponseTo = (message: Moved['message'], requestNumber: bigint): boolean =>
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
    config: { members: 'open', extension },
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
