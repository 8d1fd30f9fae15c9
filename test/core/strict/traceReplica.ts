/**
 * A replica of a trace (test/core/strict/traces.test.ts): the production decisions and promises, over copies in memory.
 */
import { PromiseTable } from '../../../src/core/strict/promises.js';
import { endOf, type SectorRange } from '../../../src/core/strict/range.js';
import { type DecidedAnswer, decide, withCopies, type DecidedRequest } from '../../../src/core/strict/replica.js';
import { sliceOfData } from '../../../src/core/strict/runs.js';
import {
  STRICT_STAMP_INITIAL,
  VERSION_INITIAL,
  laterOf,
  type StrictStamp,
  type Version,
} from '../../../src/core/strict/version.js';
import { contentOf, name } from './make.js';

/** Sectors of a trace. */
export const SECTOR_COUNT = 4;

interface Copy {
  readonly version: Version;
  readonly data: Uint8Array | 'zeros';
}

const NEVER: Copy = { version: VERSION_INITIAL, data: 'zeros' };

export class TraceReplica {
  incarnation = 0;
  known: number[];
  /** Whom it has listed while it joins; null: it is a member. */
  listed: Set<number> | null = null;
  #copies: Copy[] = Array.from({ length: SECTOR_COUNT }, () => NEVER);
  #promises = new PromiseTable(100);
  /** Durable, and raised ahead of what is promised. */
  #limit = STRICT_STAMP_INITIAL;

  constructor(
    readonly rank: number,
    processCount: number,
  ) {
    this.known = Array.from({ length: processCount }, () => 0);
  }

  handle(request: DecidedRequest): DecidedAnswer {
    const { answer, loads, puts, promises } = decide(request, {
      versionOf: (sector) => this.#copies[sector].version,
      promisedOf: (sector) => this.promisedOf(sector),
      isDamaged: () => false,
    });
    const copies = loads.flatMap(({ first, count }) =>
      this.#copies.slice(first, first + count).map(({ data }) => ({ count: 1, data })),
    );
    for (const range of promises) if (request.kind === 'order') this.#promise(range, request.stamp);
    for (const { range, stamp, origin, data } of puts) {
      for (let sector = range.first; sector < endOf(range); sector += 1) {
        const isHeld = typeof data === 'object' && 'held' in data;
        const next = isHeld ? this.#copies[sector].data : sliceOfData(data, sector - range.first, 1);
        this.#copies[sector] = { version: { stamp, origin }, data: next };
      }
      this.#promises.meet(range, stamp);
    }
    return copies.length === 0 ? answer : withCopies(answer, copies);
  }

  promisedOf(sector: number): StrictStamp {
    return this.#promises.promisedOf(sector, this.#copies[sector].version.stamp);
  }

  /** A4: after a crash. */
  restart(): void {
    this.#promises = new PromiseTable(100);
    this.#promises.raiseFloor(0, this.#limit);
  }

  /** E1. */
  loseDisk(): void {
    this.incarnation += 1;
    this.known = this.known.map((_, index) => (index + 1 === this.rank ? this.incarnation : 0));
    this.listed = new Set();
    this.#copies = this.#copies.map(() => NEVER);
    this.#promises = new PromiseTable(100);
  }

  /** E2, E3: the other notes the incarnation, then it lists. */
  list(other: TraceReplica, needed: number): void {
    other.known[this.rank - 1] = this.incarnation;
    this.known = this.known.map((one, index) => Math.max(one, other.known[index]));
    for (const [sector, copy] of other.#copies.entries()) {
      const { stamp } = copy.version;
      if (laterOf(this.#copies[sector].version.stamp, stamp) === stamp) this.#copies[sector] = copy;
      const promised = other.promisedOf(sector);
      if (promised !== this.promisedOf(sector)) {
        this.#promise({ first: sector, count: 1 }, laterOf(promised, this.promisedOf(sector)));
      }
    }
    this.listed?.add(other.rank);
    if (this.listed !== null && this.listed.size >= needed) this.listed = null;
  }

  describe(): string {
    const runs: string[] = [];
    for (const [sector, { version, data }] of this.#copies.entries()) {
      const promised = this.promisedOf(sector);
      const above = name(promised) === name(version.stamp) ? '' : ` promised ${name(promised)}`;
      const origin = name(version.origin) === name(version.stamp) ? '' : `/${name(version.origin)}`;
      runs.push(`${name(version.stamp)}${origin} ${contentOf(data)}${above}`);
    }
    while (runs.length > 1 && runs.at(-1) === '0 zeros') runs.pop();
    const state = this.listed === null ? '' : ', joining';
    return `${runs.join(' | ')} (incarnation ${this.incarnation}${state})`;
  }

  #promise(range: SectorRange, stamp: StrictStamp): void {
    this.#promises.promise(range, stamp);
    this.#limit = laterOf(this.#limit, { counter: stamp.counter + 10n, coordinator: 'L'.padStart(16, '.') });
  }
}
