/**
 * Ports for processes that are killed and started again. They must stay free while their process is down, so they lie
 * below the range from which the system takes ports for outgoing connections (a peer that dials a dead process could
 * otherwise be given that very port, and then even connect to itself), and test processes that run at the same time
 * take from different blocks: each listens on the first port of its block for as long as it lives.
 */
import net from 'node:net';
import type { Address } from './rawClient.js';

const PORT_MIN = 10_000;
const BLOCK_SIZE = 64;
/** Linux takes outgoing ports from 32768 up, others from 49152. */
const BLOCK_COUNT = Math.floor((32_768 - PORT_MIN) / BLOCK_SIZE);

let block: Promise<number> | null = null;
let used = 0;

/** Loopback addresses that nobody listens on. */
export async function freeAddresses(count: number): Promise<readonly Address[]> {
  const blockStart = await (block ??= takeBlock());
  const addresses: Address[] = [];
  while (addresses.length < count) {
    const port = blockStart + 1 + (used % (BLOCK_SIZE - 1));
    used += 1;
    if (used > 16 * BLOCK_SIZE) throw new Error('found no free ports');
    if (await isFree(port)) addresses.push({ host: '127.0.0.1', port });
  }
  return addresses;
}

/** @returns the first port of a block that no other test process takes from. */
async function takeBlock(): Promise<number> {
  for (let attempt = 0; attempt < BLOCK_COUNT; attempt += 1) {
    const port = PORT_MIN + ((process.pid + attempt) % BLOCK_COUNT) * BLOCK_SIZE;
    const server = await listenOn(port);
    if (server === null) continue;
    server.unref();
    return port;
  }
  throw new Error('found no free ports');
}

async function isFree(port: number): Promise<boolean> {
  const server = await listenOn(port);
  if (server === null) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/** Null if somebody else listens there. */
function listenOn(port: number): Promise<net.Server | null> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => {
      resolve(null);
    });
    server.listen({ host: '127.0.0.1', port }, () => {
      resolve(server);
    });
  });
}
