import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from './rawClient.js';
import { within } from './within.js';

/** Attempts until one succeeds: a crowd may push a newcomer out before it has shown its key. */
export async function newcomer(connect: () => Promise<RawClient>): Promise<RawClient> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      const client = await connect();
      if ((await within(2_000, client.ping())) !== 'too late' && client.isOpen) return client;
      await client.destroy();
    } catch {
      // Refused: again.
    }
    await sleep(100);
  }
  throw new Error('no connection was let in');
}
