/**
 * Whether the process at the other end of the connection that this one dialled understands the extension. It tells over
 * the connection that it dials itself, and may have been replaced by a foreign implementation in between; so it echoes
 * the token of the connection that it means, and only whoever reads from that connection can know it
 * (docs/adr/0018-peer-extension.md).
 *
 * A mutable record behind functions: one for each peer.
 */
import type { LinkHandshake, LinkToken } from '../membership/memberMessage.js';
import { LINK_TOKEN_NONE } from '../membership/memberMessage.js';

export interface LinkNegotiation {
  /** What this process understands: bits. */
  readonly features: number;
  /** Of the connection that this process dialled last. */
  token: LinkToken;
  /** What the peer called its connection. */
  receivedToken: LinkToken;
  /** What both ends of the connection understand. */
  agreed: number;
}

/** @param features 0: the extension is off. */
export function newNegotiation(features: number): LinkNegotiation {
  return { features, token: LINK_TOKEN_NONE, receivedToken: LINK_TOKEN_NONE, agreed: 0 };
}

/** A new connection was made: nothing is known of who is at its other end. */
export function renewLink(negotiation: LinkNegotiation, token: LinkToken): void {
  negotiation.token = token;
  negotiation.agreed = 0;
}

/** What to tell the peer, over the connection that was made last. */
export function linkHandshake({ token, receivedToken, features }: LinkNegotiation): LinkHandshake {
  return { token, echo: receivedToken, features };
}

/** The peer has told its part. @returns whether to tell it of that: its token is a new one. */
export function receiveHandshake(negotiation: LinkNegotiation, { token, echo, features }: LinkHandshake): boolean {
  const isEcho = echo === negotiation.token && negotiation.token !== LINK_TOKEN_NONE;
  if (isEcho) negotiation.agreed = features & negotiation.features;
  const isNew = token !== negotiation.receivedToken;
  negotiation.receivedToken = token;
  return isNew;
}
