import type { ProcessMessage } from '../core/message.js';
import { processMessageSize, serializeProcessMessage } from './serialize.js';
import type { Tagger } from './tag.js';

/**
 * A message to a peer, or to all of them, that becomes bytes when it is sent: they depend on what the peer understands
 * then, and on the messages sent with it. The bytes are kept, because it may be sent to several peers, and again.
 */
export class OutgoingMessage {
  #own: Uint8Array | null = null;
  #base: Uint8Array | null = null;

  constructor(
    readonly message: ProcessMessage,
    /** Whether the message goes to every other process. */
    readonly isBroadcast: boolean,
    private readonly tagger: Tagger,
  ) {}

  /** The size of the message in a bundle, in bytes. */
  get sizeBytes(): number {
    return processMessageSize(this.message.content.kind);
  }

  /** The bytes of the message alone, for a peer that understands the extension. */
  own(): Uint8Array {
    this.#own ??= serializeProcessMessage(this.message, this.tagger);
    return this.#own;
  }

  /**
   * The bytes of the message alone, for any peer. A READ_STAMP becomes a READ_PROC, because a VALUE has a stamp as
   * well.
   */
  base(): Uint8Array {
    const { content } = this.message;
    if (content.kind !== 'readStamp') return this.own();
    const asked = { kind: 'readProc', id: content.id } as const;
    this.#base ??= serializeProcessMessage({ ...this.message, content: asked }, this.tagger);
    return this.#base;
  }
}
