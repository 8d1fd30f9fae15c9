/**
 * Whether the process at the other end of the connection that this one dialled understands the
 * extension. It tells over the connection that it dials itself, and may have been replaced by
 * another make in between; so it echoes the token of the connection that it means, and only whoever
 * reads from that connection can know it (docs/adr/0018-peer-extension.md).
 *
 * A mutable record behind functions: one for each peer.
 */
import type { LinkNews, LinkToken } from '../membership/memberMessage.js';
import { LINK_TOKEN_NONE } from '../membership/memberMessage.js';

export interface LinkAgreement {
  /** What this process understands: bits. */
  readonly features: number;
  /** Of the connection that this process dialled last. */
  token: LinkToken;
  /** What the peer called its connection. */
  heardToken: LinkToken;
  /** What both ends of the connection understand. */
  agreed: number;
}

/** @param features 0: the extension is off. */
export function newAgreement(features: number): LinkAgreement {
  return { features, token: LINK_TOKEN_NONE, heardToken: LINK_TOKEN_NONE, agreed: 0 };
}

/** A new connection was made: nothing is known of who is at its other end. */
export function renewLink(agreement: LinkAgreement, token: LinkToken): void {
  agreement.token = token;
  agreement.agreed = 0;
}

/** What to tell the peer, over the connection that was made last. */
export function linkNews({ token, heardToken, features }: LinkAgreement): LinkNews {
  return { token, echo: heardToken, features };
}

/** The peer has told its part. @returns whether to tell it of that: its token is a new one. */
export function hearLink(agreement: LinkAgreement, { token, echo, features }: LinkNews): boolean {
  const isEcho = echo === agreement.token && agreement.token !== LINK_TOKEN_NONE;
  if (isEcho) agreement.agreed = features & agreement.features;
  const isNew = token !== agreement.heardToken;
  agreement.heardToken = token;
  return isNew;
}
