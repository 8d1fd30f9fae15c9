/** Describes in words what members find out about each other, for logs and for `atdd status`. */
import { unreachable } from '../assert.js';
import type { Rank } from '../rank.js';
import type { Difference } from './configuration.js';
import type { FoundingWait } from './founding.js';
import type { Objection } from './state.js';
import type { TransitionWait } from './transition.js';

/** For example "process 3 has 2048 sectors, process 1 has 4096". */
export function describeDifference(self: Rank, peer: Rank, { field, own, peer: found }: Difference): string {
  const [here, there] = [`process ${self}`, `process ${peer}`];
  switch (field) {
    case 'addressee':
      return `${there} takes ${here} for process ${found}: its list of addresses is wrong`;
    case 'rank':
      return `at the address of ${there} in the list of ${here} is process ${found}`;
    case 'processes':
      return `${there} is one of ${found} processes, ${here} one of ${own}`;
    case 'sectors':
      return `${there} has ${found} sectors, ${here} has ${own}`;
    case 'addresses':
      return `the addresses in the list of ${there} are not those in that of ${here}`;
    case 'mode':
      return `${there} was started with members ${found}, ${here} with members ${own}`;
    case 'founding':
      return `${there} is of the cluster ${found}, ${here} of the cluster ${own}`;
    default:
      return unreachable(field);
  }
}

/** What a fresh process waits for, for example "nothing was heard of processes 2, 3". Never empty. */
export function describeWaiting({ unheard, differing, inUse, founders, isAlone }: FoundingWait): string {
  const reasons: string[] = [];
  if (isAlone) reasons.push('it is the only process of its list: --found founds a cluster of one');
  if (unheard.length > 0) reasons.push(`nothing was heard of ${named(unheard)}`);
  if (differing.length > 0) reasons.push(`${those(differing)} configured otherwise`);
  if (inUse.length > 0) {
    const whose = `the storage of ${named(inUse)}`;
    reasons.push(`${whose} is empty, but was in use before: is the disk mounted?`);
  }
  if (founders.length > 0) reasons.push(`${those(founders)} to found the cluster (--found)`);
  return reasons.length === 0 ? 'it has yet to hear more of the others' : reasons.join('; ');
}

/** What a process that is ready waits for. Nothing to wait for: it changes at this moment. */
export function describeTransition({ unheard, foreign, notReady }: TransitionWait): string {
  const reasons: string[] = [];
  if (notReady.length > 0) {
    reasons.push(`${named(notReady)}, which ${wereOf(notReady)} started with members open, or with an older program`);
  }
  if (foreign.length > 0) reasons.push(`${named(foreign)}, which ${areOf(foreign)} of a foreign implementation`);
  if (unheard.length > 0) reasons.push(`${named(unheard)}, of which nothing was heard`);
  const waits = reasons.length === 0 ? 'they can' : `it waits for ${reasons.join('; for ')}`;
  return `becomes strict when all members can: ${waits}`;
}

/** Why a member does not vote. */
export function describeObjection({ kind, by }: Objection): string {
  switch (kind) {
    case 'replaced':
      return `process ${by} knows of another disk in the place of this one`;
    case 'otherCluster':
      return `process ${by} is of a cluster with data that was founded apart from this one`;
    default:
      return unreachable(kind);
  }
}

function named(ranks: readonly Rank[]): string {
  return `process${ranks.length === 1 ? '' : 'es'} ${ranks.join(', ')}`;
}

function those(ranks: readonly Rank[]): string {
  return `${named(ranks)} ${areOf(ranks)}`;
}

function areOf(ranks: readonly Rank[]): string {
  return ranks.length === 1 ? 'is' : 'are';
}

function wereOf(ranks: readonly Rank[]): string {
  return ranks.length === 1 ? 'was' : 'were';
}
