/**
 * The coordinator ids that entries of the sector table refer to: each is kept once, and has a small number. It is
 * counted how many entries refer to it. The id that no entry refers to any more is forgotten, and its number is used
 * again: a client has an id of its own each time it starts, and they would add up.
 */
import { assert } from '../core/assert.js';
import type { CoordinatorId } from '../core/strict/version.js';

/** The string, its place in the Map and in the arrays, about. */
const BYTES_PER_ID = 120;

export class CoordinatorIds {
  readonly #numbers = new Map<CoordinatorId, number>();
  readonly #ids: CoordinatorId[] = [];
  readonly #counts: number[] = [];
  readonly #free: number[] = [];

  /** Ids that are known. */
  get count(): number {
    return this.#numbers.size;
  }

  get byteLength(): number {
    return this.#ids.length * BYTES_PER_ID;
  }

  idOf(number: number): CoordinatorId {
    return this.#ids[number];
  }

  /** One entry more refers to the id. @returns its number. */
  refer(id: CoordinatorId): number {
    const known = this.#numbers.get(id);
    if (known !== undefined) {
      this.#counts[known] += 1;
      return known;
    }
    const number = this.#free.pop() ?? this.#ids.length;
    this.#numbers.set(id, number);
    this.#ids[number] = id;
    this.#counts[number] = 1;
    return number;
  }

  /** One entry less refers to the id with that number. */
  release(number: number): void {
    assert(this.#counts[number] > 0, 'a coordinator id is released that no entry refers to');
    this.#counts[number] -= 1;
    if (this.#counts[number] > 0) return;
    this.#numbers.delete(this.#ids[number]);
    this.#ids[number] = '';
    this.#free.push(number);
  }
}
