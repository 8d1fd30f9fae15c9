/**
 * Finds out whether the peer at the other end of the connection that this process dialled understands the extension.
 * The peer says so over the connection that it dials itself, and may have been replaced by a foreign process in
 * between. So it echoes the token of the connection that it means: only a process that reads from that connection can
 * know the token (docs/adr/0018-peer-extension.md).
 *
 * A mutable record behind functions: one for each peer.
 */
import type { LinkHandshake, LinkToken } from '../membership/memberMessage.js';
import { LINK_TOKEN_NONE } from '../membership/memberMessage.js';

export interface LinkNegotiation {
  /** Bits: the features that this process understands. */
  readonly features: number;
  /** The token of the connection that this process dialled last. */
  token: LinkToken;
  /** The token of the connection that the peer dialled. */
  receivedToken: LinkToken;
  /** Bits: the features that both ends are known to understand. */
  agreed: number;
}

/** @param features 0: the extension is off. */
export function newNegotiation(features: number): LinkNegotiation {
  return { features, token: LINK_TOKEN_NONE, receivedToken: LINK_TOKEN_NONE, agreed: 0 };
}

/** A new connection was made: its other end may be another process. */
export function renewLink(negotiation: LinkNegotiation, token: LinkToken): void {
  negotiation.token = token;
  negotiation.agreed = 0;
}

/** The handshake for the peer, to be sent over the connection that was made last. */
export function linkHandshake({ token, receivedToken, features }: LinkNegotiation): LinkHandshake {
  return { token, echo: receivedToken, features };
}

/**
 * A handshake has come from the peer.
 * @returns whether its token is a new one, which must be echoed.
 */
export function receiveHandshake(negotiation: LinkNegotiation, { token, echo, features }: LinkHandshake): boolean {
  const isEcho = echo === negotiation.token && negotiation.token !== LINK_TOKEN_NONE;
  if (isEcho) negotiation.agreed = features & negotiation.features;
  const isNew = token !== negotiation.receivedToken;
  negotiation.receivedToken = token;
  return isNew;
}
