/** A strict store and notes in memory: slow, full when told to, and with what a crash leaves of them. */
import type { Observable, SchedulerLike } from 'rxjs';
import { EMPTY, concat, defer, ignoreElements, map, throwError, timer } from 'rxjs';
import { assert } from '../../src/core/assert.js';
import { SECTOR_SIZE_BYTES } from '../../src/core/sector.js';
import type { SectorRange } from '../../src/core/strict/range.js';
import { endOf, overlap } from '../../src/core/strict/range.js';
import type { RangeData } from '../../src/core/strict/replicaMessage.js';
import { sliceOfData } from '../../src/core/strict/runs.js';
import type { StrictStamp, Version } from '../../src/core/strict/version.js';
import { STRICT_STAMP_INITIAL, VERSION_INITIAL, compareStrictStamps, laterOf } from '../../src/core/strict/version.js';
import type { NoteChanges, Notes } from '../../src/ports/notes.js';
import type { PutOutcome } from '../../src/ports/store.js';
import type { CopyRun, RangePut, StrictStore } from '../../src/ports/strictStore.js';

export interface FakeCopy extends Version {
  readonly data: RangeData;
}

/** Emits once, when the next operation of a fake is over. */
export type FakeTiming = () => Observable<unknown>;

export function taking(clock: SchedulerLike, delay: () => number): FakeTiming {
  return () => defer(() => timer(delay(), clock));
}

export class FakeStrictStore implements StrictStore {
  /** What a crash leaves. */
  readonly copies: Map<number, FakeCopy>;
  readonly damaged = new Set<number>();
  /** Calls of `putRanges`: the puts of each. */
  readonly calls: (readonly RangePut[])[] = [];
  /** Whether the next call finds no room. */
  isFull: () => boolean = () => false;
  readonly #putting = new Set<SectorRange>();
  readonly #loading = new Set<SectorRange>();

  constructor(
    private readonly timing: FakeTiming,
    copies: ReadonlyMap<number, FakeCopy> = new Map<number, FakeCopy>(),
  ) {
    this.copies = new Map(copies);
  }

  versionOf(sector: number): Version {
    return this.copies.get(sector) ?? VERSION_INITIAL;
  }

  isDamaged(sector: number): boolean {
    return this.damaged.has(sector);
  }

  unwrittenUntil(sector: number): number {
    let next = Infinity;
    for (const written of this.copies.keys()) {
      if (written - (written % 256) >= sector - 255) next = Math.min(next, written);
    }
    return next === Infinity ? 2 ** 45 : Math.max(sector, next - (next % 256));
  }

  loadRange(range: SectorRange): Observable<readonly CopyRun[]> {
    return defer(() => {
      assert(![...this.#putting].some((put) => overlap(put, range)), 'a load overlaps with a put');
      this.#loading.add(range);
      return this.timing().pipe(
        map(() => {
          this.#loading.delete(range);
          return sectorsOf(range).map((sector) => ({
            count: 1,
            data: this.damaged.has(sector) ? ('damaged' as const) : (this.copies.get(sector)?.data ?? 'zeros'),
          }));
        }),
      );
    });
  }

  putRanges(puts: readonly RangePut[]): Observable<PutOutcome> {
    return defer(() => {
      this.calls.push(puts);
      const ranges = puts.map(({ range }) => range);
      for (const range of ranges) {
        const isBusy = (other: SectorRange) => overlap(other, range);
        assert(![...this.#putting, ...this.#loading].some(isBusy), `a put of ${range.first} overlaps`);
        this.#putting.add(range);
      }
      for (const put of puts) for (const sector of sectorsOf(put.range)) this.#check(sector, put);
      const isFull = this.isFull();
      return this.timing().pipe(
        map((): PutOutcome => {
          for (const range of ranges) this.#putting.delete(range);
          if (isFull) return 'full';
          for (const put of puts) for (const sector of sectorsOf(put.range)) this.#apply(sector, put);
          return 'stored';
        }),
      );
    });
  }

  /** The power is cut: of the sectors of the puts under way, some are as they were put. */
  crash(isPut: (sector: number) => boolean): ReadonlyMap<number, FakeCopy> {
    for (const put of this.calls.flat()) {
      if (!this.#putting.has(put.range)) continue;
      for (const sector of sectorsOf(put.range)) if (isPut(sector)) this.#apply(sector, put);
    }
    return this.copies;
  }

  counts(): { readonly written: number; readonly damaged: number } {
    return { written: this.copies.size, damaged: this.damaged.size };
  }

  get highestStamp(): StrictStamp {
    return [...this.copies.values()].map(({ stamp }) => stamp).reduce(laterOf, STRICT_STAMP_INITIAL);
  }

  #check(sector: number, { stamp, data }: RangePut): void {
    const before = this.versionOf(sector).stamp;
    const order = compareStrictStamps(stamp, before);
    assert(order > 0 || (order === 0 && this.damaged.has(sector)), `the stamp of sector ${sector} would not rise`);
    if (typeof data === 'object' && 'held' in data) {
      assert(compareStrictStamps(data.held, before) === 0, `sector ${sector} does not hold what it is to keep`);
    }
  }

  #apply(sector: number, { range, stamp, origin, data }: RangePut): void {
    const isHeld = typeof data === 'object' && 'held' in data;
    const copy = isHeld ? (this.copies.get(sector)?.data ?? 'zeros') : sliceOfData(data, sector - range.first, 1);
    this.damaged.delete(sector);
    this.copies.set(sector, { stamp, origin, data: copy });
  }
}

export class FakeNotes implements Notes {
  readonly initial: ReadonlyMap<string, Uint8Array>;
  readonly durable: Map<string, Uint8Array>;
  /** The changes of each call. */
  readonly calls: NoteChanges[] = [];
  /** The next puts fail with these errors, then they succeed. */
  readonly failures: Error[] = [];
  #underWay: NoteChanges | null = null;

  constructor(
    private readonly timing: FakeTiming,
    durable: ReadonlyMap<string, Uint8Array> = new Map<string, Uint8Array>(),
  ) {
    this.initial = new Map(durable);
    this.durable = new Map(durable);
  }

  put(changes: NoteChanges): Observable<never> {
    return defer(() => {
      this.calls.push(changes);
      const failure = this.failures.shift();
      if (failure !== undefined) return throwError(() => failure);
      this.#underWay = changes;
      const applied$ = defer(() => {
        this.#underWay = null;
        this.#apply(changes);
        return EMPTY;
      });
      return concat(this.timing().pipe(ignoreElements()), applied$);
    });
  }

  /** The power is cut: the changes under way were made, or were not. */
  crash(isPut: boolean): ReadonlyMap<string, Uint8Array> {
    if (isPut && this.#underWay !== null) this.#apply(this.#underWay);
    return this.durable;
  }

  #apply(changes: NoteChanges): void {
    for (const [name, bytes] of changes) {
      if (bytes === null) this.durable.delete(name);
      else this.durable.set(name, bytes);
    }
  }
}

export function sectorsOf(range: SectorRange): number[] {
  return Array.from({ length: endOf(range) - range.first }, (_, index) => range.first + index);
}

/** Data of `count` sectors, each of which begins with `value`. */
export function dataOf(value: number, count = 1): Uint8Array {
  const bytes = new Uint8Array(count * SECTOR_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  for (let sector = 0; sector < count; sector += 1) view.setUint32(sector * SECTOR_SIZE_BYTES, value);
  return bytes;
}

/** The value that the first sector of such data begins with; 0: zeros. */
export function valueOf(data: RangeData): number {
  return data === 'zeros' ? 0 : new DataView(data.buffer, data.byteOffset).getUint32(0);
}

export const COORDINATORS = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(16));

export function strictStamp(counter: number, coordinator = 0): StrictStamp {
  return { counter: BigInt(counter), coordinator: COORDINATORS[coordinator] };
}
