/**
 * Which values have to wait for which: those that claim a common place, unless both only share it. A value waits for
 * the ones before it that it conflicts with, and they go in the order in which they came.
 *
 * ```
 * place   came first ──────────► came last
 *   7     P1 ◄── s ◄── s ◄── P2      P = exclusive, s = shared
 *   8            s ◄──────── P2      P2 waits for both s, and so for P1
 * ```
 *
 * A link goes from a value to those before it that it waits for directly: an exclusive one to the shared ones since the
 * last exclusive one, or to that; a shared one to the last exclusive one. So there are at most two for each place of a
 * claim, however many values wait. All work is proportional to the places and the links of the values that begin and
 * end: nothing is searched.
 *
 * Mutable, because every request of a replica changes it. Bound: what the caller has added and not ended.
 */
import { assert } from './assert.js';

/** What a value needs for itself, from its beginning to its end. */
export interface Claim {
  /** Consecutive places, `count` of them from `first` on. At least one. */
  readonly first: number;
  readonly count: number;
  /** Whether it conflicts with all others that claim one of the places, or only with exclusive ones. */
  readonly isExclusive: boolean;
  /** Whether it may begin together with others that it conflicts with, if they may as well. */
  readonly mayJoin: boolean;
}

interface Node<T> {
  readonly value: T;
  readonly claim: Claim;
  /** The place in the order in which values came. */
  readonly number: number;
  /** Links to values that are not over. */
  waitsFor: number;
  /** Of those, the ones to values of the batch that is being put together. */
  joined: number;
  hasBegun: boolean;
  isOver: boolean;
  /** The values that wait for this one directly. */
  readonly later: Node<T>[];
}

/** The last values that claim a place, of those that are not over. */
interface Place<T> {
  exclusive: Node<T> | null;
  /** Those that came after it. */
  readonly shared: Set<Node<T>>;
}

export class Conflicts<T extends object> {
  readonly #nodes = new Map<T, Node<T>>();
  readonly #places = new Map<number, Place<T>>();
  /** The only value there is: it is entered into the places when another one comes. */
  #lone: Node<T> | null = null;
  /** What waits for nothing any more, and has not begun. */
  #ready: Node<T>[] = [];
  #added = 0;

  /** The values that are not over. A value of a batch is over when those of the batch that it waited for are. */
  get size(): number {
    return this.#nodes.size;
  }

  /** @returns whether the value has begun. If not, `next` returns it some time. */
  add(value: T, claim: Claim): boolean {
    assert(!this.#nodes.has(value), 'a value is added once');
    const node: Node<T> = {
      ...{ value, claim, number: (this.#added += 1) },
      ...{ waitsFor: 0, joined: 0, hasBegun: false, isOver: false, later: [] },
    };
    if (this.#nodes.size === 0) this.#lone = node;
    else {
      if (this.#lone !== null) this.#enter(this.#lone);
      this.#lone = null;
      this.#enter(node);
    }
    this.#nodes.set(value, node);
    node.hasBegun = node.waitsFor === 0;
    return node.hasBegun;
  }

  /** A value that has begun is over. */
  end(value: T): void {
    const ended = this.#nodes.get(value);
    assert(ended !== undefined && ended.hasBegun && !ended.isOver, 'a value ends once, after it has begun');
    ended.isOver = true;
    const released = ended.waitsFor === 0 ? [ended] : [];
    for (const node of released) {
      this.#remove(node);
      for (const later of node.later) {
        later.waitsFor -= 1;
        if (later.waitsFor > 0) continue;
        if (later.isOver) released.push(later);
        else if (!later.hasBegun) this.#ready.push(later);
      }
    }
  }

  /** @returns all that may begin now, in order; they have begun. */
  next(): T[] {
    const batch = this.#ready;
    this.#ready = [];
    const met: Node<T>[] = [];
    for (const node of batch) {
      node.hasBegun = true;
      if (!node.claim.mayJoin) continue;
      for (const later of node.later) {
        if (!later.claim.mayJoin) continue;
        later.joined += 1;
        met.push(later);
        if (later.joined === later.waitsFor) batch.push(later);
      }
    }
    for (const node of met) node.joined = 0;
    return batch.sort((a, b) => a.number - b.number).map(({ value }) => value);
  }

  #enter(node: Node<T>): void {
    const { first, count, isExclusive } = node.claim;
    for (let at = first; at < first + count; at += 1) {
      let place = this.#places.get(at);
      if (place === undefined) this.#places.set(at, (place = { exclusive: null, shared: new Set() }));
      if (!isExclusive) {
        link(place.exclusive, node);
        place.shared.add(node);
        continue;
      }
      if (place.shared.size === 0) link(place.exclusive, node);
      for (const shared of place.shared) link(shared, node);
      place.shared.clear();
      place.exclusive = node;
    }
  }

  #remove(node: Node<T>): void {
    this.#nodes.delete(node.value);
    if (node === this.#lone) {
      this.#lone = null;
      return;
    }
    const { first, count } = node.claim;
    for (let at = first; at < first + count; at += 1) {
      const place = this.#places.get(at);
      if (place === undefined) continue;
      if (place.exclusive === node) place.exclusive = null;
      place.shared.delete(node);
      if (place.exclusive === null && place.shared.size === 0) this.#places.delete(at);
    }
  }
}

function link<T>(earlier: Node<T> | null, later: Node<T>): void {
  // Two values have many places in common, and one link.
  if (earlier === null || earlier.later.at(-1) === later) return;
  earlier.later.push(later);
  later.waitsFor += 1;
}
