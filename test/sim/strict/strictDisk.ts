/**
 * The disk of a simulated replica: what is flushed of its copies and notes, and a store over it for each boot of the
 * program. A put and a change of notes take time, sometimes long. When the program dies meanwhile, each sector of a put
 * is as it was or as it was put, and a change of notes happened or did not.
 */
import { Observable, of } from 'rxjs';
import type { Rank } from '../../../src/core/rank.js';
import { SECTOR_SIZE_BYTES, type SectorIndex } from '../../../src/core/sector.js';
import { endOf, overlap, type SectorRange } from '../../../src/core/strict/range.js';
import { sliceOfData } from '../../../src/core/strict/runs.js';
import type { RangeData } from '../../../src/core/strict/replicaMessage.js';
import {
  compareStrictStamps,
  laterOf,
  STRICT_STAMP_INITIAL,
  VERSION_INITIAL,
  type StrictStamp,
  type Version,
} from '../../../src/core/strict/version.js';
import type { NoteChanges, Notes } from '../../../src/ports/notes.js';
import type { PutOutcome } from '../../../src/ports/store.js';
import type { CopyRun, RangePut, StrictStore } from '../../../src/ports/strictStore.js';
import type { Dice } from '../../helpers/seed.js';
import type { Actor } from '../actor.js';
import type { World } from '../world.js';

export interface FlushedCopy extends Version {
  readonly data: RangeData;
}

const COPY_INITIAL: FlushedCopy = { ...VERSION_INITIAL, data: 'zeros' };

/** Microseconds that a flush takes. */
const FLUSH_US_MIN = 80;
const FLUSH_US_END = 3_000;
const LOAD_US_END = 300;

export class StrictDisk {
  readonly copies = new Map<SectorIndex, FlushedCopy>();
  readonly notes = new Map<string, Uint8Array>();
  /** Milliseconds that each flush takes longer until then. */
  extraMs = 0;
  extraUntilUs = 0;
  /** One put in so many finds no room; 0: all do. */
  fullOneIn = 0;
  /** What to do with what was under way when the program died. */
  private readonly underWay = new Set<() => void>();

  constructor(
    readonly rank: Rank,
    private readonly world: World,
    private readonly dice: Dice,
    /** Told of each copy that is flushed. */
    private readonly onFlushed: (rank: Rank, sector: SectorIndex) => void,
  ) {}

  flushedOf(sector: SectorIndex): FlushedCopy {
    return this.copies.get(sector) ?? COPY_INITIAL;
  }

  /** The program has died: of what was under way anything may have happened. */
  crash(): void {
    for (const settle of this.underWay) settle();
    this.underWay.clear();
  }

  keep(sector: SectorIndex, copy: FlushedCopy): void {
    this.copies.set(sector, copy);
    this.onFlushed(this.rank, sector);
  }

  private flushUs(): number {
    const extraUs = this.world.nowUs < this.extraUntilUs ? this.extraMs * 1_000 : 0;
    return extraUs + this.dice.between(FLUSH_US_MIN, FLUSH_US_END);
  }

  /** @param settle Called if the program dies before that. */
  flushed(actor: Actor, run: () => void, settle: () => void): void {
    this.underWay.add(settle);
    this.world.schedule(actor, this.flushUs(), () => {
      this.underWay.delete(settle);
      run();
    });
  }

  get isFullNow(): boolean {
    return this.fullOneIn > 0 && this.dice.below(this.fullOneIn) === 0;
  }

  chance(): boolean {
    return this.dice.below(2) === 0;
  }

  loadUs(): number {
    return this.dice.below(LOAD_US_END);
  }
}

/** The store of one boot. */
export class StrictDiskStore implements StrictStore {
  highestStamp: StrictStamp;
  /** As the program sees them: put, and flushed. */
  private readonly versions = new Map<SectorIndex, Version>();
  private readonly putting = new Set<SectorRange>();
  private readonly loading = new Set<SectorRange>();

  constructor(
    private readonly disk: StrictDisk,
    private readonly world: World,
    private readonly actor: Actor,
  ) {
    let highest = STRICT_STAMP_INITIAL;
    for (const [sector, { stamp, origin }] of disk.copies) {
      this.versions.set(sector, { stamp, origin });
      highest = laterOf(highest, stamp);
    }
    this.highestStamp = highest;
  }

  versionOf(sector: SectorIndex): Version {
    return this.versions.get(sector) ?? VERSION_INITIAL;
  }

  isDamaged(): boolean {
    return false;
  }

  /** The disks are small. */
  unwrittenUntil(sector: SectorIndex): SectorIndex {
    return sector;
  }

  loadRange(range: SectorRange): Observable<readonly CopyRun[]> {
    return new Observable((subscriber) => {
      this.refuseOverlap(range, this.putting, 'is loaded while it is put');
      this.loading.add(range);
      this.world.schedule(this.actor, this.disk.loadUs(), () => {
        this.loading.delete(range);
        subscriber.next(this.runsOf(range));
        subscriber.complete();
      });
    });
  }

  putRanges(puts: readonly RangePut[]): Observable<PutOutcome> {
    if (puts.length === 0) return of('stored');
    return new Observable((subscriber) => {
      if (this.disk.isFullNow) {
        this.world.schedule(this.actor, this.disk.loadUs(), () => {
          subscriber.next('full');
          subscriber.complete();
        });
        return;
      }
      const copies = puts.flatMap((put) => this.begin(put));
      const settle = (): void => {
        for (const [sector, copy] of copies) if (this.disk.chance()) this.disk.keep(sector, copy);
      };
      const end = (): void => {
        for (const { range } of puts) this.putting.delete(range);
        for (const [sector, copy] of copies) {
          this.disk.keep(sector, copy);
          this.versions.set(sector, { stamp: copy.stamp, origin: copy.origin });
          this.highestStamp = laterOf(this.highestStamp, copy.stamp);
        }
        subscriber.next('stored');
        subscriber.complete();
      };
      this.disk.flushed(this.actor, end, settle);
    });
  }

  counts(): { readonly written: number; readonly damaged: number } {
    return { written: this.versions.size, damaged: 0 };
  }

  private begin({ range, stamp, origin, data }: RangePut): [SectorIndex, FlushedCopy][] {
    this.refuseOverlap(range, this.putting, 'is put while it is put');
    this.refuseOverlap(range, this.loading, 'is put while it is loaded');
    this.putting.add(range);
    return Array.from({ length: range.count }, (_, index) => {
      const sector = range.first + index;
      const held = this.disk.flushedOf(sector);
      if (typeof data === 'object' && 'held' in data) {
        if (compareStrictStamps(held.stamp, data.held) !== 0) {
          this.world.report('store', `sector ${sector} was to keep what it does not hold`);
        }
        return [sector, { stamp, origin, data: held.data }];
      }
      if (data !== 'zeros' && data.length !== range.count * SECTOR_SIZE_BYTES) {
        this.world.report('store', `${data.length} bytes were put into ${range.count} sectors`);
      }
      return [sector, { stamp, origin, data: sliceOfData(data, index, 1) }];
    });
  }

  /** The store relies on it (src/ports/strictStore.ts). */
  private refuseOverlap(range: SectorRange, others: ReadonlySet<SectorRange>, what: string): void {
    for (const other of others) {
      if (other === range || !overlap(other, range)) continue;
      this.world.report('store', `sector ${range.first} of process ${this.disk.rank} ${what}`);
    }
  }

  private runsOf(range: SectorRange): CopyRun[] {
    const runs: CopyRun[] = [];
    for (let sector = range.first; sector < endOf(range); sector += 1) {
      runs.push({ count: 1, data: this.disk.flushedOf(sector).data });
    }
    return runs;
  }
}

export class StrictDiskNotes implements Notes {
  readonly initial: ReadonlyMap<string, Uint8Array>;

  constructor(
    private readonly disk: StrictDisk,
    private readonly actor: Actor,
  ) {
    this.initial = new Map(disk.notes);
  }

  put(changes: NoteChanges): Observable<never> {
    return new Observable((subscriber) => {
      const copied = new Map(changes);
      const apply = (): void => {
        for (const [name, value] of copied) {
          if (value === null) this.disk.notes.delete(name);
          else this.disk.notes.set(name, value);
        }
      };
      const settle = (): void => {
        if (this.disk.chance()) apply();
      };
      this.disk.flushed(
        this.actor,
        () => {
          apply();
          subscriber.complete();
        },
        settle,
      );
    });
  }
}
