/** What the answers of a read phase come to. */
import type { Rank } from '../rank.js';
import type { SectorData } from '../sector.js';
import type { Stamp } from '../stamp.js';
import { compareStamps } from '../stamp.js';
import type { ReadEntry, RegisterState } from './state.js';
import type { Self } from './step.js';

export interface Newest {
  readonly stamp: Stamp;
  /** null: it was not told. */
  readonly data: SectorData | null;
  /** Who told of it; null: it is what is here now. */
  readonly rank: Rank | null;
}

/** Of several that told the newest stamp, one that told its data; else the last to answer. */
export function newestOf(readList: readonly ReadEntry[], { stamp, copy }: RegisterState): Newest {
  let newest: Newest = readList[0];
  for (const entry of readList) {
    const order = compareStamps(entry.stamp, newest.stamp);
    if (order > 0 || (order === 0 && newest.data === null)) newest = entry;
  }
  // readlist[self] := what is here now, if it can be trusted. Without it the list is still a majority, and shares a
  // process with every majority that acknowledged a write.
  if (copy.kind !== 'sound') return newest;
  const order = compareStamps(stamp, newest.stamp);
  const isBetter = order > 0 || (order === 0 && newest.data === null);
  return isBetter ? { stamp, data: copy.data, rank: null } : newest;
}

/** The processes that are known to hold the value of that stamp, flushed. */
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
