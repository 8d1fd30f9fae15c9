/** Connections to whoever is attacked: they may be refused or broken at any moment. */
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { reset } from '../helpers/crowd.js';
import type { Address } from '../helpers/rawClient.js';
import type { Dice } from '../helpers/seed.js';

/** Null if it was refused. */
export function dial(address: Address): Promise<net.Socket | null> {
  return new Promise((resolve) => {
    const socket = net.connect({ ...address, noDelay: true, allowHalfOpen: true });
    socket.once('connect', () => {
      resolve(socket);
    });
    // 'close' follows.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      resolve(null);
    });
  });
}

/** If it is refused, waits a little instead. */
export async function withConnection(address: Address, use: (socket: net.Socket) => Promise<void>): Promise<void> {
  const socket = await dial(address);
  if (socket === null) await sleep(20);
  else await use(socket);
}

/** So many at once, or fewer if some are refused. */
export async function dialMany(addresses: readonly Address[], count: number, random: Dice): Promise<net.Socket[]> {
  const dialled = Array.from({ length: count }, () => dial(random.pick(addresses)));
  return (await Promise.all(dialled)).filter((socket) => socket !== null);
}

/** Resolves when the connection is gone. */
export async function letGo(socket: net.Socket): Promise<void> {
  if (socket.closed) return;
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.destroy();
  await closed;
}

/** In pieces of any size; resolves when the system has them, or does not take them for a while. */
export async function say(socket: net.Socket, bytes: Buffer, random: Dice): Promise<void> {
  for (let at = 0; at < bytes.length && socket.writable;) {
    const size = random.chance(30) ? random.between(1, 40) : random.between(1, 20_000);
    const isTaken = socket.write(bytes.subarray(at, at + size));
    at += size;
    if (!isTaken) await drained(socket, 200);
  }
}

function drained(socket: net.Socket, waitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer);
      socket.off('drain', settle).off('close', settle);
      resolve();
    };
    const timer = setTimeout(settle, waitMs);
    socket.on('drain', settle).on('close', settle);
  });
}

/** Ends a connection in one of the ways in which connections end. */
export async function leave(socket: net.Socket, random: Dice): Promise<void> {
  const way = random.below(3);
  if (way === 0) reset(socket);
  if (way === 1) {
    // A whole end: ours first, then that of the other side, which may take its time.
    socket.resume().end();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await Promise.race([closed, sleep(100, null, { ref: false })]);
  }
  await letGo(socket);
}

/** Does the same in several lanes, again and again, until the time is over. */
export async function inLanes(ms: number, dice: readonly Dice[], work: (random: Dice) => Promise<void>): Promise<void> {
  const until = performance.now() + ms;
  await Promise.all(
    dice.map(async (random) => {
      while (performance.now() < until) await work(random);
    }),
  );
}
