/**
 * The operations of one coordinator by their ranges: those that overlap run one after the other, in order of arrival.
 * An operation waits for every earlier one that it overlaps. A range lies in one extent, so only operations of the same
 * extent are compared.
 *
 * Memory: an extent without operations takes none.
 */
import { assert } from '../core/assert.js';
import type { SectorRange } from '../core/strict/range.js';
import { extentOf, overlap } from '../core/strict/range.js';

export interface Queued {
  readonly range: SectorRange;
  /** How many earlier operations it waits for. Kept by the queue; 0 outside it. */
  blockedBy: number;
}

export class RangeQueue<T extends Queued> {
  /** Of each extent, in order of arrival. */
  readonly #extents = new Map<number, T[]>();

  /** @returns whether its turn has come at once. */
  add(operation: T): boolean {
    const extent = extentOf(operation.range);
    const queue = this.#extents.get(extent);
    if (queue === undefined) {
      this.#extents.set(extent, [operation]);
      return true;
    }
    for (const earlier of queue) {
      if (overlap(earlier.range, operation.range)) operation.blockedBy += 1;
    }
    queue.push(operation);
    return operation.blockedBy === 0;
  }

  /** Takes an operation out, wherever it stands. @returns those whose turn has come because of that, in order. */
  remove(operation: T): readonly T[] {
    const extent = extentOf(operation.range);
    const queue = this.#extents.get(extent);
    const position = queue?.indexOf(operation) ?? -1;
    assert(queue !== undefined && position >= 0, 'an operation leaves the queue once');
    operation.blockedBy = 0;
    if (queue.length === 1) {
      this.#extents.delete(extent);
      return [];
    }
    queue.splice(position, 1);
    const freed: T[] = [];
    for (let index = position; index < queue.length; index += 1) {
      const later = queue[index];
      if (!overlap(later.range, operation.range)) continue;
      later.blockedBy -= 1;
      if (later.blockedBy === 0) freed.push(later);
    }
    return freed;
  }
}
