/**
 * The origins of those entries of the sector table whose origin is not their stamp: a settle has given their data a new
 * stamp. They are few at most times, because a sector that is written again is no longer among them.
 */
import { STRICT_STAMP_INITIAL, type StrictStamp } from '../core/strict/version.js';
import { isSameStamp } from './baseStamps.js';

/** No Map holds more than 2^24 keys: so there is one for so many entries. */
const ENTRIES_PER_MAP = 65_536;

/** The place in a Map; the stamp itself is shared by neighbours mostly. */
const BYTES_PER_ORIGIN = 40;

export class DifferingOrigins {
  readonly #maps: (Map<number, StrictStamp> | undefined)[] = [];
  #count = 0;
  #last: StrictStamp = STRICT_STAMP_INITIAL;

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#count * BYTES_PER_ORIGIN;
  }

  get(entry: number): StrictStamp {
    return this.#maps[Math.floor(entry / ENTRIES_PER_MAP)]?.get(entry) ?? STRICT_STAMP_INITIAL;
  }

  set(entry: number, origin: StrictStamp): void {
    if (!isSameStamp(this.#last, origin)) this.#last = origin;
    const index = Math.floor(entry / ENTRIES_PER_MAP);
    const map = (this.#maps[index] ??= new Map());
    this.#count -= map.size;
    map.set(entry, this.#last);
    this.#count += map.size;
  }

  delete(entry: number): void {
    const index = Math.floor(entry / ENTRIES_PER_MAP);
    const map = this.#maps[index];
    if (map?.delete(entry) !== true) return;
    this.#count -= 1;
    if (map.size === 0) this.#maps[index] = undefined;
  }
}
