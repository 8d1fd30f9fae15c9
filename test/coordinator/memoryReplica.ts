/** A replica in memory, made of the pure decisions of src/core/strict/replica.ts. Its disk can be lost. */
import { assert } from '../../src/core/assert.js';
import type { Rank } from '../../src/core/rank.js';
import { SECTOR_SIZE_BYTES } from '../../src/core/sector.js';
import { PromiseTable } from '../../src/core/strict/promises.js';
import type { SectorRange } from '../../src/core/strict/range.js';
import { endOf, regionOf } from '../../src/core/strict/range.js';
import type { CopyPut, CopyView, DecidedRequest, LoadedRun } from '../../src/core/strict/replica.js';
import { decide, withCopies } from '../../src/core/strict/replica.js';
import type { RangeData, ReplicaAnswer, ReplicaRequest } from '../../src/core/strict/replicaMessage.js';
import { sliceOfData } from '../../src/core/strict/runs.js';
import type { StrictStamp, Version } from '../../src/core/strict/version.js';
import { STRICT_STAMP_INITIAL, VERSION_INITIAL, compareStrictStamps, laterOf } from '../../src/core/strict/version.js';

interface Copy extends Version {
  readonly data: RangeData;
}

/** How far above a promise `limit` is raised. */
const LIMIT_STEP = 100n;
const PROMISES_MAX = 1_000;

export class MemoryReplica {
  /** Of all processes, as this one knows them (E2). */
  readonly incarnations: number[];
  /** CONCLUDED that have arrived, and those of them that name a replica that lacks the version. */
  concludedCount = 0;
  lackingCount = 0;
  /** E1: it answers nothing until it has taken in what the others have. */
  isMember = true;
  #copies = new Map<number, Copy>();
  #promises = new PromiseTable(PROMISES_MAX);
  #limit = STRICT_STAMP_INITIAL;

  constructor(
    readonly rank: Rank,
    private readonly processCount: number,
  ) {
    this.incarnations = Array.from({ length: processCount }, () => 1);
  }

  /** @returns the answer; null: there is none. */
  handle(request: ReplicaRequest): ReplicaAnswer | null {
    if (!this.isMember) return null;
    if (request.kind === 'concluded') {
      this.concludedCount += 1;
      if (request.lacking.length > 0) this.lackingCount += 1;
      return null;
    }
    // Coordinators send none.
    if (request.kind === 'list') return null;
    return this.#decide(request);
  }

  versionOf(sector: number): Version {
    return this.#copies.get(sector) ?? VERSION_INITIAL;
  }

  /** The program ends and starts again: what was promised is lost, and every promise is at least `limit` (A4). */
  crash(): void {
    this.#promises = new PromiseTable(PROMISES_MAX);
    for (const sector of this.#copies.keys()) this.#promises.raiseFloor(regionOf(sector), this.#limit);
    this.#promises.raiseFloor(0, this.#limit);
  }

  /** E1. */
  loseDisk(): void {
    this.#copies = new Map();
    this.#promises = new PromiseTable(PROMISES_MAX);
    this.#limit = STRICT_STAMP_INITIAL;
    this.isMember = false;
  }

  /**
   * E2 and E3 at one instant.
   * @param members Those that are up.
   * @returns whether there are enough of them.
   */
  rejoin(members: readonly MemoryReplica[], sectors: number): boolean {
    const needed = Math.ceil(this.processCount / 2);
    if (members.length < needed) return false;
    const told = members.slice(0, needed);
    for (const index of this.incarnations.keys()) {
      this.incarnations[index] = Math.max(...told.map(({ incarnations }) => incarnations[index]));
    }
    this.incarnations[this.rank - 1] += 1;
    for (const { incarnations } of told) incarnations[this.rank - 1] = this.incarnations[this.rank - 1];
    for (let sector = 0; sector < sectors; sector += 1) {
      let promised = STRICT_STAMP_INITIAL;
      for (const member of told) {
        promised = laterOf(promised, member.#promisedOf(sector));
        const copy = member.#copies.get(sector);
        if (copy === undefined) continue;
        if (compareStrictStamps(copy.stamp, this.versionOf(sector).stamp) > 0) this.#copies.set(sector, copy);
      }
      if (compareStrictStamps(promised, this.versionOf(sector).stamp) > 0) {
        this.#promises.promise({ first: sector, count: 1 }, promised);
      }
      this.#raiseLimit(promised);
    }
    this.isMember = true;
    return true;
  }

  #promisedOf(sector: number): StrictStamp {
    return this.#promises.promisedOf(sector, this.versionOf(sector).stamp);
  }

  #decide(request: DecidedRequest): ReplicaAnswer {
    if (request.kind === 'order') this.#raiseLimit(request.stamp);
    const view: CopyView = {
      versionOf: (sector) => this.versionOf(sector),
      promisedOf: (sector) => this.#promisedOf(sector),
      isDamaged: () => false,
    };
    const { answer, loads, puts, promises } = decide(request, view);
    for (const put of puts) this.#put(put);
    for (const range of promises) {
      assert(request.kind === 'order', 'only an ORDER is promised');
      this.#promises.promise(range, request.stamp);
    }
    return loads.length === 0 ? answer : withCopies(answer, loads.map((range) => this.#load(range)).flat());
  }

  #put({ range, stamp, origin, data }: CopyPut): void {
    for (let sector = range.first; sector < endOf(range); sector += 1) {
      const isHeld = typeof data === 'object' && 'held' in data;
      const copy = isHeld ? (this.#copies.get(sector)?.data ?? 'zeros') : sliceOfData(data, sector - range.first, 1);
      this.#copies.set(sector, { stamp, origin, data: copy });
    }
    this.#promises.meet(range, stamp);
    this.#raiseLimit(stamp);
  }

  /** As a store does: one run, of zeros if all is zeros. */
  #load(range: SectorRange): LoadedRun {
    let whole: Uint8Array | null = null;
    for (let index = 0; index < range.count; index += 1) {
      const data = this.#copies.get(range.first + index)?.data ?? 'zeros';
      if (data === 'zeros') continue;
      if (range.count === 1) return { count: 1, data };
      whole ??= new Uint8Array(range.count * SECTOR_SIZE_BYTES);
      whole.set(data, index * SECTOR_SIZE_BYTES);
    }
    return { count: range.count, data: whole ?? 'zeros' };
  }

  /** In a real replica it is durable before the promise is made. */
  #raiseLimit({ counter }: StrictStamp): void {
    if (counter < this.#limit.counter) return;
    this.#limit = { counter: counter + LIMIT_STEP, coordinator: '\xff'.repeat(16) };
  }
}
