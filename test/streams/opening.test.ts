/** A process of the open mode, and clients that speak of the strict register. */
import test from 'ava';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { CLIENT_MESSAGES } from '../../src/wire/messageTypes.js';
import type { Opened } from '../../src/wire/strict/openMessages.js';
import { serializeOpen } from '../../src/wire/strict/openMessages.js';
import { Packer, SENDER_CLIENT } from '../../src/wire/strict/pack.js';
import { createTagger } from '../../src/wire/tag.js';
import { requestBytes } from '../helpers/bytes.js';
import { CLIENT_KEY, SYSTEM_KEY } from '../wire/messages.js';
import type { TestConnection } from './virtualProcess.js';
import { startVirtual } from './virtualProcess.js';

const clientTagger = createTagger(CLIENT_KEY);
const TOKEN = 'sixteen letters.';

function takeOpened(connection: TestConnection): (Opened | null)[] {
  const bytes = Buffer.concat(connection.written.splice(0));
  return createFrameDecoder(CLIENT_MESSAGES)
    .push(bytes)
    .map(({ type, bytes: frame }) => {
      const message = type.parse(frame);
      if (message.family !== 'opened') throw new Error(message.family);
      if (!clientTagger.verify(frame)) throw new Error('a wrong tag');
      return message.content();
    });
}

test('OPEN is answered each time: the open mode, and what the process is', (t) => {
  const world = startVirtual(3, (error) => t.fail(String(error)));
  const connection = world.connect();
  connection.receive(serializeOpen({ token: TOKEN, version: 1 }, clientTagger));
  world.pass(1);
  const opened = {
    ...{ rank: 1, echo: TOKEN, version: 1, mode: 'open', processCount: 3 },
    ...{ memberState: 'member', incarnations: [0, 0, 0] },
  };
  const [answer] = takeOpened(connection);
  t.like(answer, opened);
  t.true((answer?.sectors ?? 0) > 0);
  connection.receive(serializeOpen({ token: TOKEN, version: 9 }, clientTagger));
  world.pass(1);
  t.like(takeOpened(connection)[0], opened);
  connection.receive(serializeOpen({ token: TOKEN, version: 1 }, createTagger(SYSTEM_KEY)));
  world.pass(1);
  t.deepEqual(takeOpened(connection), [], 'a wrong tag');
});

test('a process that is no member yet says so', (t) => {
  const world = startVirtual(3, (error) => t.fail(String(error)), 'joining');
  const connection = world.connect();
  connection.receive(serializeOpen({ token: TOKEN, version: 1 }, clientTagger));
  world.pass(1);
  t.is(takeOpened(connection)[0]?.memberState, 'joining');
});

test('a pack has no effect, and what comes behind it is answered', (t) => {
  const world = startVirtual(1, (error) => t.fail(String(error)));
  const connection = world.connect();
  const request = { kind: 'query', range: { first: 0, count: 1 }, wantsData: true } as const;
  for (const bytes of new Packer(SENDER_CLIENT, clientTagger).packRequests([{ number: 1, request }])) {
    connection.receive(bytes);
  }
  world.pass(10);
  t.deepEqual(connection.written, []);
  connection.receive(requestBytes({ kind: 'READ', requestNumber: 7n, sector: 0n, data: null }, CLIENT_KEY));
  world.pass(10);
  t.is(connection.take().length, 1);
});
