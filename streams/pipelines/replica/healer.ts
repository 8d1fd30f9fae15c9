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
import type { HealLimits } from './strictLimits.js';

export interface HealerOptions {
  readonly self: Rank;
  readonly processCount: number;
  readonly coordinator: Pick<Coordinator, 'heal'>;
  readonly store: Pick<StrictStore, 'isDamaged'>;
  readonly state: Pick<ReplicaState<object>, 'regions' | 'damaged'>;
  /** Whether the replica of that rank can be asked. */
  readonly isUp: (rank: Rank) => boolean;
  readonly clock: SchedulerLike;
  readonly limits: HealLimits;
  /** Called with the number of sectors that were healed. */
  readonly healed: (count: number) => void;
}

type Work = Healing | { readonly damaged: SectorRange };

/** Heals for as long as it is subscribed to. Emits nothing; an error means that the process has to stop. */
export function healer(options: HealerOptions): Observable<never> {
  const { self, processCount, isUp, store, state, limits, clock } = options;
  const ranks = Array.from({ length: processCount }, (_, index) => index + 1);
  const canHeal = (): boolean => isUp(self) && ranks.filter(isUp).length > processCount / 2;
  const mayTake = (region: number, lacking: readonly Rank[], sweeps: number): boolean =>
    // The first process may not know of it.
    sweeps >= limits.sweepsPerPlace * healingPlace(self, region, ranks.filter(isUp), lacking);
  const take = (): Work | null => {
    const healing = state.regions.takeHealing(isUp, mayTake);
    if (healing !== null) return healing;
    const damaged = state.damaged.take((sector) => store.isDamaged(sector));
    return damaged && { damaged };
  };
  return workLanes({
    lanes: () => (canHeal() ? limits.lanes : 0),
    take,
    handle: (work) => handle(work, options),
    idleMs: limits.idleMs,
    clock,
  });
}

function handle(work: Work, { coordinator, state, isUp, limits, clock, healed }: HealerOptions): Observable<never> {
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
      takeUntil(timer(limits.rangeMs, clock)),
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
      return isDone ? EMPTY : timer(limits.pauseMs, clock).pipe(ignoreElements());
    });
    return concat(healed$, pause$, ended$);
  });
}
