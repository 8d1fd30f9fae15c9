/** OPEN and OPENED: docs/strict-wire.md. */
import test from 'ava';
import { createFrameDecoder } from '../../../src/wire/frame.js';
import { CLIENT_MESSAGES } from '../../../src/wire/messageTypes.js';
import type { Opened } from '../../../src/wire/strict/openMessages.js';
import { serializeOpen, serializeOpened } from '../../../src/wire/strict/openMessages.js';
import { clientTagger, systemTagger, verdictsOn } from './received.js';

const TOKEN = '\u00ff234567890123456';

test('OPEN: its bytes, and what they are taken for', (t) => {
  const bytes = serializeOpen({ token: TOKEN, version: 0x0102 }, clientTagger);
  const token = Buffer.from(TOKEN, 'latin1').toString('hex');
  t.is(bytes.toString('hex', 0, 32), `61746464000000a1${token}0102000000000000`);
  t.is(bytes.length, 64);
  t.deepEqual(verdictsOn(bytes), [{ kind: 'open', open: { token: TOKEN, version: 0x0102 } }]);
  bytes[8] ^= 1;
  t.deepEqual(verdictsOn(bytes), [{ kind: 'dropped', reason: 'badTag' }]);
  const ofPeer = serializeOpen({ token: TOKEN, version: 1 }, systemTagger);
  t.deepEqual(verdictsOn(ofPeer), [{ kind: 'dropped', reason: 'badTag' }]);
});

const OPENED: Opened = {
  rank: 3,
  echo: TOKEN,
  version: 1,
  mode: 'strict',
  processCount: 3,
  memberState: 'joining',
  sectors: 2 ** 53 - 1,
  incarnations: [0, 255, 7],
};

const openedIn = (bytes: Uint8Array): Opened | null => {
  const [{ type, bytes: frame }] = createFrameDecoder(CLIENT_MESSAGES).push(bytes);
  const message = type.parse(frame);
  if (message.family !== 'opened') throw new Error(message.family);
  return message.content();
};

test('OPENED: its bytes, and what they are taken for', (t) => {
  const most = { ...OPENED, rank: 254, processCount: 254, incarnations: new Array<number>(254).fill(255) };
  for (const opened of [OPENED, { ...OPENED, mode: 'open', memberState: 'member' } as const, most]) {
    const bytes = serializeOpened(opened, clientTagger);
    t.is(bytes.length, 584);
    t.true(clientTagger.verify(bytes));
    t.deepEqual(openedIn(bytes), opened);
  }
  const token = Buffer.from(TOKEN, 'latin1').toString('hex');
  t.is(
    serializeOpened(OPENED, clientTagger).toString('hex', 0, 46),
    `61746464000003e1${token}0001010301000000001fffffffffffff000000ff0007`,
  );
});

test('OPENED: fields out of their range', (t) => {
  const changed = (at: number, byte: number): Opened | null => {
    const bytes = serializeOpened(OPENED, clientTagger);
    bytes[at] = byte;
    return openedIn(bytes);
  };
  t.not(changed(8, 0), null);
  t.is(changed(6, 0), null, 'a rank of 0');
  t.is(changed(6, 4), null, 'a rank that the cluster does not have');
  t.is(changed(26, 2), null, 'a mode');
  t.is(changed(27, 0), null, 'no processes');
  t.is(changed(27, 255), null);
  t.is(changed(28, 3), null, 'a member state');
  t.is(changed(33, 0x20), null, 'more sectors than can be counted');
  t.is(changed(40, 1), null, 'an incarnation that there is not');
});

test('a process takes no OPENED', (t) => {
  t.deepEqual(verdictsOn(serializeOpened(OPENED, clientTagger)), []);
});
