import type { WireMessage } from './wireMessage.js';

/** One row of the table of message types. */
export interface MessageType {
  readonly code: number;
  /** The name in docs/wire-protocol.md. */
  readonly name: string;
  /** Length of the whole message in bytes; `status` is the byte at OFFSET_STATUS. */
  sizeOf(status: number): number;
  /** Fields of a complete frame. Data is a view into the frame: copy it to keep it. */
  parse(frame: Uint8Array): WireMessage;
}
