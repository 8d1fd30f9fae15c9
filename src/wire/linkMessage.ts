/**
 * LINK (docs/peer-extension.md): the token of the connection that the sender dialled, the token of the connection that
 * the peer dialled, and the features that the sender understands.
 */
import type { LinkHandshake } from '../core/membership/memberMessage.js';
import type { Rank } from '../core/rank.js';
import * as wire from './constants.js';
import { fromSender, typed, withId } from './fields.js';
import { fixedSize } from './messageType.js';
import { beginMessage } from './serialize.js';
import type { Tagger } from './tag.js';

interface LinkFields extends LinkHandshake {
  /** Any byte. */
  readonly sender: number;
}

export interface LinkMessage extends LinkFields {
  readonly family: 'link';
}

const parseFields = typed<LinkFields>(withId(withId(fromSender(), 'token'), 'echo').uint16('features'));

export const LINK = fixedSize(wire.TYPE_LINK, 'LINK', wire.SIZE_LINK, (frame): LinkMessage => ({
  family: 'link',
  ...parseFields(frame),
}));

export function serializeLink(sender: Rank, { token, echo, features }: LinkHandshake, tagger: Tagger): Buffer {
  const bytes = beginMessage(wire.SIZE_LINK, sender, wire.TYPE_LINK).fill(0, wire.HEADER_SIZE_BYTES);
  bytes.write(token, wire.OFFSET_LINK_TOKEN, 'latin1');
  bytes.write(echo, wire.OFFSET_LINK_ECHO, 'latin1');
  bytes.writeUInt16BE(features, wire.OFFSET_LINK_FEATURES);
  tagger.sign(bytes);
  return bytes;
}
