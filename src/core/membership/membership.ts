/**
 * Whether this process may vote, and whether others' votes count: docs/adr/0013-membership.md has
 * the argument. In short: a process that finds its disk empty does not know whether it has lost
 * what it promised. Its peers remember its disk, so it asks them first.
 *
 * No I/O: what is to be made durable, sent or begun comes out as effects. A mutable record behind
 * functions: one exists for each process.
 */
import { assert } from '../assert.js';
import type { Rank } from '../rank.js';
import type { Self } from '../register/step.js';
import { INCARNATION_MAX } from '../stamp.js';
import type { Identity, Incarnation, Standing, StorageId } from './identity.js';
import type { MemberMessage } from './memberMessage.js';

export type Hello = Extract<MemberMessage, { kind: 'hello' }>;

/** What is known of a peer's disk. */
export interface PeerMemory {
  /** null: only that it has been lost so often. */
  readonly storage: StorageId | null;
  readonly incarnation: Incarnation;
}

/**
 * What a peer has said of itself in this life of ours; `base`: nothing, as members of another make
 * do. Anybody may have sent a message of it again: it was the peer if it answers what it is asked.
 */
export type Heard = { readonly kind: 'base'; readonly hasAnswered: boolean } | Hello;

export interface Membership {
  readonly self: Pick<Self, 'rank' | 'processCount'>;
  own: Identity;
  /** Of the peers that have ever been members or about to be. */
  readonly remembered: Map<Rank, PeerMemory>;
  readonly heard: Map<Rank, Heard>;
  /** Whether any of them is of another make. */
  isMixed: boolean;
  /** Time enough has passed for all that can be reached to have said who they are. */
  isGraceOver: boolean;
  /** Draws the id of a disk. */
  readonly draw: () => StorageId;
}

export type MembershipEffect =
  /** `own` has changed: to be made durable before anything that rests on it. */
  | { readonly kind: 'identify' }
  /** What is remembered of that peer has changed. */
  | { readonly kind: 'remember'; readonly rank: Rank }
  /** To be sent before anything else that this process sends from now on. */
  | { readonly kind: 'greet' }
  /** What that peer acknowledged before may be lost. */
  | { readonly kind: 'disavow'; readonly rank: Rank }
  /** There is no number left for this incarnation: it goes on joining, and never votes. */
  | { readonly kind: 'exhausted' };

export function newMembership(
  self: Membership['self'],
  own: Identity,
  remembered: ReadonlyMap<Rank, PeerMemory>,
  draw: () => StorageId,
): Membership {
  return {
    self,
    own,
    remembered: new Map(remembered),
    heard: new Map(),
    isMixed: false,
    isGraceOver: false,
    draw,
  };
}

/** How many of the other processes together know of every write that was ever acknowledged. */
export function rebuildQuorum(processCount: number): number {
  return Math.ceil(processCount / 2);
}

/** What to tell a peer. */
export function helloTo(membership: Membership, to: Rank): Hello {
  const { own, remembered, self } = membership;
  const incarnations: Incarnation[] = [];
  for (let rank = 1; rank <= self.processCount; rank += 1) {
    const isSelf = rank === self.rank;
    incarnations.push(isSelf ? own.incarnation : (remembered.get(rank)?.incarnation ?? 0));
  }
  return { kind: 'hello', ...own, known: remembered.get(to)?.storage ?? null, incarnations };
}

/** The process has just started, or time has passed. */
export function reconsider(membership: Membership): MembershipEffect[] {
  return decide(membership);
}

/** A peer has sent something without saying who it is: it is of another make. */
export function hearBase(membership: Membership, from: Rank): MembershipEffect[] {
  if (membership.heard.has(from)) return [];
  membership.heard.set(from, { kind: 'base', hasAnswered: false });
  membership.isMixed = true;
  return decide(membership);
}

/** A peer has answered a question that was asked of it in this life of ours. */
export function hearAnswer(membership: Membership, from: Rank): MembershipEffect[] {
  const one = membership.heard.get(from);
  if (one?.kind !== 'base' || one.hasAnswered) return [];
  membership.heard.set(from, { kind: 'base', hasAnswered: true });
  return decide(membership);
}

export function hearHello(membership: Membership, from: Rank, hello: Hello): MembershipEffect[] {
  const { remembered, heard, self } = membership;
  const effects: MembershipEffect[] = [];
  heard.set(from, hello);
  membership.isMixed = [...heard.values()].some(({ kind }) => kind === 'base');
  if (hello.standing !== 'fresh') remember(membership, from, hello, effects);
  hello.incarnations.forEach((incarnation, index) => {
    const rank = index + 1;
    if (rank === self.rank || rank === from) return;
    if (incarnation <= (remembered.get(rank)?.incarnation ?? 0)) return;
    remember(membership, rank, { storage: null, incarnation }, effects);
  });
  effects.push(...decide(membership));
  return effects;
}

function remember(
  membership: Membership,
  rank: Rank,
  { storage, incarnation }: PeerMemory,
  effects: MembershipEffect[],
): void {
  const { remembered } = membership;
  const known = remembered.get(rank);
  if (known !== undefined) {
    if (incarnation < known.incarnation) return;
    if (incarnation === known.incarnation && known.storage !== null) return;
  }
  remembered.set(rank, { storage, incarnation });
  effects.push({ kind: 'remember', rank });
  if (incarnation <= (known?.incarnation ?? 0)) return;
  // All must hear of it before they hear anything else of this process: see the ADR.
  effects.push({ kind: 'disavow', rank }, { kind: 'greet' });
}

/** Whether a disk that calls itself so has been replaced: what it says may be old. */
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

function decide(membership: Membership): MembershipEffect[] {
  switch (membership.own.standing) {
    case 'fresh':
      return decideFresh(membership);
    case 'joining':
      return chooseIncarnation(membership);
    case 'member':
      return isReplaced(membership) ? startJoining(membership) : [];
  }
}

/** A peer knows of a later disk of this rank than this one. */
function isReplaced({ own, self, heard }: Membership): boolean {
  return hellosOf(heard).some(
    ([, { known, incarnations }]) =>
      incarnations[self.rank - 1] > own.incarnation ||
      (incarnations[self.rank - 1] === own.incarnation && known !== null && known !== own.storage),
  );
}

function decideFresh(membership: Membership): MembershipEffect[] {
  const { own, self, heard, isGraceOver } = membership;
  const hellos = hellosOf(heard);
  const members = hellos.filter(([, { standing }]) => standing === 'member');
  const hasBegun = hellos.some(([, { standing }]) => standing !== 'fresh');
  const isLost = hellos.some(
    ([, { known, incarnations }]) =>
      incarnations[self.rank - 1] > 0 || (known !== null && known !== own.storage),
  );
  if (isLost) return startJoining(membership);
  // A founder: that peer counted this very disk when the cluster began.
  if (members.some(([, { known }]) => known === own.storage)) return becomeMember(membership);
  const quorum = rebuildQuorum(self.processCount);
  const isAllHeard = hellos.length + foreignCount(heard) === self.processCount - 1;
  if (hasBegun) {
    // It joins, but not before as many members as it takes for that have told that they did not
    // count it: the founder that did may be heard last, and one that joins for nothing is one that
    // others wait for. Where there are too few of this make for that, nobody remembers those who
    // only ever worked with others of another make.
    if (members.length >= quorum) return startJoining(membership);
    return isAllHeard && hellos.length < quorum ? becomeMember(membership) : [];
  }
  // Members of another make remember nothing. Beside them alone it waits for the last one that may
  // be of this make, and remember another disk.
  const isEnough = isGraceOver && hellos.length >= Math.floor(self.processCount / 2);
  return isEnough || isAllHeard ? becomeMember(membership) : [];
}

/** How many processes are of another make. */
function foreignCount(heard: Membership['heard']): number {
  let count = 0;
  for (const one of heard.values()) if (one.kind === 'base' && one.hasAnswered) count += 1;
  return count;
}

function becomeMember(membership: Membership): MembershipEffect[] {
  const { heard, remembered } = membership;
  const effects: MembershipEffect[] = [];
  for (const [rank, { storage, standing, incarnation }] of hellosOf(heard)) {
    if (standing !== 'fresh' || remembered.has(rank)) continue;
    remembered.set(rank, { storage, incarnation });
    effects.push({ kind: 'remember', rank });
  }
  membership.own = { ...membership.own, standing: 'member' };
  effects.push({ kind: 'identify' }, { kind: 'greet' });
  return effects;
}

/** With an id of its own: the old disk, if it ever comes back, is told from this one by it. */
function startJoining(membership: Membership): MembershipEffect[] {
  membership.own = { storage: membership.draw(), incarnation: 0, standing: 'joining' };
  return [{ kind: 'identify' }, { kind: 'greet' }, ...chooseIncarnation(membership)];
}

/**
 * The number of this incarnation is above all that came before. Whoever counted a vote of an
 * earlier one had been told its number first, and of them each rebuild quorum knows one.
 */
function chooseIncarnation(membership: Membership): MembershipEffect[] {
  const { own, self, heard } = membership;
  if (own.incarnation > 0) return [];
  const hellos = hellosOf(heard);
  const members = hellos.filter(([, { standing }]) => standing === 'member');
  if (members.length < rebuildQuorum(self.processCount)) return [];
  const known = hellos.map(([, { incarnations }]) => incarnations[self.rank - 1]);
  const incarnation = Math.max(0, ...known) + 1;
  // Also if a member that lies says so: that must end no process.
  if (incarnation > INCARNATION_MAX) return [{ kind: 'exhausted' }];
  membership.own = { ...own, incarnation };
  return [{ kind: 'identify' }, { kind: 'greet' }];
}

/** The process has taken in all that it may have promised. */
export function finishJoining(membership: Membership): MembershipEffect[] {
  assert(membership.own.standing === 'joining', 'only a joining process can finish joining');
  membership.own = { ...membership.own, standing: 'member' satisfies Standing };
  return [{ kind: 'identify' }, { kind: 'greet' }];
}

function hellosOf(heard: Membership['heard']): [Rank, Hello][] {
  const hellos: [Rank, Hello][] = [];
  for (const [rank, one] of heard) if (one.kind === 'hello') hellos.push([rank, one]);
  return hellos;
}
