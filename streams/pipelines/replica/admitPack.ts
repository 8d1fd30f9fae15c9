/** The packs that arrive at a process, and the messages that a process of the strict mode takes in from nobody. */
import { isOutdated } from '../../../src/core/membership/membership.js';
import type { Membership } from '../../../src/core/membership/state.js';
import type { Rank } from '../../../src/core/rank.js';
import { tooFarAhead } from '../../../src/core/strict/counterBound.js';
import { SENDER_CLIENT } from '../../../src/wire/strict/pack.js';
import type { NumberedRequest } from '../../../src/wire/strict/requests.js';
import type { Verdict } from '../../../src/wire/verdict.js';
import type { Inbound } from '../arrival.js';
import { dropped } from '../arrival.js';
import type { ProcessState } from '../processState.js';
import type { Session } from '../session.js';
import { SessionAsker } from './asker.js';
import type { StrictPart } from './strictPart.js';

interface Options {
  /** null: this process is of the open mode. */
  readonly strict: StrictPart | null;
  /** The process that this one dialled; null: the connection was opened from the other side. */
  readonly dialled: Rank | null;
  readonly isAdmitting: () => boolean;
  readonly state: Pick<ProcessState, 'membership'>;
  /** Called when a message of that process has come. */
  readonly receivedFrom: (rank: Rank) => void;
}

/** Whether the other side has proven itself enough to send packs, which may be large. */
export function mayPack(session: Session, { strict, dialled }: Pick<Options, 'strict' | 'dialled'>): boolean {
  if (strict === null) return false;
  if (dialled !== null) return strict.peerPorts.get(dialled)?.isOver(session.connection) === true;
  return session.hasOpened || session.introduction.state === 'proven';
}

/** Only a client that was told so, and a process that has proven itself, may send requests of the strict register. */
export function admitPack(
  session: Session,
  { sender, content }: Extract<Verdict, { kind: 'pack' }>,
  { strict, isAdmitting, dialled, state, receivedFrom }: Options,
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
  // Heals of other processes bring a replica forward that was away, so they may be far ahead.
  if (isOfClient && content.requests.some(({ request }) => request.kind === 'list')) {
    return [dropped(session, 'invalidContent', { detail: 'LIST is for processes, and a client has sent it' })];
  }
  const excess = isOfClient ? excessOf(content.requests, strict) : null;
  if (excess !== null) {
    // It would go on with such stamps. As long as it is not served, it counts this replica as down.
    session.isRefused = true;
    session.connection.destroy();
    return [dropped(session, 'invalidContent', { detail: excess })];
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

/** The process that has sent a message of the protocol that members of the open mode speak; null: it is none. */
export function senderInOpenMode(verdict: Verdict): Rank | null {
  switch (verdict.kind) {
    case 'processMessage':
      return verdict.message.sender;
    case 'bundle':
      return verdict.sender;
    case 'receipt':
      return verdict.receipt.sender;
    default:
      return null;
  }
}

/** G4. If that process, or this one, is about to change its mode, nobody has to be told. */
export function refuseOpenPeer(session: Session, peer: Rank, { own, heard }: Membership): Inbound[] {
  const one = heard.get(peer);
  const isPassing = own.memberState === 'fresh' || (one?.kind === 'hello' && one.hello.isReady);
  return isPassing ? [] : [dropped(session, 'otherMode', { peer })];
}
