/**
 * Whether a process whose disk has never been part of a cluster founds one, joins one, or waits.
 * docs/adr/0022-first-start.md has the argument. In short: an empty folder may be a new one, a lost disk, or one that
 * is not mounted, and nobody can tell from the folder. So a cluster is founded by all processes together, none of which
 * knows of an earlier one; or by an operator who vouches.
 */
import { isMajority } from '../quorum.js';
import type { Rank } from '../rank.js';
import { ranksBut } from '../rank.js';
import { differencesBetween } from './configuration.js';
import { hellosOf, membersOf, rebuildQuorum } from './heard.js';
import type { StorageId } from './identity.js';
import type { Hello } from './memberMessage.js';
import type { Membership } from './state.js';

export type FreshDecision =
  /** The disk of this rank was lost, or the cluster has begun without it. */
  | { readonly kind: 'join' }
  /** It is a member of the cluster of that founding. */
  | { readonly kind: 'enter'; readonly founding: StorageId | null }
  | { readonly kind: 'wait'; readonly waiting: Waiting };

/** What keeps a fresh process from being more, by rank. */
export interface Waiting {
  /** They have not said whether they know of a cluster. */
  readonly unheard: readonly Rank[];
  /** Their configuration is another one. */
  readonly differing: readonly Rank[];
  /** Their folders are empty, but were in use before; this process may be one of them. */
  readonly inUse: readonly Rank[];
  /** They were told to found the cluster, and have not done so yet. */
  readonly founders: readonly Rank[];
  /** This process is the only one of its list: there is nobody to agree with. */
  readonly isAlone: boolean;
}

export function decideFresh(membership: Membership): FreshDecision {
  const { own, self, heard } = membership;
  const hellos = hellosOf(heard).map(([, hello]) => hello);
  const isLost = hellos.some(
    ({ known, incarnations }) => incarnations[self.rank - 1] > 0 || (known !== null && known !== own.storage),
  );
  if (isLost) return { kind: 'join' };
  const members = membersOf(heard);
  // A founder: that peer counted this very disk when the cluster began.
  const counting = members.find(({ known }) => known === own.storage);
  if (counting !== undefined) return { kind: 'enter', founding: counting.founding };
  const waiting = waitingOf(membership);
  if (hellos.some(({ memberState }) => memberState !== 'fresh')) {
    return decideLate(membership, members, waiting);
  }
  return isFounding(membership, waiting)
    ? { kind: 'enter', founding: foundingOf(membership) }
    : { kind: 'wait', waiting };
}

/**
 * The cluster has begun without this process. It joins, but not before as many members as it takes for that have told
 * that they did not count it: the founder that did may be heard last, and one that joins for nothing is one that others
 * wait for. Where there are too few of this implementation for that, nobody remembers those who only ever worked with
 * others foreign.
 */
function decideLate(
  { self, heard, configuration }: Membership,
  members: readonly Hello[],
  waiting: Waiting,
): FreshDecision {
  const quorum = rebuildQuorum(self.processCount);
  // With fewer sectors than they have it could not take in all.
  const isSmaller = members.some((member) => (member.configuration?.sectors ?? 0) > configuration.sectors);
  if (members.length >= quorum && !isSmaller) return { kind: 'join' };
  const hellos = hellosOf(heard);
  const hasHeardAll = hellos.length + foreignCount(heard) === self.processCount - 1;
  if (!hasHeardAll || hellos.length >= quorum) return { kind: 'wait', waiting };
  return { kind: 'enter', founding: members.at(0)?.founding ?? null };
}

function isFounding(membership: Membership, waiting: Waiting): boolean {
  const { self, heard, isFounder, isGraceOver } = membership;
  const { unheard, inUse, founders, isAlone } = waiting;
  const isEnough = (agreeing: number): boolean => isMajority(1 + foreignCount(heard) + agreeing, self.processCount);
  // Whoever remembers another disk of this rank has had the time to say so.
  if (isFounder) return isGraceOver && isEnough(foundersBeside(membership).length);
  if (isAlone || unheard.length + inUse.length + founders.length > 0) return false;
  return isEnough(foundersBeside(membership).length);
}

/** Whoever founds together comes to the same: the disk of the lowest rank among those who do. */
function foundingOf(membership: Membership): StorageId {
  const { own, self } = membership;
  const founders = new Map(foundersBeside(membership).map(([rank, { storage }]) => [rank, storage]));
  founders.set(self.rank, own.storage);
  return founders.get(Math.min(...founders.keys())) ?? own.storage;
}

/** Those that a founder counts besides itself. */
export function foundersBeside(membership: Membership): [Rank, Hello][] {
  return hellosOf(membership.heard).filter(
    ([, hello]) => hello.memberState === 'fresh' && isAgreeing(membership, hello),
  );
}

/** Whoever is told to found the cluster takes whom it can hear. */
function isAgreeing({ configuration, isFounder }: Membership, hello: Hello): boolean {
  if (hello.configuration === null) return true;
  const differences = differencesBetween(configuration, hello.configuration);
  return differences.every(({ field }) => isFounder && field === 'addresses');
}

/** Of a process that is fresh. */
export function waitingOf(membership: Membership): Waiting {
  const { self, heard, answered, configuration, wasInUse } = membership;
  const others = ranksBut(self.rank, self.processCount);
  const words = new Map<Rank, Hello>();
  const unheard: Rank[] = [];
  const differs = ({ configuration: theirs }: Hello): boolean =>
    theirs !== null && differencesBetween(configuration, theirs).length > 0;
  for (const rank of others) {
    const one = heard.get(rank);
    const answer = answered.get(rank);
    if (one?.kind === 'hello') words.set(rank, one.hello);
    // One that is configured otherwise may never dial this process.
    else if (answer !== undefined && differs(answer)) words.set(rank, answer);
    else if (one?.kind !== 'base' || !one.hasAnswered) unheard.push(rank);
  }
  const ranksOf = (is: (hello: Hello) => boolean): Rank[] =>
    [...words].filter(([, hello]) => is(hello)).map(([rank]) => rank);
  const inUse = ranksOf((hello) => hello.wasInUse);
  return {
    unheard,
    differing: ranksOf(differs),
    inUse: (wasInUse ? [self.rank, ...inUse] : inUse).sort((a, b) => a - b),
    founders: ranksOf((hello) => hello.isFounder && hello.memberState === 'fresh'),
    isAlone: others.length === 0,
  };
}

/** How many processes are foreign. */
function foreignCount(heard: Membership['heard']): number {
  let count = 0;
  for (const one of heard.values()) if (one.kind === 'base' && one.hasAnswered) count += 1;
  return count;
}
