/**
 * What a replica keeps durable of promises: the limit (A2, A4) and the active regions (docs/strict-register.md, "After
 * crashes").
 *
 * ```
 * note                    says
 * strict-limit            no promise has a counter at or above this one
 * strict-active-<region>  the region may hold what a crash leaves undecided
 * strict-stopped          the last stop was orderly: the floor holds in the regions that it lists, and in no other
 * strict-forgotten        what replicas lack is not all on record: all copies have to be compared
 * ```
 *
 * The limit is raised far ahead, so ORDERs do not wait for it. Regions are put into the set together, for all requests
 * of a turn, and are taken out when their places are wanted or when they have been idle for a while.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { EMPTY, Subject, concat, defer } from 'rxjs';
import type { ActiveRegions } from '../../../src/core/strict/activeRegions.js';
import { regionOf } from '../../../src/core/strict/range.js';
import type { ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import type { StrictStamp } from '../../../src/core/strict/version.js';
import { COORDINATOR_NONE, COUNTER_REFUSED } from '../../../src/core/strict/version.js';
import { AtomicDiskError } from '../../../src/errors.js';
import type { NoteChanges, Notes } from '../../../src/ports/notes.js';
import { retryWithoutRoom } from '../../retryWithoutRoom.js';
import type { NoteFormat } from '../notes.js';
import { jsonNote, readNote } from '../notes.js';

const NOTE_LIMIT = 'strict-limit';
const NOTE_STOPPED = 'strict-stopped';
const NOTE_ACTIVE = 'strict-active-';
const NOTE_FORGOTTEN = 'strict-forgotten';

const LIMIT: NoteFormat<bigint> = {
  what: `a counter from 1 to ${String(COUNTER_REFUSED)}`,
  write: (value) => Buffer.from(String(value)),
  read: (bytes) => {
    const text = Buffer.from(bytes).toString('utf8');
    if (!/^[1-9]\d{0,18}$/.test(text)) return undefined;
    const value = BigInt(text);
    return value <= COUNTER_REFUSED ? value : undefined;
  },
};

const STOPPED = jsonNote<readonly number[]>(
  'a list of regions',
  (promised) => ({ promised }),
  ({ promised }) => (Array.isArray(promised) && promised.every(isRegion) ? promised : undefined),
);

/** How far the limit is raised above the highest counter: some 40 seconds of 100,000 writes a second. */
const LIMIT_AHEAD = 1n << 22n;

/** If places are wanted, so many regions with nothing open are taken out together, so that it is not done each time. */
const CLEARED_TOGETHER = 64;

/** What the notes said at the start. */
export interface RegionsAtStart {
  readonly active: readonly number[];
  /** The regions in which promises may have been lost (A4). */
  readonly withFloor: readonly number[];
  /** The promise that all sectors of `withFloor` have at least. */
  readonly floor: StrictStamp;
}

export interface RegionNotesOptions {
  readonly notes: Notes;
  readonly regions: ActiveRegions;
  /** At or above every stamp in the store. */
  readonly highestStamp: StrictStamp;
  readonly clock: SchedulerLike;
}

export class RegionNotes {
  readonly #options: RegionNotesOptions;
  readonly #wake = new Subject<void>();
  readonly atStart: RegionsAtStart;
  /** Every promise of this boot is below this counter. Durable. 0: `prepare` was not called yet. */
  #limit = 0n;
  /** The highest counter of an ORDER, STORE or LEARN so far, of the store at the start, and of the limit then. */
  #highest: bigint;
  /** Requests wait for a region, and all places are taken by open ones. */
  #isStarved = false;
  #isClearingDue = false;
  #isStopped = false;

  /** @throws {AtomicDiskError} ATDD_STORE_CORRUPT if a note is not of its format. */
  constructor(options: RegionNotesOptions) {
    this.#options = options;
    const { notes, highestStamp } = options;
    this.atStart = readAtStart(notes);
    const { floor } = this.atStart;
    this.#highest = floor.counter > highestStamp.counter ? floor.counter : highestStamp.counter;
    for (const region of this.atStart.active) options.regions.restore(region);
    if (notes.initial.has(NOTE_FORGOTTEN)) options.regions.forget();
  }

  /** Emits when `prepare` may have something to do though no request waits. */
  get wake$(): Observable<void> {
    return this.#wake.asObservable();
  }

  /**
   * At or above the counters of all stamps that were promised, or stored by requests. It is not the limit of now: that
   * is above them, and would rise with what is believed because of it.
   */
  get highestCounter(): bigint {
    return this.#highest;
  }

  /** Whether anything may be told of the copies: not before the note of an orderly stop is gone. */
  get hasBegun(): boolean {
    return this.#limit !== 0n;
  }

  /** Whether all regions are open and more are wanted. */
  get isStarved(): boolean {
    return this.#isStarved;
  }

  /**
   * Whether the request may be handled: what it may promise is covered, and its region is in the durable set. At first
   * none is ready, because the note of an orderly stop has to go before anything is answered.
   */
  isReady(request: ReplicaRequest): boolean {
    if (!this.hasBegun) return false;
    switch (request.kind) {
      case 'query':
      case 'list':
      case 'concluded':
        return true;
      case 'order':
        if (request.stamp.counter >= this.#limit) return false;
        break;
      case 'store':
      case 'learn':
        break;
    }
    return !this.#isStopped && this.#options.regions.isActive(regionOf(request.range.first));
  }

  /** A request that is ready begins. `leave` has to be called when it is over. */
  enter(request: ReplicaRequest): void {
    if (!usesRegion(request)) return;
    this.#options.regions.enter(regionOf(request.range.first));
    const { counter } = request.stamp;
    if (counter <= this.#highest) return;
    const wasAhead = isFarAhead(this.#limit, this.#highest);
    this.#highest = counter;
    if (wasAhead && !isFarAhead(this.#limit, counter)) this.#wake.next();
  }

  leave(request: ReplicaRequest): void {
    const region = regionOf(request.range.first);
    if (usesRegion(request)) this.#options.regions.leave(region);
    this.changed(region);
  }

  /** Less may be open in the region than before. */
  changed(region: number): void {
    if (!this.#isStarved || this.#options.regions.isHeld(region)) return;
    this.#isStarved = false;
    this.#wake.next();
  }

  /** To be called at intervals: regions that have been idle are taken out, in the background. */
  clearIdle(): void {
    this.#isClearingDue = true;
    this.#wake.next();
  }

  /** Makes ready as many of the requests as there is room for. Must not overlap with itself. */
  prepare(waiting: readonly ReplicaRequest[]): Observable<never> {
    return defer(() => {
      if (this.#isStopped) return EMPTY;
      const changes = new Map<string, Uint8Array | null>();
      for (const request of waiting) {
        if (request.kind === 'order' && request.stamp.counter > this.#highest) this.#highest = request.stamp.counter;
      }
      const limit = isFarAhead(this.#limit, this.#highest) ? this.#limit : aheadOf(this.#highest);
      if (limit > this.#limit) changes.set(NOTE_LIMIT, LIMIT.write(limit));
      if (this.#limit === 0n) changes.set(NOTE_STOPPED, null);
      const added = this.#place(waiting, changes);
      if (changes.size === 0) return EMPTY;
      return this.#put(changes, () => {
        this.#limit = limit;
        for (const region of added) this.#options.regions.activate(region);
      });
    });
  }

  /**
   * E2: promises of others up to that counter are taken over in these regions. They are in the durable set when it
   * completes, which they may exceed: what was promised cannot be refused.
   */
  adopt(adopted: readonly number[], counter: bigint): Observable<never> {
    return defer(() => {
      const { regions } = this.#options;
      if (counter > this.#highest) this.#highest = counter;
      const changes = new Map<string, Uint8Array | null>();
      const limit = isFarAhead(this.#limit, this.#highest) ? this.#limit : aheadOf(this.#highest);
      if (limit > this.#limit) changes.set(NOTE_LIMIT, LIMIT.write(limit));
      if (this.#limit === 0n) changes.set(NOTE_STOPPED, null);
      for (const region of adopted) {
        if (!regions.isActive(region)) changes.set(NOTE_ACTIVE + String(region), new Uint8Array(0));
      }
      if (changes.size === 0) return EMPTY;
      return this.#put(changes, () => {
        if (limit > this.#limit) this.#limit = limit;
        for (const region of adopted) regions.activate(region);
      });
    });
  }

  /** All copies were compared and brought to one version, after so many regions had been forgotten. */
  compared(forgotten: number): Observable<never> {
    return defer(() => {
      const { regions } = this.#options;
      if (this.#isStopped || regions.forgotten !== forgotten) return EMPTY;
      // What is forgotten meanwhile is noted by a later put.
      return this.#put(new Map([[NOTE_FORGOTTEN, null]]), () => {
        regions.compared(forgotten);
      });
    });
  }

  /** @returns the regions for which there is a place; `changes` gets them, and those that leave theirs. */
  #place(waiting: readonly ReplicaRequest[], changes: Map<string, Uint8Array | null>): readonly number[] {
    const { regions } = this.#options;
    const wanted = new Set<number>();
    for (const request of waiting) {
      const region = regionOf(request.range.first);
      if (usesRegion(request) && !regions.isActive(region)) wanted.add(region);
    }
    const missing = wanted.size - regions.room;
    const { forgotten } = regions;
    const cleared = missing > 0 ? regions.clear(Math.max(missing, CLEARED_TOGETHER), true) : [];
    // Durable before the regions are out of the set: in the same put.
    if (regions.forgotten !== forgotten) changes.set(NOTE_FORGOTTEN, new Uint8Array(0));
    if (this.#isClearingDue) cleared.push(...regions.clear(regions.size, false));
    this.#isClearingDue = false;
    for (const region of cleared) changes.set(NOTE_ACTIVE + String(region), null);
    const added = [...wanted].slice(0, Math.max(0, regions.room));
    this.#isStarved = added.length < wanted.size;
    for (const region of added) changes.set(NOTE_ACTIVE + String(region), new Uint8Array(0));
    return added;
  }

  /**
   * An orderly stop: no further request begins, and the next start needs the floor only where something is promised
   * above what is stored, or may be by a request that is under way.
   *
   * @param promised The regions in which something is promised above what is stored.
   */
  stop(promised: readonly number[]): Observable<never> {
    return defer(() => {
      this.#isStopped = true;
      if (this.#limit === 0n) return EMPTY;
      const withFloor = new Set([...promised, ...this.#options.regions.inUse()]);
      return this.#put(new Map([[NOTE_STOPPED, STOPPED.write([...withFloor])]]), () => undefined);
    });
  }

  #put(changes: NoteChanges, done: () => void): Observable<never> {
    const { notes, clock } = this.#options;
    return concat(
      notes.put(changes).pipe(retryWithoutRoom(clock)),
      defer(() => {
        done();
        return EMPTY;
      }),
    );
  }
}

type Changing = ReplicaRequest & { readonly kind: 'order' | 'store' | 'learn' };

function usesRegion(request: ReplicaRequest): request is Changing {
  const { kind } = request;
  return kind === 'order' || kind === 'store' || kind === 'learn';
}

function aheadOf(counter: bigint): bigint {
  const limit = counter + LIMIT_AHEAD;
  return limit < COUNTER_REFUSED ? limit : COUNTER_REFUSED;
}

function isFarAhead(limit: bigint, counter: bigint): boolean {
  return limit === COUNTER_REFUSED || limit - counter > LIMIT_AHEAD / 2n;
}

function isRegion(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function readAtStart(notes: Notes): RegionsAtStart {
  const active: number[] = [];
  for (const name of notes.initial.keys()) if (name.startsWith(NOTE_ACTIVE)) active.push(regionIn(name));
  active.sort((a, b) => a - b);
  const limit = readNote(notes, NOTE_LIMIT, LIMIT);
  if (limit === null && active.length > 0) {
    throw new AtomicDiskError('ATDD_STORE_CORRUPT', `the store has ${active.length} active regions, but no limit`);
  }
  const promised = readNote(notes, NOTE_STOPPED, STOPPED);
  return {
    active,
    withFloor: promised ?? active,
    floor: { counter: limit ?? 0n, coordinator: COORDINATOR_NONE },
  };
}

function regionIn(name: string): number {
  const digits = name.slice(NOTE_ACTIVE.length);
  const region = Number(digits);
  if (/^(?:0|[1-9]\d*)$/.test(digits) && isRegion(region)) return region;
  throw new AtomicDiskError('ATDD_STORE_CORRUPT', `the store has a note ${name}: its name ends in no region`);
}
