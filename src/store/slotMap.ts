/**
 * Which slots of the data file are taken: a bitmap in memory. It is not on the disk: every start builds it from the
 * metadata, so the two cannot disagree.
 *
 * The lowest free slot is handed out first, except that the sectors of a range get slots that follow each other where
 * there are such. That keeps the file dense: however often sectors are overwritten, it needs
 * no more slots than there are sectors with data, plus those of one commit under way.
 *
 * If many sectors become zeros, free slots remain below taken ones. Then src/store/compactor.ts moves the highest slots
 * down and cuts the file behind them.
 *
 * `take` starts at a hint below which nothing is free. So the slots of one commit are found in a single pass over the
 * bitmap: 64 Ki words for 2^21 slots at worst, usually a few.
 */
import { assert } from '../core/assert.js';

const SLOTS_PER_WORD = 32;
const WORD_FULL = 0xffff_ffff;
const WORDS_INITIAL = 32;

/** So many slots are looked at for a run of free ones: some tens of microseconds. */
const LOOK_SLOTS = 32_768;

/** Stands for "no slot" where a slot number takes 32 bits. */
export const NO_SLOT = 0xffff_ffff;

export const SLOT_MAX = NO_SLOT - 1;

export class SlotMap {
  #words = new Uint32Array(WORDS_INITIAL);
  /** No word below this one has a free slot. */
  #hint = 0;
  /** No word above this one has a taken slot. */
  #lastWord = 0;
  #takenCount = 0;
  #fileEnd: number;

  /** @param fileEnd slots in the data file now. */
  constructor(fileEnd = 0) {
    this.#fileEnd = fileEnd;
  }

  get takenCount(): number {
    return this.#takenCount;
  }

  get byteLength(): number {
    return this.#words.byteLength;
  }

  /**
   * The most slots that the data file can have now. It grows with each higher slot that is taken, until the file is
   * cut.
   */
  get fileEnd(): number {
    return this.#fileEnd;
  }

  /** The file was cut to so many slots, behind which none is taken. */
  cut(slotCount: number): void {
    assert(slotCount >= this.end, `the file was cut to ${slotCount} slots, of ${this.end} in use`);
    this.#fileEnd = Math.min(this.#fileEnd, slotCount);
  }

  /** The highest taken slot + 1; 0 if none is taken. */
  get end(): number {
    while (this.#lastWord > 0 && this.#words[this.#lastWord] === 0) this.#lastWord -= 1;
    return this.#lastWord * SLOTS_PER_WORD + 32 - Math.clz32(this.#words[this.#lastWord]);
  }

  isTaken(slot: number): boolean {
    const index = Math.floor(slot / SLOTS_PER_WORD);
    if (index >= this.#words.length) return false;
    return (this.#words[index] & (1 << (slot % SLOTS_PER_WORD))) !== 0;
  }

  /** The lowest free slot, which may lie behind the end of the file. */
  get lowestFree(): number {
    while (this.#hint < this.#words.length && this.#words[this.#hint] === WORD_FULL) {
      this.#hint += 1;
    }
    const freeBits = this.#hint < this.#words.length ? ~this.#words[this.#hint] : WORD_FULL;
    const lowestFreeBit = 31 - Math.clz32(freeBits & -freeBits);
    return this.#hint * SLOTS_PER_WORD + lowestFreeBit;
  }

  /** Takes the lowest free slot. */
  take(): number {
    const slot = this.lowestFree;
    this.mark(slot);
    return slot;
  }

  /**
   * Takes slots that follow each other, the lowest such that it finds. If it finds none that end at `endMax` or before,
   * it takes the lowest free ones.
   * @returns the slots, rising.
   */
  takeRun(count: number, endMax: number): number[] {
    const start = count === 1 ? null : this.#findRun(count, endMax);
    if (start === null) return Array.from({ length: count }, () => this.take());
    const slots = Array.from({ length: count }, (_, index) => start + index);
    for (const slot of slots) this.mark(slot);
    return slots;
  }

  /** Takes a given slot that is free. */
  mark(slot: number): void {
    assert(Number.isInteger(slot) && slot >= 0 && slot <= SLOT_MAX, `slot ${slot} is out of range`);
    assert(!this.isTaken(slot), `slot ${slot} is already taken`);
    const index = Math.floor(slot / SLOTS_PER_WORD);
    if (index >= this.#words.length) this.#grow(index + 1);
    this.#words[index] |= 1 << (slot % SLOTS_PER_WORD);
    this.#takenCount += 1;
    this.#lastWord = Math.max(this.#lastWord, index);
    this.#fileEnd = Math.max(this.#fileEnd, slot + 1);
  }

  release(slot: number): void {
    assert(this.isTaken(slot), `slot ${slot} is released but was not taken`);
    const index = Math.floor(slot / SLOTS_PER_WORD);
    this.#words[index] &= ~(1 << (slot % SLOTS_PER_WORD));
    this.#takenCount -= 1;
    if (index < this.#hint) this.#hint = index;
  }

  /**
   * The start of the lowest run of free slots; null: there is none that ends at `endMax` or before. It looks at a
   * bounded number of slots from the lowest free one on, and behind the last one that is taken.
   */
  #findRun(count: number, endMax: number): number | null {
    const { end } = this;
    let start = this.lowestFree;
    const lookEnd = Math.min(end, start + LOOK_SLOTS);
    let slot = start;
    while (slot < lookEnd && slot - start < count) {
      const word = this.#words[Math.floor(slot / SLOTS_PER_WORD)];
      if (slot % SLOTS_PER_WORD === 0 && (word === 0 || word === WORD_FULL)) {
        slot += SLOTS_PER_WORD;
        if (word === WORD_FULL) start = slot;
      } else {
        slot += 1;
        if ((word & (1 << ((slot - 1) % SLOTS_PER_WORD))) !== 0) start = slot;
      }
    }
    if (slot < end && slot - start < count) start = end;
    return start + count <= endMax ? start : null;
  }

  #grow(wordCount: number): void {
    const words = new Uint32Array(Math.max(wordCount, this.#words.length * 2));
    words.set(this.#words);
    this.#words = words;
  }
}
