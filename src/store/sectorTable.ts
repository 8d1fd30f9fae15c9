/**
 * The index in memory: sector -> version, slot, checksum, for the sectors that were ever written.
 *
 * A Map of objects would take some 200 bytes a sector; this takes 28 bytes for the entry and 5 to 11 for finding it.
 * Entries are never removed, because a written sector stays written. So they follow each other in blocks of fixed size,
 * which are allocated as needed and never move. They are found through a hash table of entry numbers: open addressing,
 * linear probing, split by hash into shards that double one at a time. So growing needs neither room for two tables nor
 * a long pause: with 2^21 sectors a shard of 32 Ki numbers is rebuilt in about a millisecond.
 *
 * It also knows which regions of 4096 sectors have an entry at all, so that a scan can skip regions that were never
 * written. That takes tens of bytes for each region with an entry.
 *
 * An entry is seven 32-bit words, next to each other for the cache: sector (low half); sector (high 21 bits), a mark,
 * and whether the origin differs from the stamp; counter (low, high); slot (or NO_SLOT); checksum; the number of the
 * coordinator id.
 */
import { assert } from '../core/assert.js';
import type { SectorIndex } from '../core/sector.js';
import {
  compareStrictStamps,
  STRICT_STAMP_INITIAL,
  type StrictStamp,
  type Version,
  VERSION_INITIAL,
} from '../core/strict/version.js';
import type { SectorRecord } from '../ports/blockFiles.js';
import { isSameStamp } from './baseStamps.js';
import { CoordinatorIds } from './coordinatorIds.js';
import { DifferingOrigins } from './differingOrigins.js';
import { NO_SLOT, SLOT_MAX } from './slotMap.js';

const WORDS_PER_ENTRY = 7;
const ENTRIES_PER_BLOCK = 4096;

const WORD_SECTOR_LOW = 0;
const WORD_SECTOR_HIGH_FLAGS = 1;
const WORD_COUNTER_LOW = 2;
const WORD_COUNTER_HIGH = 3;
const WORD_SLOT = 4;
const WORD_CHECKSUM = 5;
const WORD_COORDINATOR = 6;

const SECTOR_HIGH_MASK = 0x001f_ffff;
const MARK_BIT = 1 << 29;
const ORIGIN_BIT = 1 << 30;

/** The low bits of a hash choose the shard, the others the place in it. */
const SHARD_BITS = 6;
const SHARD_COUNT = 1 << SHARD_BITS;
const SHARD_CAPACITY_INITIAL = 16;
/** A shard doubles when more than this part of it is in use. */
const SHARD_LOAD_MAX = 0.75;

const TWO_TO_32 = 0x1_0000_0000;

/** Splits and joins 64-bit counters without bigint arithmetic. */
const counterWhole = new BigUint64Array(1);
const counterHalves = new Uint32Array(counterWhole.buffer);

/** Position of an entry in the table. It never changes. */
export type EntryNumber = number;

/** Sectors in a region. */
export const REGION_SECTORS = 4_096;

/** Returned by `find` for a sector without an entry. */
export const NO_ENTRY: EntryNumber = -1;

interface Shard {
  /** Entry number + 1; 0: the place is free. The length is a power of two. */
  numbers: Uint32Array;
  usedCount: number;
}

export class SectorTable {
  readonly #blocks: Uint32Array[] = [];
  readonly #shards: Shard[] = Array.from({ length: SHARD_COUNT }, () => ({
    numbers: new Uint32Array(SHARD_CAPACITY_INITIAL),
    usedCount: 0,
  }));
  readonly #regions = new Set<number>();
  /** Of as many regions as a region has sectors, 64 GiB: which of them have an entry. */
  readonly #regionGroups = new Set<number>();
  readonly #coordinators = new CoordinatorIds();
  readonly #origins = new DifferingOrigins();
  #highestStamp = STRICT_STAMP_INITIAL;
  #entryCount = 0;
  #markCount = 0;

  /** Sectors in the table; their entry numbers are 0 .. entryCount - 1. */
  get entryCount(): number {
    return this.#entryCount;
  }

  /** Entries with a mark. */
  get markCount(): number {
    return this.#markCount;
  }

  get byteLength(): number {
    let total = this.#blocks.length * ENTRIES_PER_BLOCK * WORDS_PER_ENTRY * 4;
    for (const shard of this.#shards) total += shard.numbers.byteLength;
    return total + this.#coordinators.byteLength + this.#origins.byteLength;
  }

  /** A stamp at or above those of all entries. */
  get highestStamp(): StrictStamp {
    return this.#highestStamp;
  }

  /** Coordinator ids that entries have in their stamps. */
  get coordinatorCount(): number {
    return this.#coordinators.count;
  }

  /** Whether any sector of the region has an entry; it begins at `region * REGION_SECTORS`. */
  hasRegion(region: number): boolean {
    return this.#regions.has(region);
  }

  /**
   * The sectors up to the returned one have no entry: the end of the region, or of the group of regions, that has none.
   * The sector itself: its region has one.
   */
  unwrittenUntil(sector: SectorIndex): SectorIndex {
    const region = Math.floor(sector / REGION_SECTORS);
    if (this.#regions.has(region)) return sector;
    const group = Math.floor(region / REGION_SECTORS);
    if (this.#regionGroups.has(group)) return (region + 1) * REGION_SECTORS;
    return (group + 1) * REGION_SECTORS * REGION_SECTORS;
  }

  find(sector: SectorIndex): EntryNumber {
    const low = sector >>> 0;
    const high = Math.floor(sector / TWO_TO_32);
    const hash = hashOf(low, high);
    const { numbers } = this.#shardOf(hash);
    const mask = numbers.length - 1;
    for (let position = (hash >>> SHARD_BITS) & mask; ; position = (position + 1) & mask) {
      const number = numbers[position];
      if (number === 0) return NO_ENTRY;
      const entry = number - 1;
      if (
        this.#word(entry, WORD_SECTOR_LOW) === low &&
        (this.#word(entry, WORD_SECTOR_HIGH_FLAGS) & SECTOR_HIGH_MASK) === high
      ) {
        return entry;
      }
    }
  }

  /** Adds or replaces the entry of a sector, and clears its mark. */
  set({ sector, stamp, origin, slot, checksum }: SectorRecord): EntryNumber {
    assert(Number.isSafeInteger(sector) && sector >= 0, 'a sector is out of range');
    assert(slot === null || (slot >= 0 && slot <= SLOT_MAX), 'a slot is out of range');
    const found = this.find(sector);
    const entry = found === NO_ENTRY ? this.#add(sector) : found;
    const block = this.#blockOf(entry);
    const offset = (entry % ENTRIES_PER_BLOCK) * WORDS_PER_ENTRY;
    if (this.isMarked(entry)) this.#markCount -= 1;
    const differs = !isSameStamp(stamp, origin);
    if (differs) this.#origins.set(entry, origin);
    else if (this.#hasOrigin(entry)) this.#origins.delete(entry);
    const before = block[offset + WORD_COORDINATOR];
    if (found === NO_ENTRY || this.#coordinators.idOf(before) !== stamp.coordinator) {
      block[offset + WORD_COORDINATOR] = this.#coordinators.refer(stamp.coordinator);
      if (found !== NO_ENTRY) this.#coordinators.release(before);
    }
    counterWhole[0] = stamp.counter;
    block[offset + WORD_SECTOR_HIGH_FLAGS] = Math.floor(sector / TWO_TO_32) | (differs ? ORIGIN_BIT : 0);
    block[offset + WORD_COUNTER_LOW] = counterHalves[0];
    block[offset + WORD_COUNTER_HIGH] = counterHalves[1];
    block[offset + WORD_SLOT] = slot ?? NO_SLOT;
    block[offset + WORD_CHECKSUM] = checksum;
    if (compareStrictStamps(stamp, this.#highestStamp) > 0) this.#highestStamp = stamp;
    return entry;
  }

  sectorAt(entry: EntryNumber): SectorIndex {
    const high = this.#word(entry, WORD_SECTOR_HIGH_FLAGS) & SECTOR_HIGH_MASK;
    return high * TWO_TO_32 + this.#word(entry, WORD_SECTOR_LOW);
  }

  stampAt(entry: EntryNumber): StrictStamp {
    counterHalves[0] = this.#word(entry, WORD_COUNTER_LOW);
    counterHalves[1] = this.#word(entry, WORD_COUNTER_HIGH);
    return { counter: counterWhole[0], coordinator: this.#coordinators.idOf(this.#word(entry, WORD_COORDINATOR)) };
  }

  originAt(entry: EntryNumber): StrictStamp {
    return this.#hasOrigin(entry) ? this.#origins.get(entry) : this.stampAt(entry);
  }

  versionAt(entry: EntryNumber): Version {
    const stamp = this.stampAt(entry);
    return { stamp, origin: this.#hasOrigin(entry) ? this.#origins.get(entry) : stamp };
  }

  /** null: the sector is all zeros. */
  slotAt(entry: EntryNumber): number | null {
    const slot = this.#word(entry, WORD_SLOT);
    return slot === NO_SLOT ? null : slot;
  }

  checksumAt(entry: EntryNumber): number {
    return this.#word(entry, WORD_CHECKSUM);
  }

  /** One bit for the user of the table: it stays until the entry is set again. */
  isMarked(entry: EntryNumber): boolean {
    return (this.#word(entry, WORD_SECTOR_HIGH_FLAGS) & MARK_BIT) !== 0;
  }

  mark(entry: EntryNumber): void {
    const offset = (entry % ENTRIES_PER_BLOCK) * WORDS_PER_ENTRY + WORD_SECTOR_HIGH_FLAGS;
    const block = this.#blockOf(entry);
    if (!this.isMarked(entry)) this.#markCount += 1;
    block[offset] |= MARK_BIT;
  }

  #hasOrigin(entry: EntryNumber): boolean {
    return (this.#word(entry, WORD_SECTOR_HIGH_FLAGS) & ORIGIN_BIT) !== 0;
  }

  #add(sector: SectorIndex): EntryNumber {
    const entry = this.#entryCount;
    if (entry % ENTRIES_PER_BLOCK === 0) {
      this.#blocks.push(new Uint32Array(ENTRIES_PER_BLOCK * WORDS_PER_ENTRY));
    }
    this.#entryCount += 1;
    this.#addRegion(Math.floor(sector / REGION_SECTORS));
    const low = sector >>> 0;
    const high = Math.floor(sector / TWO_TO_32);
    const offset = (entry % ENTRIES_PER_BLOCK) * WORDS_PER_ENTRY;
    const block = this.#blockOf(entry);
    block[offset + WORD_SECTOR_LOW] = low;
    block[offset + WORD_SECTOR_HIGH_FLAGS] = high;

    const hash = hashOf(low, high);
    const shard = this.#shardOf(hash);
    if (shard.usedCount + 1 > shard.numbers.length * SHARD_LOAD_MAX) this.#double(shard);
    enter(shard.numbers, hash, entry + 1);
    shard.usedCount += 1;
    return entry;
  }

  #addRegion(region: number): void {
    if (this.#regions.has(region)) return;
    this.#regions.add(region);
    this.#regionGroups.add(Math.floor(region / REGION_SECTORS));
  }

  #double(shard: Shard): void {
    const numbers = new Uint32Array(shard.numbers.length * 2);
    for (const number of shard.numbers) {
      if (number === 0) continue;
      const low = this.#word(number - 1, WORD_SECTOR_LOW);
      const high = this.#word(number - 1, WORD_SECTOR_HIGH_FLAGS) & SECTOR_HIGH_MASK;
      enter(numbers, hashOf(low, high), number);
    }
    shard.numbers = numbers;
  }

  #shardOf(hash: number): Shard {
    return this.#shards[hash & (SHARD_COUNT - 1)];
  }

  #blockOf(entry: EntryNumber): Uint32Array {
    return this.#blocks[Math.floor(entry / ENTRIES_PER_BLOCK)];
  }

  #word(entry: EntryNumber, word: number): number {
    const offset = (entry % ENTRIES_PER_BLOCK) * WORDS_PER_ENTRY;
    return this.#blockOf(entry)[offset + word];
  }
}

/** The entry of a sector as a record; null: there is none. */
export function recordIn(table: SectorTable, sector: SectorIndex): SectorRecord | null {
  const entry = table.find(sector);
  if (entry === NO_ENTRY) return null;
  const { stamp, origin } = table.versionAt(entry);
  return { sector, stamp, origin, slot: table.slotAt(entry), checksum: table.checksumAt(entry) };
}

/** The version of a sector; VERSION_INITIAL: it was never written. */
export function versionIn(table: SectorTable, sector: SectorIndex): Version {
  const entry = table.find(sector);
  return entry === NO_ENTRY ? VERSION_INITIAL : table.versionAt(entry);
}

/** Puts a number at the first free position from its hash on. */
function enter(numbers: Uint32Array, hash: number, number: number): void {
  const mask = numbers.length - 1;
  let position = (hash >>> SHARD_BITS) & mask;
  while (numbers[position] !== 0) position = (position + 1) & mask;
  numbers[position] = number;
}

/** Spreads neighbouring sectors: the finalizer of MurmurHash3 over both halves. */
function hashOf(low: number, high: number): number {
  let hash = low ^ Math.imul(high, 0x9e37_79b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
