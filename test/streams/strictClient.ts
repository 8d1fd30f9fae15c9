/** A client of the strict register that says what a test tells it to. */
import type { ReplicaRequest } from '../../src/core/strict/replicaMessage.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { CLIENT_MESSAGES } from '../../src/wire/messageTypes.js';
import type { NumberedAnswer } from '../../src/wire/strict/answers.js';
import { SIZE_PACK_MAX } from '../../src/wire/strict/layout.js';
import { serializeOpen } from '../../src/wire/strict/openMessages.js';
import { Packer, SENDER_CLIENT } from '../../src/wire/strict/pack.js';
import { createTagger } from '../../src/wire/tag.js';
import type { StrictCluster } from './strictCluster.js';
import { KEYS } from './virtualProcess.js';

const tagger = createTagger(KEYS.clientKey);

/** Of one process of three. `ask` returns the answers of the next 50 ms. */
export function strictClient(cluster: StrictCluster, rank: number, sectors: number) {
  const end = cluster.connect(rank);
  const answers: NumberedAnswer[] = [];
  const decoder = createFrameDecoder(CLIENT_MESSAGES, () => SIZE_PACK_MAX);
  end.bytes$.subscribe((chunk) => {
    for (const { type, bytes } of decoder.push(Buffer.from(chunk))) {
      const message = type.parse(bytes);
      if (message.family !== 'pack') continue;
      const content = message.content({ processCount: 3, sectors });
      if (typeof content !== 'string' && content.kind === 'answers') answers.push(...content.answers);
    }
  });
  end.write([serializeOpen({ token: 't'.repeat(16), version: 1 }, tagger)]);
  cluster.pass(10);
  const ask = (request: ReplicaRequest): NumberedAnswer[] => {
    for (const piece of new Packer(SENDER_CLIENT, tagger).packRequests([{ number: 1, request }])) end.write([piece]);
    cluster.pass(50);
    return answers.splice(0);
  };
  return { ask };
}
