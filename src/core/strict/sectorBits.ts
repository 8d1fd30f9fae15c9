/** A set of the sectors of one region: a bit for each, 128 bytes. Mutable, because it is changed for every range. */
import { assert } from '../assert.js';
import { REGION_SECTORS } from './range.js';

export class SectorBits {
  readonly #words = new Uint32Array(REGION_SECTORS / 32);
  #count = 0;

  /** The number of sectors in the set. */
  get count(): number {
    return this.#count;
  }

  /** @param at The place of a sector in its region, 0 to REGION_SECTORS - 1. */
  has(at: number): boolean {
    return (this.#words[at >>> 5] & (1 << (at & 31))) !== 0;
  }

  add(at: number): void {
    assert(at >= 0 && at < REGION_SECTORS, `place ${at} of a region`);
    if (this.has(at)) return;
    this.#words[at >>> 5] |= 1 << (at & 31);
    this.#count += 1;
  }

  remove(at: number): void {
    if (!this.has(at)) return;
    this.#words[at >>> 5] &= ~(1 << (at & 31));
    this.#count -= 1;
  }

  addRange(at: number, count: number): void {
    for (let place = at; place < at + count; place += 1) this.add(place);
  }

  removeRange(at: number, count: number): void {
    if (this.#count === 0) return;
    for (let place = at; place < at + count; place += 1) this.remove(place);
  }

  /** @returns the first sector at `from` or after it; null: there is none. */
  first(from: number): number | null {
    if (this.#count === 0) return null;
    for (let at = from; at < REGION_SECTORS; at += 1) {
      if (this.#words[at >>> 5] >>> (at & 31) === 0) at |= 31;
      else if (this.has(at)) return at;
    }
    return null;
  }

  /** Makes this set the same as another one. */
  copyFrom(other: SectorBits): void {
    this.#words.set(other.#words);
    this.#count = other.#count;
  }
}
