/** A peer that dies and comes back, as the process that it had a connection from sees it. */
import test from 'ava';
import { TYPE_HELLO } from '../../src/wire/constants.js';
import { introduce } from './hello.js';
import { TIMEOUTS, startVirtual } from './virtualProcess.js';

test('a peer that ends its half is helloSent twice, so that its death shows', (t) => {
  const { pass, dialled } = startVirtual(3, (error) => t.fail(String(error)));
  pass(TIMEOUTS.graceMs * 2);
  const peer = dialled.get(2)!;
  const before = peer.typesSent.length;
  peer.endReading();
  pass(1);
  t.deepEqual(peer.typesSent.slice(before), [TYPE_HELLO]);
  pass(100);
  t.deepEqual(peer.typesSent.slice(before), [TYPE_HELLO, TYPE_HELLO]);
  pass(10_000);
  t.is(peer.typesSent.length, before + 2);
  t.is(dialled.get(2), peer, 'one that lives all the same keeps the connection');
});

test('a peer that dials this process is dialled at once', (t) => {
  const process = startVirtual(3, (error) => t.fail(String(error)));
  const { pass, dialled, refusing } = process;
  const before = dialled.get(2)!;
  refusing.add(2);
  before.close();
  pass(TIMEOUTS.reconnectMsMax * 10);
  refusing.delete(2);
  t.is(dialled.get(2), before, 'the process waits for the end of a pause');
  introduce(process, 2);
  t.not(dialled.get(2), before);
});
