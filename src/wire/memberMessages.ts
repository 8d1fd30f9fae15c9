/** The messages between members of this implementation, except HELLO of version 2. Each has a file of its own. */
import { unreachable } from '../core/assert.js';
import type { MemberMessage, SignedMemberMessage } from '../core/membership/memberMessage.js';
import type { LinkMessage } from './linkMessage.js';
import { LINK, serializeLink } from './linkMessage.js';
import type { ListMessage, ListedMessage } from './listMessages.js';
import { LIST, LISTED, readList, readListed, serializeList, serializeListed } from './listMessages.js';
import type { OldHelloMessage } from './oldHelloMessage.js';
import { OLD_HELLO, readOldHello, serializeOldHello } from './oldHelloMessage.js';
import type { Tagger } from './tag.js';

export type MemberWireMessage = OldHelloMessage | LinkMessage | ListMessage | ListedMessage;

export const MEMBER_MESSAGES = [OLD_HELLO, LINK, LIST, LISTED] as const;

/**
 * @param sectors The size of this process's disk.
 * @returns null if a field is out of its range.
 */
export function readMemberMessage(
  message: MemberWireMessage,
  sectors: bigint,
  processCount: number,
): MemberMessage | null {
  switch (message.family) {
    case 'oldHello': {
      const hello = readOldHello(message, processCount);
      return hello && { kind: 'oldHello', ...hello };
    }
    case 'link': {
      const { token, echo, features } = message;
      return { kind: 'link', token, echo, features };
    }
    case 'list':
      return readList(message, sectors);
    case 'listed':
      return readListed(message, sectors);
    default:
      return unreachable(message);
  }
}

export function serializeMemberMessage({ sender, content }: SignedMemberMessage, tagger: Tagger): Buffer {
  switch (content.kind) {
    case 'oldHello':
      return serializeOldHello(sender, content, tagger);
    case 'link':
      return serializeLink(sender, content, tagger);
    case 'list':
      return serializeList(sender, content, tagger);
    case 'listed':
      return serializeListed(sender, content, tagger);
    default:
      return unreachable(content);
  }
}
