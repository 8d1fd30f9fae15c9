/** A process that does not know yet whether it may vote: what waits there, and for how long. */
import test from 'ava';
import { processBytes, requestBytes } from '../helpers/bytes.js';
import { CLIENT_KEY, DATA, ID, SYSTEM_KEY } from '../wire/messages.js';
import { helloFrom } from './hello.js';
import { LIMITS, TIMEOUTS, startVirtual } from './virtualProcess.js';

const write = (n: number, sector: number): Buffer =>
  requestBytes(
    { kind: 'WRITE', requestNumber: BigInt(n), sector: BigInt(sector), data: DATA },
    CLIENT_KEY,
  );
const ask = (sender: number, id: string, sector: number): Buffer =>
  processBytes(
    { kind: 'READ_PROC', sender, id, sector: BigInt(sector), register: null },
    SYSTEM_KEY,
  );

test('a WRITE that waits for a stamp ends with its client, and never gets one', (t) => {
  const { connect, pass, running, dialled, disk } = startVirtual(
    3,
    (error) => t.fail(String(error)),
    'fresh',
  );
  for (let n = 0; n < 3; n += 1) {
    const client = connect();
    client.bytes$.next(Buffer.concat([write(1, 7), write(2, 8)]));
    pass(1);
    t.is(running.figures().operations, 2);
    client.bytes$.complete();
    pass(1);
    t.is(running.figures().operations, 0);
    t.is(running.figures().registers, 0);
    t.deepEqual(client.calls, ['end'], 'it may send them to another process');
  }
  const patient = connect();
  patient.bytes$.next(write(3, 9));
  pass(1);
  dialled.get(2)?.take();
  connect().bytes$.next(helloFrom(2, 'fresh'));
  pass(TIMEOUTS.graceMs);
  t.is(running.figures().standing, 'member');
  const asked = dialled.get(2)?.take() ?? [];
  const sectors = asked.flatMap((m) => (m.family === 'process' ? [m.sector] : []));
  t.deepEqual(new Set(sectors), new Set([9n]), 'the one whose client has stayed begins');
  t.is(disk.state.putCount, 0);
});

test('questions that come too early take no place, and are answered when they come again', (t) => {
  const { connect, pass, running, dialled } = startVirtual(
    5,
    (error) => t.fail(String(error)),
    'fresh',
  );
  const hello = helloFrom(2, 'fresh');
  const early = Array.from({ length: LIMITS.processMessagesPerConnection * 2 }, (_, n) =>
    ask(2, String(n).padStart(32, '0'), n),
  );
  for (const question of early) {
    const gone = connect();
    gone.bytes$.next(Buffer.concat([hello, question]));
    gone.bytes$.complete();
    pass(1);
    t.deepEqual(gone.calls, ['end']);
  }
  const peer = connect();
  peer.bytes$.next(Buffer.concat([hello, ...early]));
  pass(TIMEOUTS.graceMs);
  t.is(running.figures().messages, 0);
  t.is(running.figures().standing, 'fresh');
  peer.bytes$.next(helloFrom(3, 'fresh'));
  pass(1);
  t.is(running.figures().standing, 'member', 'what came behind them has been read');
  const sent = dialled.get(2)?.take() ?? [];
  t.deepEqual(
    sent.filter(({ family }) => family === 'process'),
    [],
  );
  connect().bytes$.next(Buffer.concat([hello, ask(2, ID, 7)]));
  pass(1);
  t.like(dialled.get(2)?.take().at(-1), { kind: 'VALUE', id: ID });
});
