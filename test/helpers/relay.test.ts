/** The relay between real sockets: what it does to bytes and connections, and what it does not. */
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { HANG_MS } from './hang.js';
import { freeAddresses } from './ports.js';
import { Relay } from './relay.js';
import { dice } from './seed.js';
import { untilSo } from './within.js';

/** Longer than anything that is not held back takes. */
const SOON_MS = 300;

/** One side of a connection, and what it has seen. */
class Side {
  received = '';
  hasSeenEnd = false;
  isClosed = false;

  constructor(readonly socket: net.Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (text) => {
      this.received += text.toString();
    });
    socket.on('end', () => {
      this.hasSeenEnd = true;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  get believes(): boolean {
    return !this.hasSeenEnd && !this.isClosed;
  }
}

interface Setting {
  readonly relay: Relay;
  readonly dialler: Side;
  readonly dialled: Side;
}

async function connected(t: ExecutionContext, isHonest = false): Promise<Setting> {
  const [destination, entrance] = await freeAddresses(2);
  const server = net.createServer({ allowHalfOpen: true });
  const accepted = new Promise<Side>((resolve) => {
    server.once('connection', (socket) => {
      resolve(new Side(socket));
    });
  });
  await new Promise<void>((resolve) => server.listen(destination, resolve));
  const relay = new Relay({ destination, random: dice(1), isHonest });
  await relay.listen(entrance);
  const dialler = new Side(net.connect({ ...entrance, allowHalfOpen: true }));
  const dialled = await accepted;
  t.teardown(async () => {
    dialler.socket.destroy();
    dialled.socket.destroy();
    server.close();
    await relay.close();
  });
  dialler.socket.write('hello');
  await untilSo(() => dialled.received === 'hello');
  return { relay, dialler, dialled };
}

test('bytes and ends pass in both directions, each on its own', async (t) => {
  const { relay, dialler, dialled } = await connected(t);
  dialled.socket.write('welcome');
  await untilSo(() => dialler.received === 'welcome');
  relay.losesWithSender = false;
  dialler.socket.end(', and goodbye');
  await untilSo(() => dialled.hasSeenEnd);
  t.is(dialled.received, 'hello, and goodbye');
  t.true(dialler.believes);
  dialled.socket.end(' back');
  await untilSo(() => dialler.hasSeenEnd);
  t.is(dialler.received, 'welcome back');
  await untilSo(() => relay.connectionCount === 0);
  t.pass();
});

test('late bytes arrive late and in order, also when the delay ends', async (t) => {
  const { relay, dialler, dialled } = await connected(t);
  relay.delay('forth', SOON_MS);
  t.false(relay.isUndisturbed);
  const sentAt = performance.now();
  dialler.socket.write(' one');
  dialled.socket.write('other way');
  await untilSo(() => dialler.received === 'other way');
  relay.delay('forth', 0);
  dialler.socket.write(' two');
  await untilSo(() => dialled.received !== 'hello');
  const tookMs = performance.now() - sentAt;
  await untilSo(() => dialled.received === 'hello one two');
  t.true(tookMs >= SOON_MS, `${tookMs} ms`);
  t.true(relay.isUndisturbed);
});

test('silence holds bytes and ends back, and loses none', async (t) => {
  const { relay, dialler, dialled } = await connected(t);
  relay.losesWithSender = false;
  relay.silence('forth', true);
  dialler.socket.end(', held');
  await sleep(SOON_MS);
  t.is(dialled.received, 'hello');
  t.true(dialled.believes);
  relay.silence('forth', false);
  await untilSo(() => dialled.hasSeenEnd);
  t.is(dialled.received, 'hello, held');
});

test('a sender that is not read from any more has to wait', async (t) => {
  const { relay, dialler, dialled } = await connected(t);
  relay.silence('forth', true);
  const bytes = 64 * 1024 * 1024;
  dialler.socket.write(Buffer.alloc(bytes));
  await sleep(SOON_MS);
  t.true(dialler.socket.writableLength > bytes / 4, 'the relay takes in everything');
  relay.silence('forth', false);
  await untilSo(() => dialled.received.length === bytes + 'hello'.length);
  t.pass();
});

test('a thin link carries so many bytes a second', async (t) => {
  const { relay, dialler, dialled } = await connected(t);
  relay.throttle('forth', 256 * 1024);
  const sentAt = performance.now();
  dialler.socket.write(Buffer.alloc(128 * 1024));
  await untilSo(() => dialled.received.length > 128 * 1024);
  const tookMs = performance.now() - sentAt;
  // Half a second but for the last piece, which arrives before the time it takes is over.
  t.true(tookMs > SOON_MS, `${tookMs} ms`);
});

test('what is on its way when the sender dies arrives, or is lost, as told', async (t) => {
  for (const losesWithSender of [true, false]) {
    const { relay, dialler, dialled } = await connected(t);
    relay.losesWithSender = losesWithSender;
    // What is lost would not arrive while the test waits.
    relay.delay('forth', losesWithSender ? HANG_MS : SOON_MS);
    dialler.socket.write(', on its way');
    await untilSo(() => relay.heldBytes > 0);
    dialler.socket.destroy();
    await untilSo(() => !dialled.believes);
    t.is(dialled.received, losesWithSender ? 'hello' : 'hello, on its way');
  }
});

test('a cut ends the connection for both', async (t) => {
  const { relay, dialler, dialled } = await connected(t);
  t.is(relay.cut(), 1);
  await untilSo(() => !dialler.believes && !dialled.believes);
  t.is(relay.cut(), 0, 'there is nothing left to cut');
});

test('half open: one side sees the end, the other only when it is healed', async (t) => {
  for (const believer of ['dialler', 'dialled'] as const) {
    const setting = await connected(t);
    const { relay } = setting;
    const other = believer === 'dialler' ? 'dialled' : 'dialler';
    t.is(relay.halfOpen(believer), 1);
    await untilSo(() => !setting[other].believes);
    setting[believer].socket.write('into nothing');
    await sleep(SOON_MS);
    t.true(setting[believer].believes);
    t.false(relay.isUndisturbed);
    relay.heal();
    await untilSo(() => !setting[believer].believes);
    t.true(relay.isUndisturbed);
  }
});

test('an honest relay shows no end before the one who was dialled has ended too', async (t) => {
  const { relay, dialler, dialled } = await connected(t, true);
  relay.cut();
  await untilSo(() => dialled.hasSeenEnd);
  dialler.socket.write('too late');
  await sleep(SOON_MS);
  t.true(dialler.believes);
  t.is(dialled.received, 'hello');
  dialled.socket.end();
  await untilSo(() => !dialler.believes);
  t.is(dialler.received, '');
});

test('an honest relay keeps half-open connections half open until both is over', async (t) => {
  const { relay, dialler, dialled } = await connected(t, true);
  t.throws(() => relay.halfOpen('dialled'));
  relay.halfOpen('dialler');
  await untilSo(() => dialled.hasSeenEnd);
  relay.heal();
  await sleep(SOON_MS);
  t.true(dialler.believes, 'it is healed, but the other side has not ended');
  dialled.socket.end();
  await untilSo(() => !dialler.believes);
  t.pass();
});

test('where nobody listens a connection is reset', async (t) => {
  const [destination, entrance] = await freeAddresses(2);
  const relay = new Relay({ destination, random: dice(1), isHonest: true });
  await relay.listen(entrance);
  t.teardown(() => relay.close());
  const dialler = new Side(net.connect({ ...entrance, allowHalfOpen: true }));
  await untilSo(() => dialler.isClosed);
  t.false(dialler.hasSeenEnd);
});
