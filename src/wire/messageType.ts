/** One row of the table of message types. */
export interface MessageType<Message> {
  readonly code: number;
  /** The name in docs/wire-protocol.md or docs/peer-extension.md. */
  readonly name: string;
  /** Length of the whole message in bytes by its header, which begins `at` there; null: no message begins like this. */
  sizeOf(bytes: Uint8Array, at: number): number | null;
  /** Fields of a complete frame. Data is a view into the frame (copy it to keep it), and lists. */
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
