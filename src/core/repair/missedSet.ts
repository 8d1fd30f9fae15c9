/**
 * The sectors that a peer has missed: a sparse bitmap (after DRBD's), in chunks of 32,768 sectors that take 4 KiB each.
 * No promise rests on it: it may contain too many sectors, and if it is lost a scrub finds them. Bound: `chunksMax`
 * chunks; `hasOverflowed` says that a sector did not fit.
 */
import { assert } from '../assert.js';
import type { SectorIndex } from '../sector.js';

export const CHUNK_SECTORS = 32_768;
/** Bytes of one chunk: a bit for each of its sectors. */
export const CHUNK_BYTES = CHUNK_SECTORS / 8;

interface Chunk {
  readonly bits: Uint8Array;
  count: number;
}

export class MissedSet {
  readonly #chunks = new Map<number, Chunk>();
  readonly #dirty = new Set<number>();
  /** Sectors that are being handed over, and whether they were missed once more meanwhile. */
  readonly #underWay = new Map<SectorIndex, boolean>();
  #count = 0;
  /** A sector did not fit, so a scrub is needed. */
  hasOverflowed = false;

  constructor(readonly chunksMax: number) {}

  /** The number of sectors in the set. */
  get count(): number {
    return this.#count;
  }

  has(sector: SectorIndex): boolean {
    const chunk = this.#chunks.get(chunkOf(sector));
    return chunk !== undefined && (chunk.bits[byteOf(sector)] & bitOf(sector)) !== 0;
  }

  add(sector: SectorIndex): void {
    if (this.#underWay.has(sector)) this.#underWay.set(sector, true);
    const number = chunkOf(sector);
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) {
      if (this.#chunks.size >= this.chunksMax) {
        this.hasOverflowed = true;
        return;
      }
      chunk = { bits: new Uint8Array(CHUNK_BYTES), count: 0 };
      this.#chunks.set(number, chunk);
    }
    if ((chunk.bits[byteOf(sector)] & bitOf(sector)) !== 0) return;
    chunk.bits[byteOf(sector)] |= bitOf(sector);
    chunk.count += 1;
    this.#count += 1;
    this.#dirty.add(number);
  }

  remove(sector: SectorIndex): void {
    if (!this.has(sector)) return;
    const number = chunkOf(sector);
    const chunk = this.#chunks.get(number);
    if (chunk === undefined) return;
    chunk.bits[byteOf(sector)] &= ~bitOf(sector);
    chunk.count -= 1;
    this.#count -= 1;
    if (chunk.count === 0) this.#chunks.delete(number);
    this.#dirty.add(number);
  }

  /** The present value of the sector is about to be handed over. */
  begin(sector: SectorIndex): void {
    this.#underWay.set(sector, false);
  }

  /**
   * The attempt to hand the sector over has ended.
   * @param isDone Whether it succeeded. If the sector was missed again meanwhile, it stays in the set.
   */
  end(sector: SectorIndex, isDone: boolean): void {
    const isMissedAgain = this.#underWay.get(sector) === true;
    this.#underWay.delete(sector);
    if (isDone && !isMissedAgain) this.remove(sector);
  }

  /** The first sector at or after `from`, going round, that is not being handed over; null: there is none. */
  next(from: SectorIndex): SectorIndex | null {
    if (this.#count === 0) return null;
    const numbers = [...this.#chunks.keys()].sort((a, b) => a - b);
    const start = chunkOf(from);
    const after = numbers.filter((number) => number >= start);
    const before = numbers.filter((number) => number <= start);
    for (const [index, number] of [...after, ...before].entries()) {
      const isFirst = index === 0 && number === start;
      const found = this.#firstIn(number, isFirst ? from % CHUNK_SECTORS : 0);
      if (found !== null) return found;
    }
    return null;
  }

  #firstIn(number: number, from: number): SectorIndex | null {
    const bits = this.#chunks.get(number)?.bits;
    if (bits === undefined) return null;
    for (let at = from; at < CHUNK_SECTORS; at += 1) {
      const sector = number * CHUNK_SECTORS + at;
      if (bits[at >>> 3] === 0) at |= 7;
      else if ((bits[at >>> 3] & bitOf(sector)) !== 0 && !this.#underWay.has(sector)) return sector;
    }
    return null;
  }

  /** The chunks that changed since the last call, by number, to be made durable; null: the chunk is empty. */
  takeChanges(): Map<number, Uint8Array | null> {
    const changes = new Map<number, Uint8Array | null>();
    for (const number of this.#dirty) {
      changes.set(number, this.#chunks.get(number)?.bits.slice() ?? null);
    }
    this.#dirty.clear();
    return changes;
  }

  /** These chunks could not be made durable: the next `takeChanges` returns them again. */
  keepChanges(changes: Iterable<number>): void {
    for (const number of changes) this.#dirty.add(number);
  }

  /**
   * Puts a chunk back that was made durable before.
   * @param bits CHUNK_BYTES bytes.
   */
  restore(number: number, bits: Uint8Array): void {
    assert(bits.length === CHUNK_BYTES && !this.#chunks.has(number), 'a chunk of that size, once');
    let count = 0;
    for (const byte of bits) for (let rest = byte; rest > 0; rest &= rest - 1) count += 1;
    this.#chunks.set(number, { bits: bits.slice(), count });
    this.#count += count;
  }
}

function chunkOf(sector: SectorIndex): number {
  return Math.floor(sector / CHUNK_SECTORS);
}

function byteOf(sector: SectorIndex): number {
  return (sector % CHUNK_SECTORS) >>> 3;
}

function bitOf(sector: SectorIndex): number {
  return 1 << (sector % 8);
}
