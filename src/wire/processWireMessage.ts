import type { RegisterMessage } from '../core/message.js';

/** A message between registers as it stands on the wire: nothing was checked yet. */
export interface ProcessWireMessage {
  readonly family: 'process';
  readonly sender: number;
  readonly sector: bigint;
  readonly content: RegisterMessage;
}
