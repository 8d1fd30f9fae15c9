import type { Standing } from '../../src/core/membership/identity.js';
import { serializeMemberMessage } from '../../src/wire/serialize.js';
import { createTagger } from '../../src/wire/tag.js';
import { SYSTEM_KEY } from '../wire/messages.js';

/** The first message of a process of this make. */
export const helloFrom = (sender: number, standing: Standing = 'member'): Buffer =>
  serializeMemberMessage(
    {
      sender,
      content: {
        kind: 'hello',
        storage: String(sender).repeat(16),
        standing,
        incarnation: 0,
        known: null,
        incarnations: [0, 0, 0],
      },
    },
    createTagger(SYSTEM_KEY),
  );
