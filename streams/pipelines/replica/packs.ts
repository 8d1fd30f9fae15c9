/** The packs of requests and answers that arrive over a connection of a process. */
import { isOutdated } from '../../../src/core/membership/membership.js';
import type { Rank } from '../../../src/core/rank.js';
import { tooFarAhead } from '../../../src/core/strict/counterBound.js';
import { SENDER_CLIENT } from '../../../src/wire/strict/pack.js';
import type { NumberedRequest } from '../../../src/wire/strict/requests.js';
import type { DropReason, Verdict } from '../../../src/wire/verdict.js';
import type { Inbound } from '../arrival.js';
import type { ProcessState } from '../processState.js';
import type { Session } from '../session.js';
import { SessionAsker } from './asker.js';
import type { StrictPart } from './strictPart.js';

export interface PackOptions {
  readonly strict: StrictPart | null;
  /** The process that this one dialled; null: the connection was opened from the other side. */
  readonly dialled: Rank | null;
  readonly isAdmitting: () => boolean;
  readonly state: Pick<ProcessState, 'membership'>;
  /** Called when a message of that process has come. */
  readonly receivedFrom: (rank: Rank) => void;
}

/** Whether the other side has proven itself enough to send packs, which may be large. */
export function mayPack(session: Session, { strict, dialled }: PackOptions): boolean {
  if (strict === null) return false;
  if (dialled !== null) return strict.peerPorts.get(dialled)?.isOver(session.connection) === true;
  return session.hasOpened || session.introduction.state === 'proven';
}

/** Only a client that was told so, and a process that has proven itself, may send requests of the strict register. */
export function admitPack(
  session: Session,
  { sender, content }: Verdict & { readonly kind: 'pack' },
  { strict, isAdmitting, dialled, state, receivedFrom }: PackOptions,
): Inbound[] {
  if (strict === null) return [dropped(session, 'unexpectedFamily')];
  const isOfClient = sender === SENDER_CLIENT;
  if (!isOfClient) receivedFrom(sender);
  if (dialled !== null) {
    const port = sender === dialled ? strict.peerPorts.get(dialled) : undefined;
    if (port?.isOver(session.connection) !== true) return [dropped(session, 'unexpectedFamily')];
    port.receive(content);
    return [];
  }
  const { hello, introduction } = session;
  const isProven = introduction.state === 'proven' && hello?.rank === sender;
  const isAgreed = isOfClient ? session.hasOpened : isProven;
  if (!isAgreed || content.kind !== 'requests') return [dropped(session, 'unexpectedFamily')];
  if (isProven && isOutdated(state.membership.current, sender, hello)) return [dropped(session, 'outdatedSender')];
  if (!isAdmitting()) return [];
  const excess = excessOf(content.requests, strict);
  if (excess !== null) {
    // It would go on with such stamps. As long as it is not served, it counts this replica as down.
    session.isRefused = true;
    session.connection.destroy();
    return [dropped(session, 'invalidContent', excess)];
  }
  const packer = isOfClient ? strict.clientPacker : strict.systemPacker;
  return content.requests.map(({ number, request }): Inbound => {
    session.requested(request);
    return { kind: 'request', from: { origin: new SessionAsker(session, number, packer), request } };
  });
}

/** In words, the first stamp that is too far ahead of all that this replica knows; null: none is. */
function excessOf(requests: readonly NumberedRequest[], { state, store }: StrictPart): string | null {
  const { highestCounter: promised } = state.regionNotes;
  // What was listed from others is in the store alone.
  const stored = store.highestStamp.counter;
  for (const { request } of requests) {
    const excess = tooFarAhead(request, promised > stored ? promised : stored);
    if (excess !== null) return excess;
  }
  return null;
}

function dropped({ connection }: Session, reason: DropReason, detail?: string): Inbound {
  return { kind: 'dropped', remote: connection.remote, reason, ...(detail !== undefined && { detail }) };
}
