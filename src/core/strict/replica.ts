/**
 * The decisions of a replica of the strict register for one range (docs/strict-register.md, clauses A1 to A3 and D1;
 * A4 is in promises.ts). Pure: the caller keeps the copies and the promises, and must not let two requests for a sector
 * overlap.
 */
import { assert, unreachable } from '../assert.js';
import type { SectorIndex } from '../sector.js';
import { endOf, intersectionOf, type SectorRange } from './range.js';
import type {
  HeldData,
  OrderedRun,
  OrderWants,
  RangeData,
  ReplicaAnswer,
  ReplicaRequest,
  StateRun,
  StoredRun,
} from './replicaMessage.js';
import { sliceOfData, type Run } from './runs.js';
import { compareStrictStamps, type StrictStamp, type Version } from './version.js';

/** The copies of a replica as its decisions see them: from memory. */
export interface CopyView {
  versionOf(sector: SectorIndex): Version;
  /** At least the stamp of the version. */
  promisedOf(sector: SectorIndex): StrictStamp;
  isDamaged(sector: SectorIndex): boolean;
}

/** A change of all sectors of a range, as `RangePut` of src/ports/strictStore.ts. */
export interface CopyPut extends Version {
  readonly range: SectorRange;
  readonly data: RangeData | HeldData;
}

export interface ReplicaDecision {
  /** Without data. To be sent when the promises are made, and the puts are flushed. */
  readonly answer: DecidedAnswer;
  /** What is to be loaded, in this order, and added by `withCopies`. */
  readonly loads: readonly SectorRange[];
  /** To be flushed, and then met (`PromiseTable.meet`), before the answer. If they find no room: `whenFull`. */
  readonly puts: readonly CopyPut[];
  /** What is to be promised to the stamp of the request. */
  readonly promises: readonly SectorRange[];
}

/** Requests about the copies of a range that are answered. */
export type DecidedRequest = Exclude<ReplicaRequest, { readonly kind: 'concluded' | 'list' }>;

/** Answers to them. */
export type DecidedAnswer = Exclude<ReplicaAnswer, { readonly kind: 'listed' }>;

/** For an ORDER, `limit` has to be at least its stamp, durably, before this is called (A2). */
export function decide(request: DecidedRequest, view: CopyView): ReplicaDecision {
  switch (request.kind) {
    case 'query':
      return query(request.range, request.wantsData, view);
    case 'order':
      return order(request.range, request.stamp, request.wants, view);
    case 'store':
      return store(request, view);
    case 'learn':
      return learn(request, view);
    default:
      return unreachable(request);
  }
}

const NONE: readonly never[] = [];

/** A1. */
function query(range: SectorRange, wantsData: boolean, view: CopyView): ReplicaDecision {
  const runs: StateRun[] = [];
  const end = endOf(range);
  for (let first = range.first; first < end;) {
    const version = view.versionOf(first);
    const promised = view.promisedOf(first);
    const isDamaged = view.isDamaged(first);
    let next = first + 1;
    while (next < end && isAlike(view, next, version, isDamaged) && isSame(view.promisedOf(next), promised)) next += 1;
    runs.push({ count: next - first, version, promised, data: isDamaged ? 'damaged' : null });
    first = next;
  }
  return { answer: { kind: 'state', runs }, loads: wantsData ? [range] : NONE, puts: NONE, promises: NONE };
}

/** A2. */
function order(range: SectorRange, stamp: StrictStamp, wants: OrderWants, view: CopyView): ReplicaDecision {
  const runs: OrderedRun[] = [];
  const promises: SectorRange[] = [];
  const end = endOf(range);
  for (let first = range.first; first < end;) {
    const version = view.versionOf(first);
    const promised = view.promisedOf(first);
    const isDamaged = view.isDamaged(first);
    const isGranted = grants(stamp, promised, version);
    let next = first + 1;
    if (isGranted) {
      const isAsked = wants !== 'nothing';
      while (next < end && grants(stamp, view.promisedOf(next), view.versionOf(next))) {
        if (isAsked && !isAlike(view, next, version, isDamaged)) break;
        next += 1;
      }
      const data = isAsked && isDamaged ? 'damaged' : null;
      runs.push({ outcome: 'granted', count: next - first, version: isAsked ? version : null, data });
      addRange(promises, first, next - first);
    } else {
      while (next < end && isSame(view.promisedOf(next), promised)) {
        if (grants(stamp, promised, view.versionOf(next))) break;
        next += 1;
      }
      runs.push({ outcome: 'refused', count: next - first, promised });
    }
    first = next;
  }
  return { answer: { kind: 'ordered', runs }, loads: wants === 'data' ? promises : NONE, puts: NONE, promises };
}

/** Whether ORDER(stamp) is granted: it is above the promise, or it repeats the ORDER that was promised to. */
function grants(stamp: StrictStamp, promised: StrictStamp, version: Version): boolean {
  const difference = compareStrictStamps(stamp, promised);
  return difference > 0 || (difference === 0 && compareStrictStamps(version.stamp, stamp) < 0);
}

/** A3. There is no other case: nothing below the promise is acknowledged (E5). */
function store(request: ReplicaRequest & { readonly kind: 'store' }, view: CopyView): ReplicaDecision {
  const { range, stamp, data } = request;
  const held = typeof data === 'object' && 'held' in data ? data.held : null;
  const decision = new StoreDecision(request);
  const end = endOf(range);
  for (let sector = range.first; sector < end; sector += 1) {
    const promised = view.promisedOf(sector);
    const version = view.versionOf(sector);
    const isDamaged = view.isDamaged(sector);
    if (compareStrictStamps(stamp, promised) < 0) decision.refuse(promised);
    else if (isSame(version.stamp, stamp) && !isDamaged) decision.acknowledge();
    else if (held !== null && (isDamaged || !isSame(version.stamp, held))) decision.lack();
    else decision.put(sector);
  }
  return decision.result();
}

/** D1. A damaged copy of the same version is mended, because its data is as good as lost. */
function learn(request: ReplicaRequest & { readonly kind: 'learn' }, view: CopyView): ReplicaDecision {
  const decision = new StoreDecision(request);
  const end = endOf(request.range);
  for (let sector = request.range.first; sector < end; sector += 1) {
    const difference = compareStrictStamps(request.stamp, view.versionOf(sector).stamp);
    if (difference > 0 || (difference === 0 && view.isDamaged(sector))) decision.put(sector);
    else decision.acknowledge();
  }
  return decision.result();
}

/** Collects what is decided sector by sector: an object only where the outcome changes. */
class StoreDecision {
  readonly #runs: StoredRun[] = [];
  readonly #puts: SectorRange[] = [];
  #outcome: 'stored' | 'refused' | 'lacks' = 'stored';
  #promised: StrictStamp | null = null;
  #count = 0;

  constructor(private readonly request: ReplicaRequest & { readonly kind: 'store' | 'learn' }) {}

  acknowledge(): void {
    this.#add('stored', null);
  }

  put(sector: SectorIndex): void {
    this.#add('stored', null);
    addRange(this.#puts, sector, 1);
  }

  lack(): void {
    this.#add('lacks', null);
  }

  refuse(promised: StrictStamp): void {
    this.#add('refused', promised);
  }

  result(): ReplicaDecision {
    this.#close();
    const { range, stamp, origin, data } = this.request;
    const puts = this.#puts.map((put) => ({ range: put, stamp, origin, data: dataOf(data, range, put) }));
    return { answer: { kind: 'stored', runs: this.#runs }, loads: NONE, puts, promises: NONE };
  }

  #add(outcome: 'stored' | 'refused' | 'lacks', promised: StrictStamp | null): void {
    const isAlike =
      outcome === this.#outcome && (promised === null || (this.#promised !== null && isSame(promised, this.#promised)));
    if (!isAlike) {
      this.#close();
      this.#outcome = outcome;
      this.#promised = promised;
    }
    this.#count += 1;
  }

  #close(): void {
    const [outcome, promised, count] = [this.#outcome, this.#promised, this.#count];
    this.#count = 0;
    if (count === 0) return;
    if (outcome !== 'refused') this.#runs.push({ outcome, count });
    else if (promised !== null) this.#runs.push({ outcome, count, promised });
  }
}

function dataOf(data: RangeData | HeldData, range: SectorRange, put: SectorRange): RangeData | HeldData {
  if (typeof data === 'object' && 'held' in data) return data;
  return sliceOfData(data, put.first - range.first, put.count);
}

/** The answer to a STORE or LEARN whose puts found no room: what needed no put keeps its outcome. */
export function whenFull({ range }: DecidedRequest, { answer, puts }: ReplicaDecision): DecidedAnswer {
  assert(answer.kind === 'stored', `a put for an answer of kind ${answer.kind}`);
  const runs: StoredRun[] = [];
  let first = range.first;
  for (const run of answer.runs) {
    if (run.outcome === 'stored') addWhereFull(runs, { first, count: run.count }, puts);
    else runs.push(run);
    first += run.count;
  }
  return { kind: 'stored', runs };
}

function addWhereFull(runs: StoredRun[], stored: SectorRange, puts: readonly CopyPut[]): void {
  let at = stored.first;
  for (const put of puts) {
    const full = intersectionOf(put.range, stored);
    if (full === null) continue;
    if (full.first > at) runs.push({ outcome: 'stored', count: full.first - at });
    runs.push({ outcome: 'full', count: full.count });
    at = endOf(full);
  }
  if (at < endOf(stored)) runs.push({ outcome: 'stored', count: endOf(stored) - at });
}

/** Loaded copies, as `CopyRun` of src/ports/strictStore.ts. */
export interface LoadedRun extends Run {
  readonly data: RangeData | 'damaged';
}

/** @returns the answer with the copies of all of `loads`, one behind the other. */
export function withCopies(answer: DecidedAnswer, copies: readonly LoadedRun[]): DecidedAnswer {
  const reader = new CopyReader(copies);
  switch (answer.kind) {
    case 'state':
      return { kind: 'state', runs: answer.runs.flatMap((run) => reader.fill(run)) };
    case 'ordered':
      return {
        kind: 'ordered',
        runs: answer.runs.flatMap<OrderedRun>((run) => (run.outcome === 'granted' ? reader.fill(run) : [run])),
      };
    case 'stored':
      return answer;
    default:
      return unreachable(answer);
  }
}

class CopyReader {
  #index = 0;
  #from = 0;

  constructor(private readonly copies: readonly LoadedRun[]) {}

  /** The run in as many pieces as its copies have. */
  fill<R extends Run>(run: R): R[] {
    const pieces: R[] = [];
    for (let left = run.count; left > 0;) {
      assert(this.#index < this.copies.length, `copies for ${left} more sectors were to be there`);
      const copy = this.copies[this.#index];
      const count = Math.min(left, copy.count - this.#from);
      const data = copy.data === 'damaged' ? copy.data : sliceOfData(copy.data, this.#from, count);
      pieces.push({ ...run, count, data });
      left -= count;
      this.#from += count;
      if (this.#from === copy.count) {
        this.#index += 1;
        this.#from = 0;
      }
    }
    return pieces;
  }
}

function isSame(a: StrictStamp, b: StrictStamp): boolean {
  return a === b || compareStrictStamps(a, b) === 0;
}

function isAlike(view: CopyView, sector: SectorIndex, version: Version, isDamaged: boolean): boolean {
  // A settle of a range gives one stamp to versions of several origins.
  const { stamp, origin } = view.versionOf(sector);
  return isSame(stamp, version.stamp) && isSame(origin, version.origin) && view.isDamaged(sector) === isDamaged;
}

/** Makes the last range longer if the new one is right behind it. */
function addRange(ranges: SectorRange[], first: SectorIndex, count: number): void {
  const last = ranges.at(-1);
  if (last !== undefined && endOf(last) === first) {
    ranges[ranges.length - 1] = { first: last.first, count: last.count + count };
  } else ranges.push({ first, count });
}
