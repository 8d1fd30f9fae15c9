/**
 * Decides whether this process may vote, and whether the votes of others count: docs/adr/0013-membership.md has the
 * argument. In short: a process that finds its disk empty does not know whether it has lost what it promised. Its peers
 * remember its disk, so it asks them first. founding.ts decides for fresh processes.
 *
 * A HELLO comes in here only once the peer has shown that it said it to this process, over a connection that still
 * stands (introduction.ts). No I/O: the effects say what is to be made durable, sent or begun. A mutable record behind
 * functions: one exists for each process.
 */
import { assert } from '../assert.js';
import type { Rank } from '../rank.js';
import { INCARNATION_MAX } from '../stamp.js';
import { decideFresh, foundersBeside } from './founding.js';
import { hellosOf, membersOf, rebuildQuorum } from './heard.js';
import type { Identity, Incarnation, MemberState, StorageId } from './identity.js';
import type { Hello } from './memberMessage.js';
import type { Membership, MembershipOptions, Objection, PeerMemory } from './state.js';
import { isReady, modeWanted } from './transition.js';

export type MembershipEffect =
  /** `own` has changed. It must be durable before anything that rests on it. */
  | { readonly kind: 'identify' }
  /** What is remembered of that peer has changed. */
  | { readonly kind: 'remember'; readonly rank: Rank }
  /** Say HELLO to all peers, before anything else that this process sends from now on. */
  | { readonly kind: 'sendHello' }
  /** That peer has another disk now: what it acknowledged before may be lost. */
  | { readonly kind: 'disavow'; readonly rank: Rank }
  /** `objections` have changed: this member has stopped voting, votes again, or has other reasons not to. */
  | { readonly kind: 'objections' }
  /** What transition.ts tells may have changed. */
  | { readonly kind: 'transition' }
  /** There is no number left for this incarnation: the process stays joining, and never votes. */
  | { readonly kind: 'exhausted' };

export function newMembership(
  options: MembershipOptions,
  own: Identity,
  remembered: ReadonlyMap<Rank, PeerMemory>,
): Membership {
  return {
    ...options,
    own,
    remembered: new Map(remembered),
    heard: new Map(),
    answered: new Map(),
    strangers: new Set(),
    objections: [],
    isMixed: false,
    isGraceOver: false,
    isDrained: false,
  };
}

/** The HELLO for a peer. */
export function helloTo(membership: Membership, to: Rank): Hello {
  const { own, remembered, configuration, wasInUse, isFounder } = membership;
  const isFresh = own.memberState === 'fresh';
  return {
    ...own,
    known: remembered.get(to)?.storage ?? null,
    incarnations: incarnationsOf(membership),
    configuration,
    wasInUse: isFresh && wasInUse && !isFounder,
    isFounder: isFresh && isFounder,
    hasData: membership.hasData(),
    isReady: isReady(membership),
    isDrained: membership.isDrained,
  };
}

/** The latest known incarnation of each process, that of rank 1 first; 0: the first, or none is known. */
export function incarnationsOf({ own, remembered, self }: Membership): readonly Incarnation[] {
  const incarnations: Incarnation[] = [];
  for (let rank = 1; rank <= self.processCount; rank += 1) {
    const isSelf = rank === self.rank;
    incarnations.push(isSelf ? own.incarnation : (remembered.get(rank)?.incarnation ?? 0));
  }
  return incarnations;
}

/** Decides again: the process has just started, or time has passed. */
export function reconsider(membership: Membership): MembershipEffect[] {
  return [...transition(membership), ...decide(membership)];
}

/** A peer has sent a message without a HELLO: it is foreign. */
export function receiveBase(membership: Membership, from: Rank): MembershipEffect[] {
  if (membership.heard.has(from)) return [];
  membership.heard.set(from, { kind: 'base', hasAnswered: false });
  membership.isMixed = true;
  return decide(membership);
}

/** A peer has answered a question of this boot. */
export function receiveAnswer(membership: Membership, from: Rank): MembershipEffect[] {
  const one = membership.heard.get(from);
  if (one?.kind !== 'base' || one.hasAnswered) return [];
  membership.heard.set(from, { kind: 'base', hasAnswered: true });
  return decide(membership);
}

/**
 * A peer has answered with its HELLO over the connection that this process dialled. A peer with another configuration
 * may never dial this process itself: see founding.ts.
 */
export function receiveOpening(membership: Membership, from: Rank, hello: Hello): MembershipEffect[] {
  membership.answered.set(from, hello);
  return membership.own.memberState === 'fresh' ? decide(membership) : [];
}

export function receiveHello(membership: Membership, from: Rank, hello: Hello): MembershipEffect[] {
  const { remembered, heard, self } = membership;
  const effects: MembershipEffect[] = [];
  heard.set(from, { kind: 'hello', hello });
  membership.isMixed = [...heard.values()].some(({ kind }) => kind === 'base');
  if (hello.memberState !== 'fresh') remember(membership, from, hello, effects);
  hello.incarnations.forEach((incarnation, index) => {
    const rank = index + 1;
    if (rank === self.rank || rank === from) return;
    if (incarnation <= (remembered.get(rank)?.incarnation ?? 0)) return;
    remember(membership, rank, { storage: null, incarnation }, effects);
  });
  effects.push(...transition(membership), ...decide(membership));
  return effects;
}

function transition({ canChange }: Membership): MembershipEffect[] {
  return canChange ? [{ kind: 'transition' }] : [];
}

/** The process has no operation under way any more, and begins none before it is strict. */
export function finishDraining(membership: Membership): MembershipEffect[] {
  membership.isDrained = true;
  return [{ kind: 'sendHello' }];
}

/**
 * A member of a cluster that was founded apart from the own one has said HELLO. If it has data, nobody can know which
 * of the two clusters people mean. So this process stops voting, unless it knows the disk of a member with that rank:
 * then the stranger changes nothing.
 */
export function meetStranger(membership: Membership, from: Rank, hello: Hello): MembershipEffect[] {
  const isCounted = (membership.remembered.get(from)?.storage ?? null) !== null;
  if (isCounted || hello.memberState !== 'member' || !hello.hasData) return [];
  membership.strangers.add(from);
  return decide(membership);
}

function remember(
  membership: Membership,
  rank: Rank,
  { storage, incarnation, isVouched = false }: PeerMemory & { readonly isVouched?: boolean },
  effects: MembershipEffect[],
): void {
  const { remembered } = membership;
  const known = remembered.get(rank);
  if (known !== undefined) {
    if (incarnation < known.incarnation) return;
    const isSame = incarnation === known.incarnation;
    if (isSame && (known.storage === storage || (known.storage !== null && !isVouched))) return;
  }
  remembered.set(rank, { storage, incarnation });
  effects.push({ kind: 'remember', rank });
  if (incarnation > (known?.incarnation ?? 0)) {
    // All peers must learn this before they get anything else from this process: see the ADR.
    effects.push({ kind: 'disavow', rank }, { kind: 'sendHello' });
  } else if (isVouched) {
    effects.push({ kind: 'sendHello' });
  }
}

/** Whether the disk with that identity has been replaced, so that its messages may be old. */
export function isOutdated(
  { remembered }: Membership,
  rank: Rank,
  { storage, incarnation }: Pick<Identity, 'storage' | 'incarnation'>,
): boolean {
  const known = remembered.get(rank);
  if (known === undefined) return false;
  if (incarnation !== known.incarnation) return incarnation < known.incarnation;
  return known.storage !== null && known.storage !== storage;
}

/** Whether that HELLO would change nothing: this process is a member, and knows all that it says. */
export function isKnownAlready(
  { own, remembered, self }: Membership,
  from: Rank,
  { storage, incarnation, incarnations }: Pick<Hello, 'storage' | 'incarnation' | 'incarnations'>,
): boolean {
  const known = remembered.get(from);
  if (own.memberState !== 'member' || known?.storage !== storage) return false;
  return (
    known.incarnation === incarnation &&
    incarnations.every((one, index) => {
      const rank = index + 1;
      const here = rank === self.rank ? own.incarnation : (remembered.get(rank)?.incarnation ?? 0);
      return one <= here;
    })
  );
}

function decide(membership: Membership): MembershipEffect[] {
  switch (membership.own.memberState) {
    case 'fresh': {
      // What begins now would be of the other mode.
      if (modeWanted(membership) !== null) return [];
      const decision = decideFresh(membership);
      if (decision.kind === 'join') return startJoining(membership);
      return decision.kind === 'enter' ? becomeMember(membership, decision.founding) : [];
    }
    case 'joining':
      return chooseIncarnation(membership);
    case 'member':
      return weighObjections(membership);
  }
}

/**
 * If one peer knows of another disk of this rank, this process does not vote meanwhile, because the peer may be right.
 * It joins anew only if a majority of the others know of one, because joining cannot be undone.
 */
function weighObjections(membership: Membership): MembershipEffect[] {
  const { own, self, heard, strangers } = membership;
  const objections: Objection[] = [];
  for (const [by, { known, incarnations }] of hellosOf(heard)) {
    const incarnation = incarnations[self.rank - 1];
    const isOther = known !== null && known !== own.storage && !own.isVouched;
    if (incarnation > own.incarnation || (incarnation === own.incarnation && isOther)) {
      objections.push({ kind: 'replaced', by });
    }
  }
  if (objections.length > (self.processCount - 1) / 2) {
    membership.objections = [];
    return startJoining(membership);
  }
  for (const by of strangers) objections.push({ kind: 'otherCluster', by });
  const before = membership.objections;
  membership.objections = objections;
  const isSame =
    before.length === objections.length &&
    before.every(({ kind, by }, index) => {
      const now = objections[index];
      return now.kind === kind && now.by === by;
    });
  return isSame ? [] : [{ kind: 'objections' }];
}

function becomeMember(membership: Membership, founding: StorageId | null): MembershipEffect[] {
  const { remembered } = membership;
  const effects: MembershipEffect[] = [];
  for (const [rank, { storage, incarnation }] of foundersBeside(membership)) {
    if (remembered.has(rank)) continue;
    remembered.set(rank, { storage, incarnation });
    effects.push({ kind: 'remember', rank });
  }
  membership.own = { ...membership.own, memberState: 'member', founding };
  effects.push({ kind: 'identify' }, { kind: 'sendHello' });
  return effects;
}

/** Draws a new id for the disk, so that the old disk is told from this one if it ever comes back. */
function startJoining(membership: Membership): MembershipEffect[] {
  const { founding, mode } = membership.own;
  const storage = membership.draw();
  const begun = { storage, incarnation: 0, founding, mode, isVouched: false };
  membership.own = { ...begun, memberState: 'joining' };
  return [{ kind: 'identify' }, { kind: 'sendHello' }, ...chooseIncarnation(membership)];
}

/**
 * Takes a number for this incarnation above all earlier ones. A process that counted a vote of an earlier incarnation
 * had learned its number first, and each rebuild quorum contains such a process. The members that answer must be of one
 * cluster.
 */
function chooseIncarnation(membership: Membership): MembershipEffect[] {
  const { own, self, heard } = membership;
  if (own.incarnation > 0) return [];
  const members = membersOf(heard);
  const foundings = new Set(members.map(({ founding }) => founding).filter((id) => id !== null));
  if (foundings.size > 1 || members.length < rebuildQuorum(self.processCount)) return [];
  const [founding = null] = foundings;
  const known = hellosOf(heard).map(([, { incarnations }]) => incarnations[self.rank - 1]);
  const incarnation = Math.max(0, ...known) + 1;
  // A member that lies can cause this as well, so it must not end the process.
  if (incarnation > INCARNATION_MAX) return [{ kind: 'exhausted' }];
  membership.own = { ...own, incarnation, founding: founding ?? own.founding };
  return [{ kind: 'identify' }, { kind: 'sendHello' }];
}

/** The process has taken in all that it may have promised, and is a member. */
export function finishJoining(membership: Membership): MembershipEffect[] {
  assert(membership.own.memberState === 'joining', 'only a joining process can finish joining');
  membership.own = { ...membership.own, memberState: 'member' satisfies MemberState };
  return [{ kind: 'identify' }, { kind: 'sendHello' }];
}
