/** E2: what a replica with a new disk takes over of what several members have told of a range. Pure. */
import { assert } from '../assert.js';
import type { Rank } from '../rank.js';
import type { SectorRange } from './range.js';
import { endOf } from './range.js';
import type { StateRun } from './replicaMessage.js';
import type { StrictStamp, Version } from './version.js';
import { compareStrictStamps, laterOf } from './version.js';

/** The runs of STATE of one replica: they cover the range. */
export interface TiledState {
  readonly rank: Rank;
  readonly runs: readonly StateRun[];
}

/** Consecutive sectors of which all replicas have told the same. */
export interface NewestRun {
  readonly range: SectorRange;
  /** The one with the highest stamp. */
  readonly version: Version;
  /** The highest promise, at least `version.stamp`. */
  readonly promised: StrictStamp;
  /** The replicas that hold that version. */
  readonly holders: readonly Rank[];
}

/** @param states At least one. */
export function newestIn(range: SectorRange, states: readonly TiledState[]): NewestRun[] {
  assert(states.length > 0, 'a range is told by nobody');
  const places = states.map(() => ({ index: 0, end: range.first }));
  places.forEach((place, state) => {
    place.end += states[state].runs[0].count;
  });
  const newest: NewestRun[] = [];
  for (let at = range.first; at < endOf(range);) {
    const end = Math.min(...places.map((place) => place.end));
    const runs = places.map(({ index }, state) => states[state].runs[index]);
    newest.push({ range: { first: at, count: end - at }, ...newestOf(runs, states) });
    places.forEach((place, state) => {
      if (place.end > end || end === endOf(range)) return;
      place.index += 1;
      place.end += states[state].runs[place.index].count;
    });
    at = end;
  }
  return newest;
}

function newestOf(runs: readonly StateRun[], states: readonly TiledState[]): Omit<NewestRun, 'range'> {
  let { version, promised } = runs[0];
  for (const run of runs) {
    if (compareStrictStamps(run.version.stamp, version.stamp) > 0) ({ version } = run);
    promised = laterOf(promised, run.promised);
  }
  const { stamp } = version;
  const holders = states
    .filter((_, state) => compareStrictStamps(runs[state].version.stamp, stamp) === 0)
    .map(({ rank }) => rank);
  return { version, promised, holders };
}
