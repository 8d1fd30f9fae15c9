/** Puts into words why updates cannot have been atomic: see block.ts and explain.ts. */
import type { Block, JoinFault } from './block.js';
import { firstToEnd, lastToBegin, violation, withEvidence, type ReadsOf, type Violation } from './explain.js';
import type { Operation } from './history.js';
import type { Reign } from './reign.js';

export function explainJoinFault({ kind, updates }: JoinFault, readsOf: ReadsOf): Violation {
  const why =
    kind === 'replacedTwice'
      ? 'Both found the same value and replaced it, so one of them replaced it when it was gone.'
      : 'Each found what another one of them wrote, so none of them can have been the first.';
  return violation('brokenUpdate', withEvidence(updates, readsOf), why);
}

/** An operation of the later reign of a block ended before one of the earlier began. */
export function explainDisorder(block: Block, earlier: Reign, later: Reign, readsOf: ReadsOf): Violation {
  const why =
    'The first ended before the second began, so the newer value was there before the older one. But updates have ' +
    'led from the older to the newer.';
  const named = [firstToEnd(later), lastToBegin(earlier), ...updatesOf(block)];
  return violation('brokenUpdate', withEvidence(named, readsOf), why);
}

/** Two blocks each of which must stand before the other. */
export function explainBlocks(a: Block, b: Block, readsOf: ReadsOf): Violation {
  const named = [...endOf(a), beginningOf(b), ...endOf(b), beginningOf(a), ...updatesOf(a), ...updatesOf(b)];
  const why =
    'Values that updates lead from and to were there one after the other, and no other value in between. But an ' +
    'operation of the one chain ended before one of the other began, and the other way round.';
  return violation('brokenUpdate', withEvidence(named, readsOf), why);
}

/** None, if the block begins with the initial value, which was there before everything. */
function endOf({ reigns, earliestEnd }: Block): Operation[] {
  const first = reigns.find((reign) => reign.write !== null && reign.earliestEnd === earliestEnd);
  return first === undefined ? [] : [firstToEnd(first)];
}

const beginningOf = ({ reigns, latestBeginning }: Block): Operation =>
  lastToBegin(reigns.find((reign) => reign.latestBeginning === latestBeginning) ?? reigns[0]);

/** Those that join the reigns of the block. */
const updatesOf = ({ reigns }: Block): Operation[] =>
  reigns.slice(1).flatMap(({ write }) => (write === null ? [] : [write]));
