/** Asks a process by OPEN what it is, over a connection of its own. */
import { once } from 'node:events';
import net from 'node:net';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { CLIENT_MESSAGES } from '../../src/wire/messageTypes.js';
import type { Opened } from '../../src/wire/strict/openMessages.js';
import { serializeOpen, STRICT_VERSION } from '../../src/wire/strict/openMessages.js';
import { createTagger } from '../../src/wire/tag.js';
import { HANG_MS } from './hang.js';
import type { Address } from './rawClient.js';

const TOKEN = 'sixteen letters.';

/** @throws if there is no good answer. */
export async function askOpened({ host, port }: Address, clientKey: Uint8Array): Promise<Opened> {
  const tagger = createTagger(clientKey);
  const decoder = createFrameDecoder(CLIENT_MESSAGES);
  const socket = net.connect({ host, port });
  const signal = AbortSignal.timeout(HANG_MS);
  try {
    await once(socket, 'connect', { signal });
    socket.write(serializeOpen({ token: TOKEN, version: STRICT_VERSION }, tagger));
    for (;;) {
      const [chunk] = (await once(socket, 'data', { signal })) as [Buffer];
      for (const { type, bytes } of decoder.push(chunk)) {
        const message = type.parse(bytes);
        const content = message.family === 'opened' && tagger.verify(bytes) ? message.content() : null;
        if (content?.echo !== TOKEN) throw new Error(`OPEN was answered with ${type.name}`);
        return content;
      }
    }
  } finally {
    socket.destroy();
  }
}
