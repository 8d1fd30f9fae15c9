/** A process that does not know yet whether it may vote: what waits there, and for how long. */
import test from 'ava';
import { processBytes, requestBytes } from '../helpers/bytes.js';
import { CLIENT_KEY, DATA, ID, SYSTEM_KEY } from '../wire/messages.js';
import { introduce } from './hello.js';
import { LIMITS, TIMEOUTS, startVirtual } from './virtualProcess.js';

const write = (n: number, sector: number): Buffer =>
  requestBytes({ kind: 'WRITE', requestNumber: BigInt(n), sector: BigInt(sector), data: DATA }, CLIENT_KEY);
const ask = (sender: number, id: string, sector: number): Buffer =>
  processBytes({ kind: 'READ_PROC', sender, id, sector: BigInt(sector), register: null }, SYSTEM_KEY);

test('a WRITE that waits for a stamp ends with its client, and never gets one', (t) => {
  const process = startVirtual(3, (error) => t.fail(String(error)), 'fresh');
  const { connect, pass, running, dialled, disk } = process;
  for (let n = 0; n < 3; n += 1) {
    const client = connect();
    client.receive(Buffer.concat([write(1, 7), write(2, 8)]));
    pass(1);
    t.is(running.stats().operations, 2);
    client.endReading();
    pass(1);
    t.is(running.stats().operations, 0);
    t.is(running.stats().registers, 0);
    t.deepEqual(client.calls, ['end'], 'it may send them to another process');
  }
  const patient = connect();
  patient.receive(write(3, 9));
  pass(1);
  dialled.get(2)?.take();
  introduce(process, 2, { memberState: 'fresh' });
  introduce(process, 3, { memberState: 'fresh' });
  t.is(running.stats().memberState, 'member');
  const asked = dialled.get(2)?.take() ?? [];
  const sectors = asked.flatMap((m) => (m.family === 'process' ? [m.sector] : []));
  t.deepEqual(new Set(sectors), new Set([9n]), 'the one whose client has stayed begins');
  t.is(disk.state.putCount, 0);
});

test('questions that come too early take no place, and are answered when they come again', (t) => {
  const process = startVirtual(3, (error) => t.fail(String(error)), 'fresh');
  const { pass, running, dialled } = process;
  const fresh = { memberState: 'fresh' } as const;
  const early = Array.from({ length: LIMITS.processMessagesPerConnection * 2 }, (_, n) =>
    ask(2, String(n).padStart(32, '0'), n),
  );
  for (const question of early) {
    const gone = introduce(process, 2, fresh);
    gone.receive(question);
    gone.endReading();
    pass(1);
    t.deepEqual(gone.calls, ['end']);
  }
  const peer = introduce(process, 2, fresh);
  peer.receive(Buffer.concat(early));
  pass(TIMEOUTS.graceMs);
  t.is(running.stats().messages, 0);
  t.is(running.stats().memberState, 'fresh');
  introduce(process, 3, fresh);
  t.is(running.stats().memberState, 'member', 'what came behind them has been read');
  const sent = dialled.get(2)?.take() ?? [];
  t.deepEqual(
    sent.filter(({ family }) => family === 'process'),
    [],
  );
  peer.receive(ask(2, ID, 7));
  pass(1);
  t.like(dialled.get(2)?.take().at(-1), { kind: 'VALUE', id: ID });
});

test('a process that stays fresh lets its clients go: others take part', (t) => {
  const { connect, pass, running } = startVirtual(3, (error) => t.fail(String(error)), 'fresh');
  const early = connect();
  early.receive(write(1, 7));
  const idle = connect();
  pass(TIMEOUTS.graceMs - 1);
  t.deepEqual(early.calls, []);
  pass(1);
  t.deepEqual(early.calls, ['destroy']);
  early.close();
  pass(1);
  t.is(running.stats().operations, 0);
  const late = connect();
  late.receive(write(1, 7));
  pass(1);
  t.deepEqual(late.calls, ['destroy']);
  t.deepEqual(idle.calls, [], 'who asks for nothing may ask how the process is');
});
