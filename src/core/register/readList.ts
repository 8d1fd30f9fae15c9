/** Evaluates the answers of a read phase. */
import type { Rank } from '../rank.js';
import type { SectorData } from '../sector.js';
import type { Stamp } from '../stamp.js';
import { compareStamps } from '../stamp.js';
import type { ReadEntry, RegisterState } from './state.js';
import type { Self } from './step.js';

export interface Newest {
  readonly stamp: Stamp;
  /** null: only its stamp is known. */
  readonly data: SectorData | null;
  /** The process that answered with it; null: it is the own copy as it is now. */
  readonly rank: Rank | null;
}

/**
 * The newest value of a read phase. If several answers have the newest stamp, one with data is taken, or else the last
 * one.
 * @param readList At least one entry.
 */
export function newestOf(readList: readonly ReadEntry[], { stamp, copy }: RegisterState): Newest {
  let newest: Newest = readList[0];
  for (const entry of readList) {
    const order = compareStamps(entry.stamp, newest.stamp);
    if (order > 0 || (order === 0 && newest.data === null)) newest = entry;
  }
  // The own copy as it is now counts as an answer, if it is sound. Without it the list is still a majority, and shares
  // a process with every majority that acknowledged a write.
  if (copy.kind !== 'sound') return newest;
  const order = compareStamps(stamp, newest.stamp);
  const isBetter = order > 0 || (order === 0 && newest.data === null);
  return isBetter ? { stamp, data: copy.data, rank: null } : newest;
}

/** The processes that are known to hold the value with this stamp, flushed. Each once. */
export function holdersOf(
  readList: readonly ReadEntry[],
  stamp: Stamp,
  { stamp: ownStamp, copy }: RegisterState,
  self: Self,
): Rank[] {
  const holders: Rank[] = [];
  for (const entry of readList) {
    if (entry.rank === self.rank || !entry.isDurable) continue;
    if (compareStamps(entry.stamp, stamp) === 0) holders.push(entry.rank);
  }
  if (copy.kind === 'sound' && compareStamps(ownStamp, stamp) === 0) holders.push(self.rank);
  return holders;
}
