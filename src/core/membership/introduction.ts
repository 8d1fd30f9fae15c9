/**
 * Whether the other side of a connection is the process that it says. A HELLO has an effect only if it comes with the
 * token that was drawn for this connection. So a recorded HELLO that is sent again has none, whatever connection it was
 * recorded on.
 *
 * ```
 * dialler   HELLO(a, -)        HELLO(a, b) ...       a, b: tokens of the two ends
 * listener           HELLO(b, a)          |- from here on what the dialler sends counts
 * ```
 *
 * Version 1 has no such token. Its LINK echoes the token of the connection the other way, which only a process that
 * runs can know; version 1 is believed when it has sent that. If one of the two has the extension off, no LINK has an
 * echo; then the id of a question of this process, in an answer to it, is as good. An attacker who reads the wire can
 * replay both if it is quick enough; version 2 ends that.
 *
 * Mutable records: one `Introduction` for each connection, one `Opening` for each peer.
 */
import type { Rank } from '../rank.js';
import type { LinkToken, OldHello } from './memberMessage.js';
import { LINK_TOKEN_NONE } from './memberMessage.js';

/** The state of a connection that another process dialled. */
export interface Introduction {
  /** Drawn when the other side has said HELLO for the first time. */
  token: LinkToken;
  /**
   * `silent`: the other side has not said HELLO; foreign processes never do. `claimed`: it has said who it is, and not
   * shown it. `proven`: it has shown it. `refused`: it has said who it is, and differs in what has to be the same.
   */
  state: 'silent' | 'claimed' | 'proven' | 'refused';
  /** Its HELLO, if it speaks version 1. */
  old: { readonly rank: Rank; readonly hello: OldHello } | null;
}

/** The state of the connection that this process dialled last to a peer. */
export interface Opening {
  token: LinkToken;
  /** The token that the other side drew for the connection; LINK_TOKEN_NONE: it has not answered. */
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
