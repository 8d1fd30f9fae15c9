/** What processes of a trace send each other, and how a trace shows it. */
import type { Identity } from '../../src/core/membership/identity.js';
import type { Hello } from '../../src/core/membership/memberMessage.js';
import type { RegisterMessage } from '../../src/core/message.js';
import type { Rank } from '../../src/core/rank.js';
import { describeMessage } from '../../src/core/register/describe.js';
import type { Stamp } from '../../src/core/stamp.js';

export type TraceMessage =
  | { readonly kind: 'register'; readonly message: RegisterMessage }
  | { readonly kind: 'hello'; readonly hello: Hello }
  | { readonly kind: 'list' }
  | { readonly kind: 'listed'; readonly stamp: Stamp };

/** Whose word it is. */
export type Disk = Pick<Identity, 'storage' | 'incarnation'>;

export interface Envelope {
  readonly from: Rank;
  readonly to: Rank;
  readonly content: TraceMessage;
  /** What the sender's connection has said of its disk. */
  readonly disk: Disk;
}

export const showStamp = ({ timestamp, writeRank }: Stamp): string => `(${timestamp},${writeRank})`;

export function describeHello({ memberState, storage, incarnation, incarnations, known }: Hello): string {
  const knows = `knows ${known?.trim() ?? 'no disk'} and incarnations ${incarnations.join()}`;
  return `${memberState}, disk ${storage.trim()}, incarnation ${incarnation}, ${knows}`;
}

export function describeContent(content: TraceMessage): string {
  switch (content.kind) {
    case 'register':
      return describeMessage(content.message);
    case 'hello':
      return 'HELLO';
    case 'list':
      return 'LIST';
    case 'listed':
      return `LISTED ${showStamp(content.stamp)}`;
  }
}
