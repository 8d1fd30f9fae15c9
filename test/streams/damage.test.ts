/** A process whose disk has lost a sector, as its peers and clients see it. */
import test from 'ava';
import { processBytes, requestBytes } from '../helpers/bytes.js';
import type { Message } from '../helpers/bytes.js';
import { CLIENT_KEY, DATA, ID, SYSTEM_KEY } from '../wire/messages.js';
import { REPAIR, startVirtual } from './virtualProcess.js';

const SECTOR = 7;
const register = { timestamp: 5n, writeRank: 2, data: DATA };

const ask = (sender: number, id: string): Buffer =>
  processBytes({ kind: 'READ_PROC', sender, id, sector: BigInt(SECTOR), register: null }, SYSTEM_KEY);
const answer = (sender: number, id: string): Buffer =>
  processBytes({ kind: 'VALUE', sender, id, sector: BigInt(SECTOR), register }, SYSTEM_KEY);
const idsOf = (messages: readonly Message[] = []): string[] =>
  messages.flatMap((m) => (m.family === 'process' && m.kind === 'READ_PROC' ? [m.id] : []));

test('a peer that asks for a damaged sector has it fetched from others: no scrub', (t) => {
  const { connect, pass, dialled, disk } = startVirtual(3, (error) => t.fail(String(error)));
  disk.held.set(SECTOR, { stamp: { timestamp: 5n, writeRank: 2 }, data: DATA });
  disk.rotten.add(SECTOR);
  const two = connect();
  two.receive(ask(2, ID));
  pass(REPAIR.missedMs);
  const [id] = idsOf(dialled.get(3)?.take());
  t.not(id, undefined, 'the repair asks');
  connect().receive(answer(3, id));
  pass(1);
  t.is(disk.state.putCount, 1);
  two.receive(ask(2, ID));
  pass(1);
  t.like(dialled.get(2)?.take().at(-1), { kind: 'VALUE', id: ID });
});

test('a READ that met the damaged copy needs no third process once the copy is mended', (t) => {
  const { connect, pass, dialled, disk } = startVirtual(3, (error) => t.fail(String(error)));
  disk.held.set(SECTOR, { stamp: { timestamp: 5n, writeRank: 2 }, data: DATA });
  disk.rotten.add(SECTOR);
  const client = connect();
  const request = { kind: 'READ', requestNumber: 1n, sector: BigInt(SECTOR), data: null } as const;
  client.receive(requestBytes(request, CLIENT_KEY));
  const peer = connect();
  // Process 2 answers whatever it is asked, process 3 is down.
  for (let ms = 0; ms < 2_000 && disk.state.putCount === 0; ms += 10) {
    pass(10);
    for (const id of idsOf(dialled.get(2)?.take())) peer.receive(answer(2, id));
  }
  t.is(disk.state.putCount, 1, 'mended');
  pass(1);
  for (const m of dialled.get(2)?.take() ?? []) {
    if (m.family !== 'process' || m.kind !== 'WRITE_PROC') continue;
    peer.receive(
      processBytes({ kind: 'ACK', sender: 2, id: m.id, sector: BigInt(SECTOR), register: null }, SYSTEM_KEY),
    );
  }
  pass(1);
  t.like(client.take()[0], { family: 'response', status: 'Ok', data: DATA });
});

test('what a peer has missed stays on record while the own copy of it is damaged', (t) => {
  const { connect, pass, dialled, disk, running } = startVirtual(3, (error) => t.fail(String(error)));
  const three = connect();
  const fromThree = (kind: 'VALUE' | 'ACK', id: string): void => {
    const value = kind === 'VALUE' ? { ...register, timestamp: 6n, writeRank: 1 } : null;
    const message = { kind, sender: 3, id, sector: BigInt(SECTOR), register: value } as const;
    three.receive(processBytes(message, SYSTEM_KEY));
  };
  const request = { kind: 'WRITE', requestNumber: 1n, sector: BigInt(SECTOR), data: DATA } as const;
  connect().receive(requestBytes(request, CLIENT_KEY));
  pass(1);
  const [id] = idsOf(dialled.get(3)?.take());
  three.receive(answer(3, id));
  pass(1);
  fromThree('ACK', id);
  disk.rotten.add(SECTOR);
  pass(3 * REPAIR.missedMs);
  t.is(running.stats().missed, 1, 'process 2 has not acknowledged it');
  dialled.get(2)?.take();
  for (const question of idsOf(dialled.get(3)?.take())) fromThree('VALUE', question);
  pass(REPAIR.missedMs);
  t.is(disk.state.putCount, 2, 'mended');
  const imposed = dialled
    .get(2)
    ?.take()
    .find((m) => m.family === 'process');
  t.like(imposed, { kind: 'WRITE_PROC', register: { timestamp: 6n, data: DATA } });
});
