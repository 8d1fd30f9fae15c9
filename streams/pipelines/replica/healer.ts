/**
 * Brings about, in few lanes, what the replica of a process says is to be healed (docs/strict-register.md, "After
 * crashes"): what replicas lack that are there, what coordinators have left behind, what a crash has left to be
 * checked, and damaged copies.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { EMPTY, concat, defer, ignoreElements, takeUntil, tap, timer } from 'rxjs';
import { healingPlace } from '../../../src/core/strict/healingPlace.js';
import type { Healing } from '../../../src/core/strict/activeRegions.js';
import type { Rank } from '../../../src/core/rank.js';
import type { SectorRange } from '../../../src/core/strict/range.js';
import type { Coordinator } from '../../../src/coordinator/coordinator.js';
import type { StrictStore } from '../../../src/ports/strictStore.js';
import { workLanes } from '../../workLanes.js';
import type { ReplicaState } from './replicaState.js';

export interface HealerOptions {
  readonly self: Rank;
  readonly processCount: number;
  readonly coordinator: Pick<Coordinator, 'heal'>;
  readonly store: Pick<StrictStore, 'isDamaged'>;
  readonly state: Pick<ReplicaState<object>, 'regions' | 'damaged'>;
  /** Whether the replica of that rank can be asked. */
  readonly isUp: (rank: Rank) => boolean;
  readonly clock: SchedulerLike;
  /** Called with the number of sectors that were healed. */
  readonly healed: (count: number) => void;
}

/** Ranges that are healed side by side: few, because clients come first. Each is at most 1 MiB. */
const LANES = 4;
/** Milliseconds between two looks for something to heal. */
const IDLE_MS = 100;
/** A range that is not healed by then is tried again later (milliseconds): its copies may be damaged everywhere. */
const HEAL_MS = 30_000;
/** Milliseconds until a lane goes on after a range that was not healed. */
const PAUSE_MS = 1_000;
/** So many sweeps later each next process heals a region that is still to be healed: the first may not know of it. */
const SWEEPS_PER_PLACE = 3;

type Work = Healing | { readonly damaged: SectorRange };

/** Heals for as long as it is subscribed to. Emits nothing; an error means that the process has to stop. */
export function healer(options: HealerOptions): Observable<never> {
  const { self, processCount, isUp, store, state, clock } = options;
  const ranks = Array.from({ length: processCount }, (_, index) => index + 1);
  const canHeal = (): boolean => isUp(self) && ranks.filter(isUp).length > processCount / 2;
  const mayTake = (region: number, lacking: readonly Rank[], sweeps: number): boolean =>
    sweeps >= SWEEPS_PER_PLACE * healingPlace(self, region, ranks.filter(isUp), lacking);
  const take = (): Work | null => {
    const healing = state.regions.takeHealing(isUp, mayTake);
    if (healing !== null) return healing;
    const damaged = state.damaged.take((sector) => store.isDamaged(sector));
    return damaged && { damaged };
  };
  return workLanes({
    lanes: () => (canHeal() ? LANES : 0),
    take,
    handle: (work) => handle(work, options),
    idleMs: IDLE_MS,
    clock,
  });
}

function handle(work: Work, { coordinator, state, isUp, clock, healed }: HealerOptions): Observable<never> {
  return defer(() => {
    const range = 'damaged' in work ? work.damaged : work.range;
    const lacking = new Set<Rank>();
    let healedCount = 0;
    const healed$ = coordinator.heal(range).pipe(
      tap((part) => {
        healedCount += part.range.count;
        healed(part.range.count);
        for (const rank of part.lacking) lacking.add(rank);
      }),
      ignoreElements(),
      takeUntil(timer(HEAL_MS, clock)),
    );
    const ended$ = defer(() => {
      const isHealed = healedCount === range.count;
      if ('damaged' in work) {
        if (!isHealed) state.damaged.add(range);
      } else if (isHealed) {
        state.regions.healed(
          work,
          [...lacking].sort((a, b) => a - b),
        );
      } else state.regions.notHealed(work);
      return EMPTY;
    });
    const pause$ = defer(() => {
      const isDone = healedCount === range.count && ![...lacking].some(isUp);
      return isDone ? EMPTY : timer(PAUSE_MS, clock).pipe(ignoreElements());
    });
    return concat(healed$, pause$, ended$);
  });
}
