/** What a foreign peer needs of the world: real sockets and timers here, simulated ones elsewhere. */
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import type { Address } from './rawClient.js';

/** The part of a socket that foreign peers use. */
export interface ForeignSocket {
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'connect' | 'close', listener: () => void): unknown;
  write(bytes: Uint8Array): unknown;
  /** Sends the bytes and then ends this half. */
  end(bytes: Uint8Array): unknown;
  destroy(): unknown;
}

export interface Timer {
  cancel(): void;
}

export interface ForeignWorld {
  /** Begins to connect to the process of that rank; 'connect', or 'error' and 'close', follow. */
  dial(rank: number): ForeignSocket;
  later(delayMs: number, action: () => void): Timer;
  every(intervalMs: number, action: () => void): Timer;
  /** 32 hexadecimal digits. */
  operationId(): string;
  /** 0 <= n < 1 */
  fraction(): number;
}

export function realWorld(addresses: readonly Address[]): ForeignWorld {
  return {
    dial: (rank) => net.connect({ ...addresses[rank - 1], noDelay: true }),
    later: (delayMs, action) => {
      const timer = setTimeout(action, delayMs);
      return {
        cancel: () => {
          clearTimeout(timer);
        },
      };
    },
    every: (intervalMs, action) => {
      const timer = setInterval(action, intervalMs);
      return {
        cancel: () => {
          clearInterval(timer);
        },
      };
    },
    operationId: () => randomBytes(16).toString('hex'),
    fraction: () => Math.random(),
  };
}
