/**
 * Ports for processes that are killed and started again. They must stay free while their process is
 * down, so they lie below the range from which the system takes ports for outgoing connections (a
 * peer that dials a dead process could otherwise be given that very port, and then even connect to
 * itself), and test processes that run at the same time take from different blocks.
 */
import net from 'node:net';
import type { Address } from './rawClient.js';

const PORT_MIN = 10_000;
const BLOCK_SIZE = 64;
/** Linux takes outgoing ports from 32768 up, others from 49152. */
const BLOCK_COUNT = Math.floor((32_768 - PORT_MIN) / BLOCK_SIZE);

const blockStart = PORT_MIN + (process.pid % BLOCK_COUNT) * BLOCK_SIZE;
let used = 0;

/** Loopback addresses that nobody listens on. */
export async function freeAddresses(count: number): Promise<readonly Address[]> {
  const addresses: Address[] = [];
  while (addresses.length < count) {
    const port = blockStart + (used % BLOCK_SIZE);
    used += 1;
    if (used > 16 * BLOCK_SIZE) throw new Error('found no free ports');
    if (await isFree(port)) addresses.push({ host: '127.0.0.1', port });
  }
  return addresses;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ host: '127.0.0.1', port }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
