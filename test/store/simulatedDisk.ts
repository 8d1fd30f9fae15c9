/**
 * A disk for one process, in memory and in virtual time, as unkind as the ports allow: what was not flushed is lost at
 * a crash, or kept, or torn into pieces of 512 bytes of which any may be old or new; a metadata commit under way at a
 * crash happened or did not; so did one that found no room. Data, metadata and notes may take their time each: what is
 * begun first need not end first.
 */
import { Observable, type SchedulerLike } from 'rxjs';
import { assert } from '../../src/core/assert.js';
import { SECTOR_SIZE_BYTES, type SectorIndex } from '../../src/core/sector.js';
import type { Stamp } from '../../src/core/stamp.js';
import { STRICT_STAMP_INITIAL } from '../../src/core/strict/version.js';
import {
  NoSpace,
  type MetadataFile,
  type RecordBatch,
  type RecordTotals,
  type SectorRecord,
  type SlotFile,
} from '../../src/ports/blockFiles.js';
import type { NoteChanges } from '../../src/ports/notes.js';
import { baseStampOf } from '../../src/store/baseStamps.js';
import { BODY_SIZE_BASE, bodySizeOf } from '../../src/store/recordFormat.js';
import { TOTALS_NONE, totalsAfter } from '../../src/store/recordTotals.js';
import type { Dice } from '../helpers/seed.js';

const PIECE_SIZE_BYTES = 512;
const DELAY_MS_END = 5;

export type DiskOperation = 'write' | 'flush' | 'commit' | 'reopen' | 'read' | 'truncate' | 'note' | 'upgrade';

/** What has delays of its own: files of their own, or another kind of flush. */
export type DiskPart = 'data' | 'metadata' | 'notes';
export const DISK_PARTS: readonly DiskPart[] = ['data', 'metadata', 'notes'];

/** What happened, in order. Tests add their own lines. */
export type TraceLine =
  | { readonly kind: 'write'; readonly slot: number }
  | { readonly kind: 'flushed' }
  | { readonly kind: 'cut'; readonly slotCount: number }
  | { readonly kind: 'committed'; readonly sectors: readonly SectorIndex[] }
  | { readonly kind: 'stored'; readonly sector: SectorIndex };

/** Called with each of what `TraceLine` tells; nobody listens by default. */
type Listener = (line: TraceLine, data: Uint8Array | null) => void;

/** Operations that nothing is ever wrong with. */
type Quiet = 'close' | 'records' | 'list' | 'notes';
const QUIET: readonly string[] = ['close', 'records', 'list', 'notes'];

const PART_OF: Readonly<Record<DiskOperation | Quiet, DiskPart>> = {
  write: 'data',
  flush: 'data',
  read: 'data',
  truncate: 'data',
  commit: 'metadata',
  reopen: 'metadata',
  records: 'metadata',
  list: 'metadata',
  close: 'metadata',
  note: 'notes',
  notes: 'notes',
  upgrade: 'metadata',
};

/** What cannot be done while the metadata could not be opened again. */
const NEED_METADATA: ReadonlySet<DiskOperation | Quiet> = new Set(['list', 'notes', 'note', 'upgrade']);

function isQuiet(operation: DiskOperation | Quiet): operation is Quiet {
  return QUIET.includes(operation);
}

interface Fault {
  readonly operation: DiskOperation;
  readonly error: Error;
  /** What becomes of what could not be written: gone, or still read but never written. */
  readonly pages?: 'lost' | 'clean';
}

/** One life of the program that uses the disk. */
export interface Life {
  /** Its timers: what has been begun ends in them. */
  readonly scheduler: SchedulerLike;
  /** Called at each step. @returns whether it lives on. */
  readonly step: () => boolean;
}

export interface SimulatedFiles {
  readonly slotFile: SlotFile;
  readonly metadata: MetadataFile;
}

export class SimulatedDisk {
  readonly trace: TraceLine[] = [];
  /** Whether `trace` is kept. */
  isTraced = true;
  onTrace: Listener = () => undefined;
  /** How long an operation on that part takes, in milliseconds. */
  delayMs: (part: DiskPart) => number = () => this.dice.below(DELAY_MS_END);
  /** Sectors that a loss of power left in pieces, or as they were before they were written. */
  tornCount = 0;
  lostCount = 0;
  /** The crash comes when this many steps were made. */
  crashAtStep = Number.POSITIVE_INFINITY;
  stepCount = 0;
  /** One in so many writes, flushes, commits and reopens finds no room; 0: none does. */
  noSpaceOneIn = 0;
  /** A read gives what its slot holds when it begins, not when it ends. */
  readsEarly = false;
  /** Slots that were cut off. */
  cutCount = 0;
  /** Slots from here up cannot be written. */
  slotEnd = Number.POSITIVE_INFINITY;
  /** The current life of the process that uses it; what an earlier one began never completes. */
  #life = 0;
  #durable = new Map<number, Uint8Array>();
  /** Written and not yet flushed: the versions of each slot, oldest first. */
  #unflushed = new Map<number, Uint8Array[]>();
  /** What a flush failed to write and the system keeps nevertheless: lost when the power goes. */
  readonly #clean = new Map<number, Uint8Array>();
  /** Cut off and not yet flushed: after a crash they may be there again. */
  readonly #cut = new Map<number, Uint8Array>();
  #records = new Map<SectorIndex, SectorRecord>();
  #notes = new Map<string, Uint8Array>();
  /** Changes of notes under way: they may have happened. */
  #notesInLimbo: NoteChanges[] = [];
  #totals: RecordTotals = TOTALS_NONE;
  /** A commit that may have happened: it is under way, or there was no room for it. */
  #limbo: RecordBatch | null = null;
  /** What the last commit replaced, and its number. */
  #last: { readonly commitCount: number; readonly replaced: readonly SectorRecord[] } | null = null;
  /** The number of the last commit that was confirmed, and the one that power cannot take away. */
  #confirmed = 0;
  #confirmedDurably = 0;
  /** Slots that have rotted since they were written. */
  readonly #rotten = new Set<number>();
  /** Records may have versions that the base protocol has not; while that is being written, it may be so already. */
  #allowsStrict: 'no' | 'maybe' | 'yes' = 'no';
  /** There was no room for a commit: no other may follow before a `reopen`. */
  #mustReopen = false;
  /** Nor was there for the last `reopen`: nothing of the metadata can be read or written. */
  #isClosed = false;
  #faults: Fault[] = [];
  #user: Life | null = null;

  constructor(
    private readonly dice: Dice,
    private readonly scheduler: SchedulerLike,
  ) {}

  /** The next operation of that kind fails so. */
  failNext(operation: DiskOperation, error: Error): void {
    this.#faults.push({ operation, error });
  }

  /** Counts up with every start and every crash. */
  get life(): number {
    return this.#life;
  }

  /** Slots up to the last that was ever written. */
  get slotCount(): number {
    return Math.max(0, ...[...this.#durable.keys(), ...this.#unflushed.keys()].map((n) => n + 1));
  }

  /** What is durable of a sector. */
  recordOf(sector: SectorIndex): SectorRecord | undefined {
    return this.#records.get(sector);
  }

  /** A note, if it is durable. */
  note(name: string): Uint8Array | undefined {
    return this.#notes.get(name);
  }

  /**
   * The stamp that a sector has if the power goes now, in the worst case: while the data of the last commit is not
   * flushed, the one that was replaced.
   */
  stampAfterCrash(sector: SectorIndex): Stamp {
    const { stamp, slot } = this.#records.get(sector) ?? { stamp: STRICT_STAMP_INITIAL, slot: null };
    if (slot === null || !this.#unflushed.has(slot)) return baseStampOf(stamp);
    const replaced = this.#inDoubt().find((record) => record.sector === sector);
    return baseStampOf(replaced?.stamp ?? stamp);
  }

  /** What is durable. */
  get records(): SectorRecord[] {
    return [...this.#records.values()];
  }

  /** Whether older programs refuse it. */
  get allowsStrict(): boolean {
    return this.#allowsStrict === 'yes';
  }

  /** Slots that durable records point to. */
  get slotsInUse(): number[] {
    return [...this.#records.values()].flatMap(({ slot }) => (slot === null ? [] : [slot]));
  }

  /** As if a commit had written it. */
  setRecord(record: SectorRecord): void {
    this.#totals = totalsAfter(this.#totals, [record], [this.recordOf(record.sector) ?? null]);
    this.#records.set(record.sector, record);
  }

  /** The record is gone, or an older one is there again; the totals know nothing of it. */
  loseRecord(sector: SectorIndex, older: SectorRecord | null = null): void {
    if (older === null) this.#records.delete(sector);
    else this.#records.set(sector, older);
  }

  flipBit(slot: number): void {
    const data = this.#content(slot);
    assert(data !== undefined, `slot ${slot} was never written`);
    const flipped = data.slice();
    flipped[1234] ^= 0x10;
    this.#durable.set(slot, flipped);
    this.#clean.delete(slot);
    this.#unflushed.delete(slot);
  }

  /**
   * A bit changes, but not in the data of a last commit of which it is not known that it is complete: rot and a loss of
   * power within that moment are told as the latter (ADR 17).
   */
  rot(slot: number): void {
    if (this.#newSlotsInDoubt().includes(slot)) return;
    this.flipBit(slot);
    this.#rotten.add(slot);
  }

  truncate(slotCount: number): void {
    for (const slot of this.#durable.keys()) if (slot >= slotCount) this.#durable.delete(slot);
  }

  /** The files as a process that starts now finds them. */
  attach(user: Life = { scheduler: this.scheduler, step: () => true }): SimulatedFiles {
    this.#life += 1;
    this.#user = user;
    const life = this.#life;
    return { slotFile: this.#slotFile(life), metadata: this.#metadata(life) };
  }

  /** The program was killed; its system lives on, and with it what was written and not flushed. */
  kill(): void {
    this.#life += 1;
    this.#resolveNotes();
    this.#resolveLimbo();
  }

  /**
   * A flush fails: the system forgets what it could not write, and says so once. Or it keeps it in memory as if it were
   * written: it is read, but no later flush writes it.
   */
  failFlush(error: Error, pages: 'lost' | 'clean' = 'lost'): void {
    this.#faults.push({ operation: 'flush', error, pages });
  }

  /** Power off: whoever has the files open gets no answer any more. */
  crash(): void {
    this.#life += 1;
    this.crashAtStep = Number.POSITIVE_INFINITY;
    this.#losePages();
    this.#resolveNotes();
    this.#resolveLimbo();
    // Never flushed: what is left of it is any state that it had.
    if (this.#last?.replaced.some(({ sector }) => this.#isRotten(sector)) === true) {
      this.#confirmedDurably = this.#confirmed;
    } else if (this.dice.below(2) === 0) {
      this.#confirmedDurably = this.dice.between(this.#confirmedDurably, this.#confirmed + 1);
    }
    this.#confirmed = this.#confirmedDurably;
  }

  #isRotten(sector: SectorIndex): boolean {
    const slot = this.#records.get(sector)?.slot ?? null;
    return slot !== null && this.#rotten.has(slot);
  }

  /** What may have to be gone back to. */
  #inDoubt(): readonly SectorRecord[] {
    const { commitCount } = this.#totals;
    if (this.#last?.commitCount !== commitCount || this.#confirmed === commitCount) return [];
    return this.#last.replaced;
  }

  #losePages(): void {
    if (this.dice.below(2) === 0) {
      for (const [slot, data] of this.#cut) this.#durable.set(slot, data);
    }
    this.#cut.clear();
    for (const [slot, versions] of this.#unflushed) this.#tear(slot, versions);
    this.#unflushed.clear();
    this.#clean.clear();
  }

  #note(line: TraceLine, data: Uint8Array | null = null): void {
    if (this.isTraced) this.trace.push(line);
    this.onTrace(line, data);
  }

  #slotFile(life: number): SlotFile {
    return {
      slotCountAtOpen: this.slotCount,
      write: (slot, data) => {
        for (let at = 0; at < data.length; at += SECTOR_SIZE_BYTES) {
          this.#write(life, slot + at / SECTOR_SIZE_BYTES, data.subarray(at, at + SECTOR_SIZE_BYTES));
        }
      },
      renew: (slot, data) => {
        if (!this.#step(life)) return;
        const content = this.#content(slot);
        assert(content !== undefined, `slot ${slot}, to be renewed, was never written`);
        assert(Buffer.compare(content, data) === 0, `slot ${slot} is renewed with other data`);
        this.#note({ kind: 'write', slot }, data);
        // What is durable already cannot be torn into anything else.
        const isDurable = !this.#unflushed.has(slot) && !this.#clean.delete(slot);
        if (isDurable) return;
        this.#unflushed.set(slot, [...(this.#unflushed.get(slot) ?? []), data.slice()]);
      },
      flush: () =>
        this.#operation<never>(life, 'flush', () => {
          const upTo = [...this.#unflushed].map(([slot, versions]) => [slot, versions.length]);
          return () => {
            for (const [slot = 0, count = 0] of upTo) this.#flushSlot(slot, count);
            this.#cut.clear();
            this.#note({ kind: 'flushed' });
          };
        }),
      truncate: (slotCount) =>
        this.#operation<never>(life, 'truncate', () => () => {
          this.#assertNothingBehind(slotCount);
          this.#cutBehind(slotCount);
          this.#note({ kind: 'cut', slotCount });
        }),
      read: (slot) =>
        this.#operation<Uint8Array>(life, 'read', () => {
          const early = this.readsEarly ? this.#content(slot) : undefined;
          return () => {
            const data = early ?? this.#content(slot);
            if (data === undefined) throw new Error(`the file ends before slot ${slot}`);
            return data.slice();
          };
        }),
      readAll: (slots) =>
        this.#operation<Uint8Array>(life, 'read', () => {
          const early = this.readsEarly ? slots.map((slot) => this.#content(slot)) : null;
          return () => {
            const found = early ?? slots.map((slot) => this.#content(slot));
            const missing = found.indexOf(undefined);
            if (missing >= 0) throw new Error(`the file ends before slot ${slots[missing]}`);
            return new Uint8Array(Buffer.concat(found.map((data) => data ?? new Uint8Array())));
          };
        }),
      close: () => this.#operation<never>(life, 'close', () => () => undefined),
    };
  }

  #write(life: number, slot: number, data: Uint8Array): void {
    assert(data.length === SECTOR_SIZE_BYTES, 'a slot takes a sector');
    if (!this.#step(life)) return;
    this.#throwFault('write');
    if (slot >= this.slotEnd) throw new NoSpace(`no room for slot ${slot}`);
    this.#assertUnused(slot);
    this.#rotten.delete(slot);
    this.#clean.delete(slot);
    this.#note({ kind: 'write', slot }, data);
    const versions = this.#unflushed.get(slot) ?? [];
    versions.push(data.slice());
    this.#unflushed.set(slot, versions);
  }

  #metadata(life: number): MetadataFile {
    return {
      records: () => this.#operation<readonly SectorRecord[]>(life, 'records', () => () => [...this.#records.values()]),
      totals: () => this.#operation<RecordTotals>(life, 'records', () => () => this.#totals),
      commit: (batch) =>
        this.#operation<never>(life, 'commit', () => {
          assert(!this.#mustReopen, 'a commit follows one that found no room');
          assert(this.#limbo === null, 'two commits at a time');
          this.#assertOneInDoubt(batch);
          this.#assertAllowed(batch);
          this.#limbo = batch;
          return () => {
            this.#apply(batch);
            this.#limbo = null;
            this.#note({ kind: 'committed', sectors: batch.records.map((one) => one.sector) });
          };
        }),
      confirm: (commitCount) => {
        if (!this.#step(life)) return;
        assert(commitCount === this.#totals.commitCount, `${commitCount} is not the last commit`);
        for (const slot of this.#newSlotsInDoubt()) {
          assert(!this.#unflushed.has(slot), `slot ${slot} is confirmed, but not flushed`);
        }
        this.#confirmed = commitCount;
      },
      unconfirmed: () => this.#operation<readonly SectorRecord[]>(life, 'records', () => () => this.#inDoubt()),
      reopen: (sectors) =>
        this.#operation<ReadonlyMap<SectorIndex, SectorRecord>>(life, 'reopen', () => () => {
          assert(this.#mustReopen, 'a reopen without need');
          this.#isClosed = false;
          this.#resolveLimbo();
          const found = new Map<SectorIndex, SectorRecord>();
          for (const sector of sectors) {
            const record = this.#records.get(sector);
            if (record) found.set(sector, record);
          }
          return found;
        }),
      list: (from, limit) =>
        this.#operation<readonly SectorRecord[]>(
          life,
          'list',
          () => () =>
            [...this.#records.values()]
              .filter(({ sector }) => sector >= from)
              .sort((a, b) => a.sector - b.sector)
              .slice(0, limit),
        ),
      notes: () => this.#operation<ReadonlyMap<string, Uint8Array>>(life, 'notes', () => () => new Map(this.#notes)),
      putNotes: (changes) =>
        this.#operation<never>(life, 'note', () => {
          this.#notesInLimbo.push(changes);
          return () => {
            this.#notesInLimbo = this.#notesInLimbo.filter((one) => one !== changes);
            this.#applyNotes(changes);
          };
        }),
      allowStrict: () =>
        this.#operation<never>(life, 'upgrade', () => {
          if (this.#allowsStrict === 'no') this.#allowsStrict = 'maybe';
          return () => {
            this.#allowsStrict = 'yes';
          };
        }),
      close: () => this.#operation<never>(life, 'close', () => () => undefined),
    };
  }

  /** `begin` runs at once and gives what happens when it ends; its value, if any, is emitted. */
  #operation<T>(life: number, operation: DiskOperation | Quiet, begin: () => () => T | undefined): Observable<T> {
    return new Observable<T>((observer) => {
      if (!this.#step(life)) return undefined;
      const end = begin();
      const scheduler = this.#user?.scheduler ?? this.scheduler;
      return scheduler.schedule(() => {
        if (!this.#step(life)) return;
        try {
          if (!isQuiet(operation)) this.#throwFault(operation);
          if (this.#isClosed && NEED_METADATA.has(operation)) {
            throw new NoSpace(`no room for ${operation}: the metadata are closed`);
          }
          const value = end();
          if (value !== undefined) observer.next(value);
          observer.complete();
        } catch (error) {
          if (error instanceof NoSpace) {
            if (operation === 'commit') this.#mustReopen = true;
            if (operation === 'reopen') this.#isClosed = true;
          }
          observer.error(error);
        }
      }, this.delayMs(PART_OF[operation]));
    });
  }

  /** @returns whether the process still lives. */
  #step(life: number): boolean {
    if (life !== this.#life) return false;
    if (this.#user?.step() === false) return false;
    this.stepCount += 1;
    if (this.stepCount < this.crashAtStep) return true;
    this.crash();
    return false;
  }

  #throwFault(operation: DiskOperation): void {
    const index = this.#faults.findIndex((fault) => fault.operation === operation);
    if (index >= 0) {
      const [fault] = this.#faults.splice(index, 1);
      if (fault.pages === 'lost') this.#losePages();
      if (fault.pages === 'clean') {
        for (const slot of this.#unflushed.keys()) {
          const newest = this.#content(slot);
          if (newest !== undefined) this.#clean.set(slot, newest);
        }
        this.#unflushed.clear();
      }
      throw fault.error;
    }
    if (operation === 'read' || operation === 'truncate' || this.noSpaceOneIn === 0) return;
    if (this.dice.below(this.noSpaceOneIn) === 0) throw new NoSpace(`no room for ${operation}`);
  }

  /** Slots of the last commit, whose data may not be there. */
  #newSlotsInDoubt(): number[] {
    return this.#inDoubt().flatMap(({ sector }) => this.#records.get(sector)?.slot ?? []);
  }

  /** One commit at a time may have to be gone back on, and by what it says itself. */
  #assertOneInDoubt({ records, replaced }: RecordBatch): void {
    if (replaced.length > 0) {
      for (const slot of this.#newSlotsInDoubt()) {
        assert(!this.#unflushed.has(slot), `a commit begins before slot ${slot} is flushed`);
      }
    }
    for (const { sector, slot } of records) {
      if (slot === null || !this.#unflushed.has(slot)) continue;
      const before = replaced.find((record) => record.sector === sector);
      assert(before !== undefined, `sector ${sector} is committed before its data, for good`);
      assert(
        before.slot === (this.#records.get(sector)?.slot ?? null),
        `sector ${sector} would go back to another slot than it has`,
      );
    }
  }

  /** An older program reads what there is until the upgrade is durable. */
  #assertAllowed({ records, replaced }: RecordBatch): void {
    if (this.#allowsStrict === 'yes') return;
    for (const record of [...records, ...replaced]) {
      assert(bodySizeOf(record) === BODY_SIZE_BASE, `sector ${record.sector} has a version of the strict register`);
    }
  }

  /** Slots that belong to somebody, or did so before a commit that is in doubt. */
  #slotsHeld(): SectorRecord[] {
    const unflushed = this.#newSlotsInDoubt().some((slot) => this.#unflushed.has(slot));
    return [...this.#records.values(), ...(unflushed ? this.#inDoubt() : [])];
  }

  /** The rule that everything rests on. */
  #assertUnused(slot: number): void {
    for (const record of this.#slotsHeld()) {
      assert(record.slot !== slot, `slot ${slot} is overwritten, but sector ${record.sector} is there`);
    }
    for (const record of this.#limbo?.records ?? []) {
      assert(record.slot !== slot, `slot ${slot} is overwritten while a commit may need it`);
    }
  }

  /** The other one: what is cut off belongs to nobody, and no write is under way. */
  #assertNothingBehind(slotCount: number): void {
    for (const { slot, sector } of [...this.#slotsHeld(), ...(this.#limbo?.records ?? [])]) {
      assert(slot === null || slot < slotCount, `slot ${slot} of sector ${sector} is cut off`);
    }
  }

  #cutBehind(slotCount: number): void {
    for (const [slot, data] of this.#durable) {
      if (slot < slotCount) continue;
      this.#cut.set(slot, data);
      this.#durable.delete(slot);
      this.cutCount += 1;
    }
    for (const slot of this.#unflushed.keys()) {
      if (slot >= slotCount) this.#unflushed.delete(slot);
    }
  }

  #content(slot: number): Uint8Array | undefined {
    return this.#unflushed.get(slot)?.at(-1) ?? this.#clean.get(slot) ?? this.#durable.get(slot);
  }

  #flushSlot(slot: number, count: number): void {
    const versions = this.#unflushed.get(slot);
    const newest = versions?.[count - 1];
    if (!versions || !newest) return;
    this.#durable.set(slot, newest);
    if (versions.length === count) this.#unflushed.delete(slot);
    else versions.splice(0, count);
  }

  #tear(slot: number, versions: readonly Uint8Array[]): void {
    const before = this.#durable.get(slot) ?? new Uint8Array(SECTOR_SIZE_BYTES);
    const choices = [before, ...versions];
    const torn = new Uint8Array(SECTOR_SIZE_BYTES);
    // A third of the slots whole, so that neither outcome is rare.
    const whole = this.dice.below(3) === 0 ? this.dice.pick(choices) : null;
    for (let start = 0; start < SECTOR_SIZE_BYTES; start += PIECE_SIZE_BYTES) {
      const source = whole ?? this.dice.pick(choices);
      torn.set(source.subarray(start, start + PIECE_SIZE_BYTES), start);
    }
    if (whole === before) this.lostCount += 1;
    else if (whole === null) this.tornCount += 1;
    if (whole !== before || this.#durable.has(slot)) this.#durable.set(slot, torn);
  }

  #resolveLimbo(): void {
    if (this.#limbo !== null && this.dice.below(2) === 0) this.#apply(this.#limbo);
    this.#limbo = null;
    this.#mustReopen = false;
    this.#isClosed = false;
  }

  #resolveNotes(): void {
    if (this.#allowsStrict === 'maybe') this.#allowsStrict = this.dice.below(2) === 0 ? 'yes' : 'no';
    for (const changes of this.#notesInLimbo) {
      if (this.dice.below(2) === 0) this.#applyNotes(changes);
    }
    this.#notesInLimbo = [];
  }

  #applyNotes(changes: NoteChanges): void {
    for (const [name, bytes] of changes) {
      if (bytes === null) this.#notes.delete(name);
      else this.#notes.set(name, bytes);
    }
  }

  /** Another disk is in its place, an empty one. To be called between two lives. */
  replace(): void {
    this.#life += 1;
    this.#durable = new Map();
    this.#unflushed = new Map();
    this.#clean.clear();
    this.#records = new Map();
    this.#notes = new Map();
    this.#totals = TOTALS_NONE;
    this.#cut.clear();
    this.#notesInLimbo = [];
    this.#limbo = null;
    this.#last = null;
    this.#allowsStrict = 'no';
    this.#rotten.clear();
    this.#confirmed = 0;
    this.#confirmedDurably = 0;
    this.#mustReopen = false;
    this.#isClosed = false;
    this.#faults = [];
  }

  #apply({ records, totals, replaced }: RecordBatch): void {
    this.#totals = totals;
    if (replaced.length > 0) this.#last = { commitCount: totals.commitCount, replaced };
    for (const record of records) this.#records.set(record.sector, record);
  }
}
