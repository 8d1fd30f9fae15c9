/**
 * The plainest program around the decisions of a replica (src/core/strict/replica.ts): one request at a time, and `limit`
 * raised far ahead. All its sectors have the floor after a crash (A4).
 */
import { concat, concatMap, defer, EMPTY, ignoreElements, last, map, mergeMap, Observable, of, Subject } from 'rxjs';
import { PromiseTable } from '../../../src/core/strict/promises.js';
import { regionOf, REGION_SECTORS } from '../../../src/core/strict/range.js';
import { decide, whenFull, withCopies, type ReplicaDecision } from '../../../src/core/strict/replica.js';
import type { ReplicaAnswer, ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import type { StrictStamp } from '../../../src/core/strict/version.js';
import type { SectorIndex } from '../../../src/core/sector.js';
import type { Notes } from '../../../src/ports/notes.js';
import type { CopyRun, StrictStore } from '../../../src/ports/strictStore.js';
import type { ReplicaProgram } from './replicaProgram.js';

const LIMIT_AHEAD = 1_000n;
export const NOTE_LIMIT = 'strict-limit';
const PROMISES_MAX = 64;

interface Asked {
  readonly request: ReplicaRequest;
  readonly answer: (answer: ReplicaAnswer) => void;
}

export class PlainReplica implements ReplicaProgram {
  private readonly promises = new PromiseTable(PROMISES_MAX);
  private readonly asked$ = new Subject<Asked>();
  private limit: bigint;

  constructor(
    private readonly store: StrictStore,
    private readonly notes: Notes,
    sectors: number,
  ) {
    const note = notes.initial.get(NOTE_LIMIT);
    this.limit = note === undefined ? 0n : BigInt(Buffer.from(note).toString('utf8'));
    const floor = { counter: this.limit, coordinator: '\0'.repeat(16) };
    for (let region = 0; region <= regionOf(sectors - 1) && this.limit > 0n; region += 1) {
      this.promises.raiseFloor(region, floor);
      const range = { first: region * REGION_SECTORS, count: REGION_SECTORS };
      for (let sector = range.first; sector < range.first + range.count; sector += 1) {
        this.promises.meet({ first: sector, count: 1 }, store.versionOf(sector).stamp);
      }
    }
    this.asked$.pipe(concatMap((asked) => this.perform(asked))).subscribe();
  }

  handle(_connection: object, request: ReplicaRequest, answer: (answer: ReplicaAnswer) => void): void {
    this.asked$.next({ request, answer });
  }

  ended(): void {
    // Nothing is healed here.
  }

  promisedOf(sector: SectorIndex): StrictStamp {
    return this.promises.promisedOf(sector, this.store.versionOf(sector).stamp);
  }

  promise(sector: SectorIndex, stamp: StrictStamp): void {
    this.promises.promise({ first: sector, count: 1 }, stamp);
  }

  private perform({ request, answer }: Asked): Observable<never> {
    if (request.kind === 'concluded') return EMPTY;
    return concat(
      this.limitFor(request),
      defer(() => this.answerTo(request)).pipe(
        map((ready) => {
          answer(ready);
        }),
        ignoreElements(),
      ),
    );
  }

  /** A2: `limit` is at least the stamp, durably. */
  private limitFor(request: ReplicaRequest): Observable<never> {
    if (request.kind !== 'order' || request.stamp.counter < this.limit) return EMPTY;
    const limit = request.stamp.counter + LIMIT_AHEAD;
    return concat(
      this.notes.put(new Map([[NOTE_LIMIT, Buffer.from(String(limit))]])),
      defer(() => {
        this.limit = limit;
        return EMPTY;
      }),
    );
  }

  private answerTo(request: Exclude<ReplicaRequest, { kind: 'concluded' }>): Observable<ReplicaAnswer> {
    const decision = decide(request, {
      versionOf: (sector) => this.store.versionOf(sector),
      promisedOf: (sector) => this.promisedOf(sector),
      isDamaged: (sector) => this.store.isDamaged(sector),
    });
    if (request.kind === 'order') for (const range of decision.promises) this.promises.promise(range, request.stamp);
    if (decision.puts.length > 0) return this.put(request, decision);
    if (decision.loads.length === 0) return of(decision.answer);
    return concatLoads(decision, this.store).pipe(map((copies) => withCopies(decision.answer, copies)));
  }

  private put(
    request: Exclude<ReplicaRequest, { kind: 'concluded' }>,
    decision: ReplicaDecision,
  ): Observable<ReplicaAnswer> {
    return this.store.putRanges(decision.puts).pipe(
      map((outcome) => {
        if (outcome === 'full') return whenFull(request, decision);
        for (const { range, stamp } of decision.puts) this.promises.meet(range, stamp);
        return decision.answer;
      }),
    );
  }
}

function concatLoads({ loads }: ReplicaDecision, store: StrictStore): Observable<readonly CopyRun[]> {
  const copies: CopyRun[] = [];
  return of(...loads).pipe(
    concatMap((range) => store.loadRange(range)),
    mergeMap((runs) => {
      copies.push(...runs);
      return of(copies);
    }),
    last(),
  );
}
