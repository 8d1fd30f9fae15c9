/**
 * Whether the other side of a connection is who it says: HELLO has an effect only once it has come with the token that
 * was drawn for this very connection, so that one which was recorded, here or on the way to another process, is worth
 * nothing.
 *
 * ```
 * dialler   HELLO(a, -)        HELLO(a, b) ...       a, b: tokens of the two ends
 * listener           HELLO(b, a)          |- from here on what the dialler sends counts
 * ```
 *
 * Version 1 has no such token. Its LINK echoes the token of the connection the other way, which only a process that
 * runs can know; version 1 is believed when it has sent that. Where one of the two has the extension off no LINK has an
 * echo; then the id of a question of this process, in an answer to it, is as good. Both can be heard on the wire and
 * sent again by who is quick: hence version 2.
 *
 * Mutable records: one for each connection.
 */
import type { Rank } from '../rank.js';
import type { LinkToken, OldHello } from './memberMessage.js';
import { LINK_TOKEN_NONE } from './memberMessage.js';

/** Of a connection that another process dialled. */
export interface Introduction {
  /** Drawn when the other side has said HELLO for the first time. */
  token: LinkToken;
  /**
   * `silent`: it has not said who it is, as foreign ones do not. `claimed`: it has, and not shown it. `proven`: it has.
   * `refused`: it has, and differs in what has to be the same.
   */
  state: 'silent' | 'claimed' | 'proven' | 'refused';
  /** What it has said, if it speaks version 1. */
  old: { readonly rank: Rank; readonly hello: OldHello } | null;
}

/** Of the connection that this process dialled last to a peer. */
export interface Opening {
  token: LinkToken;
  /** What the other side has called the connection; LINK_TOKEN_NONE: it has not answered. */
  receivedToken: LinkToken;
}

export function newIntroduction(): Introduction {
  return { token: LINK_TOKEN_NONE, state: 'silent', old: null };
}

export function newOpening(): Opening {
  return { token: LINK_TOKEN_NONE, receivedToken: LINK_TOKEN_NONE };
}

/** A new connection was made. */
export function renewOpening(opening: Opening, token: LinkToken): void {
  opening.token = token;
  opening.receivedToken = LINK_TOKEN_NONE;
}
