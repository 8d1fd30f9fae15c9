/**
 * Decides whether a process whose disk has never been part of a cluster founds one, joins one, or waits.
 * docs/adr/0022-first-start.md has the argument. In short: an empty folder may be a new one, a lost disk, or a disk
 * that is not mounted, and nobody can tell from the folder. So a cluster is founded by all processes together, if none
 * of them knows of an earlier one; or by an operator who says so.
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
  /** Begin to join: the disk of this rank was lost, or the cluster was founded without it. */
  | { readonly kind: 'join' }
  /** Be a member of the cluster with that founding. */
  | { readonly kind: 'enter'; readonly founding: StorageId | null }
  | { readonly kind: 'wait'; readonly waiting: FoundingWait };

/** The processes that keep a fresh process from founding or joining a cluster. */
export interface FoundingWait {
  /** They have not said whether they know of a cluster. */
  readonly unheard: readonly Rank[];
  /** Their configuration differs. */
  readonly differing: readonly Rank[];
  /** Their folders are empty, but were in use before; this process may be one of them. */
  readonly inUse: readonly Rank[];
  /** They were told to found the cluster, and have not done so yet. */
  readonly founders: readonly Rank[];
  /** This process is the only one of its list, so no peer can agree to the founding. */
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
  // That peer counted this disk among the founders.
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
 * The cluster was founded already. This process joins once a rebuild quorum of members has said that they did not count
 * it among the founders. It waits for so many because a founder that did count it may be heard last, and because others
 * have to wait for a process that joins. If there are fewer processes of this implementation than a rebuild quorum, and
 * all were heard, it is a member at once: nobody remembers the disk of a process that worked with foreign members only.
 */
function decideLate(
  { self, heard, configuration }: Membership,
  members: readonly Hello[],
  waiting: FoundingWait,
): FreshDecision {
  const quorum = rebuildQuorum(self.processCount);
  // With fewer sectors than the members have, this process could not take in all of them.
  const isSmaller = members.some((member) => (member.configuration?.sectors ?? 0) > configuration.sectors);
  if (members.length >= quorum && !isSmaller) return { kind: 'join' };
  const hellos = hellosOf(heard);
  const hasHeardAll = hellos.length + foreignCount(heard) === self.processCount - 1;
  if (!hasHeardAll || hellos.length >= quorum) return { kind: 'wait', waiting };
  return { kind: 'enter', founding: members.at(0)?.founding ?? null };
}

function isFounding(membership: Membership, waiting: FoundingWait): boolean {
  const { self, heard, isFounder, isGraceOver } = membership;
  const { unheard, inUse, founders, isAlone } = waiting;
  const isEnough = (agreeing: number): boolean => isMajority(1 + foreignCount(heard) + agreeing, self.processCount);
  // A peer that remembers another disk of this rank had the whole grace time to say so.
  if (isFounder) return isGraceOver && isEnough(foundersBeside(membership).length);
  if (isAlone || unheard.length + inUse.length + founders.length > 0) return false;
  return isEnough(foundersBeside(membership).length);
}

/** The id of the disk of the lowest rank among the founders: all of them come to the same. */
function foundingOf(membership: Membership): StorageId {
  const { own, self } = membership;
  const founders = new Map(foundersBeside(membership).map(([rank, { storage }]) => [rank, storage]));
  founders.set(self.rank, own.storage);
  return founders.get(Math.min(...founders.keys())) ?? own.storage;
}

/** The processes that a founder counts as founders besides itself. */
export function foundersBeside(membership: Membership): [Rank, Hello][] {
  return hellosOf(membership.heard).filter(
    ([, hello]) => hello.memberState === 'fresh' && isAgreeing(membership, hello),
  );
}

/** A process that was told to found the cluster also accepts peers with other addresses. */
function isAgreeing({ configuration, isFounder }: Membership, hello: Hello): boolean {
  if (hello.configuration === null) return true;
  const differences = differencesBetween(configuration, hello.configuration);
  return differences.every(({ field }) => isFounder && field === 'addresses');
}

/** What a fresh process waits for. */
export function waitingOf(membership: Membership): FoundingWait {
  const { self, heard, answered, configuration, wasInUse } = membership;
  const others = ranksBut(self.rank, self.processCount);
  const hellos = new Map<Rank, Hello>();
  const unheard: Rank[] = [];
  const differs = ({ configuration: theirs }: Hello): boolean =>
    theirs !== null && differencesBetween(configuration, theirs).length > 0;
  for (const rank of others) {
    const one = heard.get(rank);
    const answer = answered.get(rank);
    if (one?.kind === 'hello') hellos.set(rank, one.hello);
    // A peer with another configuration may never dial this process.
    else if (answer !== undefined && differs(answer)) hellos.set(rank, answer);
    else if (one?.kind !== 'base' || !one.hasAnswered) unheard.push(rank);
  }
  const ranksOf = (is: (hello: Hello) => boolean): Rank[] =>
    [...hellos].filter(([, hello]) => is(hello)).map(([rank]) => rank);
  const inUse = ranksOf((hello) => hello.wasInUse);
  return {
    unheard,
    differing: ranksOf(differs),
    inUse: (wasInUse ? [self.rank, ...inUse] : inUse).sort((a, b) => a - b),
    founders: ranksOf((hello) => hello.isFounder && hello.memberState === 'fresh'),
    isAlone: others.length === 0,
  };
}

/** How many processes were shown to be foreign. */
function foreignCount(heard: Membership['heard']): number {
  let count = 0;
  for (const one of heard.values()) if (one.kind === 'base' && one.hasAnswered) count += 1;
  return count;
}
