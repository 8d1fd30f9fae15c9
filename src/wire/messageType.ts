/** One row of the table of message types. */
export interface MessageType<Message> {
  readonly code: number;
  /** The name in docs/wire-protocol.md or docs/peer-extension.md. */
  readonly name: string;
  /** The length of the whole message in bytes, by its header at `at`; null: no message has such a header. */
  sizeOf(bytes: Uint8Array, at: number): number | null;
  /**
   * Reads the fields of a complete frame. Data is a view into the frame: copy it to keep it. Lists are read later
   * (WireMessage).
   */
  parse(frame: Uint8Array): Message;
}

/** A type of which every message has the same length. */
export function fixedSize<Message>(
  code: number,
  name: string,
  sizeBytes: number,
  parse: (frame: Uint8Array) => Message,
): MessageType<Message> {
  return { code, name, sizeOf: () => sizeBytes, parse };
}
