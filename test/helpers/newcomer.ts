import { setTimeout as sleep } from 'node:timers/promises';
import { HANG_MS } from './hang.js';
import type { RawClient } from './rawClient.js';
import { within } from './within.js';

/** Attempts until one succeeds: a crowd may push a newcomer out before it has shown its key. */
export async function newcomer(connect: () => Promise<RawClient>): Promise<RawClient> {
  for (const giveUpAt = performance.now() + HANG_MS; performance.now() < giveUpAt;) {
    try {
      const client = await connect();
      if ((await within(HANG_MS, client.ping())) !== 'too late' && client.isOpen) return client;
      await client.destroy();
    } catch {
      // Refused: again.
    }
    await sleep(100);
  }
  throw new Error('no connection was let in');
}
