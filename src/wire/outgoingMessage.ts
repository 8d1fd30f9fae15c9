import type { ProcessMessage } from '../core/message.js';
import { processMessageSize, serializeProcessMessage } from './serialize.js';
import type { Tagger } from './tag.js';

/**
 * A message to a peer, or to all of them, that has no bytes yet: what they are depends on what the peer understands
 * when it is sent, and on what is sent together with it. Bytes that were made once are kept: it may be sent to several,
 * and again.
 */
export class OutgoingMessage {
  #own: Uint8Array | null = null;
  #base: Uint8Array | null = null;

  constructor(
    readonly message: ProcessMessage,
    /** The same goes to every other process. */
    readonly isBroadcast: boolean,
    private readonly tagger: Tagger,
  ) {}

  /** Bytes in a bundle. */
  get sizeBytes(): number {
    return processMessageSize(this.message.content.kind);
  }

  /** By itself, for a peer that agreed on the extension. */
  own(): Uint8Array {
    this.#own ??= serializeProcessMessage(this.message, this.tagger);
    return this.#own;
  }

  /** By itself, for any peer: a question for a stamp is one for a value, which has a stamp. */
  base(): Uint8Array {
    const { content } = this.message;
    if (content.kind !== 'readStamp') return this.own();
    const asked = { kind: 'readProc', id: content.id } as const;
    this.#base ??= serializeProcessMessage({ ...this.message, content: asked }, this.tagger);
    return this.#base;
  }
}
