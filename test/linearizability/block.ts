/**
 * Reigns that updates join: an update replaced the value that it found with no other in between, so its reign follows
 * that one's at once, and a chain of them stands together in any valid order. See check.ts.
 */
import type { Operation, Value } from './history.js';
import type { Reign } from './reign.js';

export interface Block {
  /** In their order. One, if no update joins it to others. */
  readonly reigns: readonly Reign[];
  readonly earliestEnd: number;
  readonly latestBeginning: number;
}

/** What keeps updates from being joined. */
export type JoinFault =
  | { readonly kind: 'replacedTwice'; readonly updates: readonly [Operation, Operation] }
  /** Each found what a later one of them wrote, and the first what the last wrote. */
  | { readonly kind: 'circle'; readonly updates: readonly Operation[] };

export type Joined = { readonly fault: null; readonly blocks: readonly Block[] } | { readonly fault: JoinFault };

/** @param updates Those that took effect, each with the value that it found. */
export function joinReigns(reigns: readonly Reign[], updates: readonly Operation[]): Joined {
  const next = new Map<Value, Operation>();
  for (const update of updates) {
    const found = update.found ?? null;
    const other = next.get(found);
    if (other !== undefined) return { fault: { kind: 'replacedTwice', updates: [other, update] } };
    next.set(found, update);
  }
  const reignOf = new Map(reigns.map((reign) => [reign.value, reign]));
  const joined = new Set(updates.map(({ value }) => value));
  const blocks: Block[] = [];
  for (const reign of reigns) {
    if (joined.has(reign.value)) continue;
    const chain = [reign];
    for (let update = next.get(reign.value); update !== undefined; update = next.get(update.value)) {
      next.delete(update.found ?? null);
      const following = reignOf.get(update.value);
      if (following === undefined) throw new Error('an update has no reign');
      chain.push(following);
    }
    blocks.push(blockOf(chain));
  }
  if (next.size > 0) return { fault: { kind: 'circle', updates: [...next.values()] } };
  return { fault: null, blocks };
}

function blockOf(reigns: readonly Reign[]): Block {
  return {
    reigns,
    earliestEnd: Math.min(...reigns.map(({ earliestEnd }) => earliestEnd)),
    latestBeginning: Math.max(...reigns.map(({ latestBeginning }) => latestBeginning)),
  };
}

/** Two reigns of a block, the later of which must stand before the earlier one; null: there are none. */
export function findDisorder({ reigns }: Block): readonly [Reign, Reign] | null {
  let last = reigns[0];
  for (const reign of reigns) {
    if (reign.earliestEnd < last.latestBeginning && reign !== last) return [last, reign];
    if (reign.latestBeginning > last.latestBeginning) last = reign;
  }
  return null;
}
