import type { Observable, OperatorFunction, SchedulerLike } from 'rxjs';
import { EMPTY, concat, defer, map, merge, of, reduce } from 'rxjs';
import { assert } from '../src/core/assert.js';
import type { Claim } from '../src/core/conflicts.js';
import { ExtentBatch } from '../src/core/strict/extentBatch.js';
import type { ActiveRegions } from '../src/core/strict/activeRegions.js';
import type { PromiseTable } from '../src/core/strict/promises.js';
import type { SectorRange } from '../src/core/strict/range.js';
import { extentOf } from '../src/core/strict/range.js';
import type { CopyView, DecidedRequest, ReplicaDecision } from '../src/core/strict/replica.js';
import { decide, whenFull, withCopies } from '../src/core/strict/replica.js';
import type { SectorIndex } from '../src/core/sector.js';
import type { ListedExtents, ReplicaAnswer, ReplicaRequest } from '../src/core/strict/replicaMessage.js';
import type { PutOutcome } from '../src/ports/store.js';
import type { CopyRun, RangePut, StrictStore } from '../src/ports/strictStore.js';
import type { Handled } from './batchByKey.js';
import { batchByKey } from './batchByKey.js';
import { putTogether } from './putTogether.js';

/** A request to this replica. `origin` says whom to answer, and is passed through. */
export interface RequestFrom<Origin> {
  readonly origin: Origin;
  readonly request: ReplicaRequest;
}

export interface ReplicaRegistersOptions {
  readonly store: StrictStore;
  readonly promises: PromiseTable;
  /** Is told what was stored, learnt and concluded. */
  readonly regions: Pick<ActiveRegions, 'stored' | 'learnt' | 'concluded'>;
  /** Answers LIST: the extents from that sector on. */
  readonly list: (from: SectorIndex) => ListedExtents;
  readonly turn: SchedulerLike;
  /** Called with sectors whose copy was found to be damaged. Default: nothing is. */
  readonly damaged?: (range: SectorRange) => void;
}

/** A request that is over, and its answer; null: it has none (CONCLUDED). */
export type Answered<Origin> = Handled<RequestFrom<Origin>, ReplicaAnswer | null>;

/**
 * The registers of a replica (docs/strict-register.md, A1 to A3, D1): requests in, answers out. An answer is emitted
 * when all that it promises is on the disk.
 *
 * ```
 * requests   -ab--c----|     a, c = STOREs, b = a QUERY for the sector of a
 * putRanges  ---(s|)         takes three frames
 * answers    ----(ab)c-|     a and b after the flush of a
 * ```
 *
 * Requests for a sector conflict if one of them is a STORE or a LEARN. Those that conflict with none before them go at
 * once. The others of the extent go together when they may, as one batch: each is decided upon the versions that the
 * ones before it are about to put (src/core/strict/extentBatch.ts), and all puts of a turn, of all extents, share one
 * flush. A request that loads data is in no batch with a put that it conflicts with.
 *
 * The caller sees to it that an ORDER is below the limit, and that the region of an ORDER, STORE or LEARN is active
 * (streams/holdUntilReady.ts).
 *
 * An error of the store, or a broken invariant, ends the stream: the process has to stop.
 */
export function replicaRegisters<Origin>(
  options: ReplicaRegistersOptions,
): OperatorFunction<RequestFrom<Origin>, Answered<Origin>> {
  return (request$) => {
    const handler = new Handler<Origin>(options);
    return request$.pipe(
      batchByKey<RequestFrom<Origin>, ReplicaAnswer | null>({
        keyOf: ({ request }) => extentOf(request.range),
        claimOf: ({ request }) => claimOf(request),
        handle: (batch) => handler.handle(batch),
      }),
    );
  };
}

function claimOf(request: ReplicaRequest): Claim {
  const { first, count } = request.range;
  return { first, count, isExclusive: puts(request), mayJoin: !loads(request) };
}

function puts({ kind }: ReplicaRequest): boolean {
  return kind === 'store' || kind === 'learn';
}

function loads(request: ReplicaRequest): boolean {
  return (request.kind === 'query' && request.wantsData) || (request.kind === 'order' && request.wants === 'data');
}

/** A request that waits for the flush of its batch. */
interface Pending<Origin> {
  readonly cause: RequestFrom<Origin>;
  /** null: of a CONCLUDED. */
  readonly decision: ReplicaDecision | null;
}

class Handler<Origin> {
  readonly #options: ReplicaRegistersOptions;
  readonly #put: (puts: readonly RangePut[]) => Observable<PutOutcome>;
  /** The copies as they are in the store. */
  readonly #view: CopyView;

  constructor(options: ReplicaRegistersOptions) {
    const { store, promises, turn } = options;
    this.#options = options;
    this.#put = putTogether(store, turn);
    this.#view = {
      versionOf: (sector) => store.versionOf(sector),
      promisedOf: (sector) => promises.promisedOf(sector, store.versionOf(sector).stamp),
      isDamaged: (sector) => store.isDamaged(sector),
    };
  }

  handle(causes: readonly RequestFrom<Origin>[]): Observable<Answered<Origin>[]> {
    const batch = new ExtentBatch(this.#view, causes[0].request.range);
    const due: Answered<Origin>[] = [];
    const pending: Pending<Origin>[] = [];
    const loading: Observable<Answered<Origin>[]>[] = [];
    for (const cause of causes) {
      const { request } = cause;
      const isPending = batch.puts(request.range);
      if (request.kind === 'concluded') {
        if (isPending) pending.push({ cause, decision: null });
        else due.push({ value: cause, result: this.#conclude(cause) });
        continue;
      }
      if (request.kind === 'list') {
        // What is still to be flushed is not in it: as if the STORE had come later.
        const listed = this.#options.list(request.range.first);
        due.push({ value: cause, result: { kind: 'listed', ...listed } });
        continue;
      }
      const decision = this.#decide(request, batch);
      if (decision.loads.length > 0) loading.push(this.#load(cause, decision));
      else if (isPending || decision.puts.length > 0) {
        batch.take(decision.puts, request.kind === 'learn');
        pending.push({ cause, decision });
      } else due.push({ value: cause, result: decision.answer });
    }
    if (pending.length === 0 && loading.length === 0) return of(due);
    return merge(
      due.length > 0 ? of(due) : EMPTY,
      ...loading,
      pending.length > 0 ? defer(() => this.#flush(batch, pending)) : EMPTY,
    );
  }

  /** Promises are made at once: to promise what is then not answered is allowed. */
  #decide(request: DecidedRequest, view: CopyView): ReplicaDecision {
    const decision = decide(request, view);
    if (request.kind === 'order') {
      for (const range of decision.promises) this.#options.promises.promise(range, request.stamp);
    }
    return decision;
  }

  #load(cause: RequestFrom<Origin>, { answer, loads: ranges }: ReplicaDecision): Observable<Answered<Origin>[]> {
    const { store } = this.#options;
    const copies$ =
      ranges.length === 1 ? store.loadRange(ranges[0]) : inOrder(ranges.map((range) => store.loadRange(range)));
    return copies$.pipe(
      map((copies) => {
        this.#noteDamaged(ranges, copies);
        return [{ value: cause, result: withCopies(answer, copies) }];
      }),
    );
  }

  #noteDamaged(ranges: readonly SectorRange[], copies: readonly CopyRun[]): void {
    const { damaged } = this.#options;
    if (damaged === undefined || copies.every(({ data }) => data !== 'damaged')) return;
    const loaded = ranges.flatMap(({ first, count }) => Array.from({ length: count }, (_, index) => first + index));
    let at = 0;
    for (const { count, data } of copies) {
      if (data === 'damaged') for (const first of loaded.slice(at, at + count)) damaged({ first, count: 1 });
      at += count;
    }
  }

  #flush(batch: ExtentBatch, pending: readonly Pending<Origin>[]): Observable<Answered<Origin>[]> {
    const { promises, regions } = this.#options;
    const made = batch.result();
    return this.#put(made.map(({ put }) => put)).pipe(
      map((outcome) => {
        if (outcome === 'full') return pending.map((one) => this.#withoutRoom(one));
        for (const { put, isLearnt } of made) {
          promises.meet(put.range, put.stamp);
          if (isLearnt) regions.learnt(put.range);
          else regions.stored(put.range);
        }
        return pending.map(({ cause, decision }) => ({
          value: cause,
          result: decision === null ? this.#conclude(cause) : decision.answer,
        }));
      }),
    );
  }

  /** Nothing was changed: whatever would have had to be stored finds no room, and all others see what is there. */
  #withoutRoom({ cause }: Pending<Origin>): Answered<Origin> {
    const { request } = cause;
    assert(request.kind !== 'list', 'a LIST does not wait for a flush');
    if (request.kind === 'concluded') return { value: cause, result: this.#conclude(cause) };
    const now = this.#decide(request, this.#view);
    return { value: cause, result: now.puts.length > 0 ? whenFull(request, now) : now.answer };
  }

  #conclude({ request }: RequestFrom<Origin>): null {
    if (request.kind === 'concluded') {
      this.#options.regions.concluded(request.range, request.stamp, request.lacking);
    }
    return null;
  }
}

/** The copies of several ranges, one behind the other. */
function inOrder(loaded: readonly Observable<readonly CopyRun[]>[]): Observable<readonly CopyRun[]> {
  return concat(...loaded).pipe(reduce((all: readonly CopyRun[], copies) => [...all, ...copies], []));
}
