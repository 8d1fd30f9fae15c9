/**
 * What one side of a MessagePort tells the other in one turn of its event loop, about any number of connections:
 * numbers, and all bytes in one piece of memory that is handed over, not copied again. One such batch a turn costs a
 * fraction of a message for each.
 */

/** Of a connection that was taken in by the main thread, for a worker, and back. */
export const Notice = {
  /** There is a new connection; its text is where it comes from. */
  opened: 0,
  /** So many bytes for it, or from it. */
  bytes: 1,
  /** So many bytes that the other side told are off its hands. */
  taken: 2,
  /** There are no more bytes after those. */
  ended: 3,
  /** It is gone, or has to go at once. */
  closed: 4,
  /** Whoever is at its other end has shown a key. */
  trusted: 5,
} as const;

export type Notice = (typeof Notice)[keyof typeof Notice];

export interface ThreadBatch {
  /** Three for each: what is told, the number of the connection, an amount. */
  readonly entries: readonly number[];
  /** One for each `opened`. */
  readonly texts: readonly string[];
  /** Of all `bytes`, in their order. */
  readonly memory: ArrayBuffer;
}

/** Bytes that are off somebody's hands are told of when there are so many. */
export const TAKEN_STEP_BYTES = 16_384;

const NUMBERS_PER_ENTRY = 3;

/** Gathers a batch. Bound: what one turn produces. */
export class BatchWriter {
  #entries: number[] = [];
  #texts: string[] = [];
  #chunks: Uint8Array[] = [];
  #sizeBytes = 0;

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  notify(what: Notice, connection: number, amount = 0): void {
    this.#entries.push(what, connection, amount);
  }

  open(connection: number, remote: string): void {
    this.notify(Notice.opened, connection);
    this.#texts.push(remote);
  }

  /** @param chunk Not changed any more. */
  add(connection: number, chunk: Uint8Array): void {
    const entries = this.#entries;
    const last = entries.length - NUMBERS_PER_ENTRY;
    // What comes together goes together.
    if (last >= 0 && entries[last] === Notice.bytes && entries[last + 1] === connection) {
      entries[last + 2] += chunk.length;
    } else {
      this.notify(Notice.bytes, connection, chunk.length);
    }
    this.#chunks.push(chunk);
    this.#sizeBytes += chunk.length;
  }

  /** What was gathered; begins a new batch. */
  take(): ThreadBatch {
    // Memory of its own: that of small buffers is shared, and cannot be handed over.
    const bytes = Buffer.allocUnsafeSlow(this.#sizeBytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    const memory = bytes.buffer;
    const batch = { entries: this.#entries, texts: this.#texts, memory };
    this.#entries = [];
    this.#texts = [];
    this.#chunks = [];
    this.#sizeBytes = 0;
    return batch;
  }
}

export interface BatchReader {
  opened(connection: number, remote: string): void;
  bytes(connection: number, bytes: Uint8Array): void;
  /** Everything else. */
  notice(what: Notice, connection: number, amount: number): void;
}

export function readBatch({ entries, texts, memory }: ThreadBatch, reader: BatchReader): void {
  let text = 0;
  let offset = 0;
  for (let at = 0; at < entries.length; at += NUMBERS_PER_ENTRY) {
    const what = entries[at] as Notice;
    const connection = entries[at + 1];
    const amount = entries[at + 2];
    if (what === Notice.opened) {
      reader.opened(connection, texts[text]);
      text += 1;
    } else if (what === Notice.bytes) {
      reader.bytes(connection, Buffer.from(memory, offset, amount));
      offset += amount;
    } else {
      reader.notice(what, connection, amount);
    }
  }
}
