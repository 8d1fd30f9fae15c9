/** Reports damaged sectors, at most one line a second: a dying disk damages many at once. */
import type { SchedulerLike } from 'rxjs';
import type { SectorIndex } from '../core/sector.js';
import type { Log } from '../ports/log.js';

const INTERVAL_MS = 1_000;

export class DamageLog {
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #suppressedCount = 0;

  constructor(
    private readonly log: Log,
    private readonly clock: SchedulerLike,
  ) {}

  report(sector: SectorIndex, slot: number, reason: string): void {
    const nowMs = this.clock.now();
    if (nowMs < this.#nextAtMs) {
      this.#suppressedCount += 1;
      return;
    }
    this.log.error('sector damaged: this copy is not served until it is written again', {
      event: 'sectorDamaged',
      sector,
      slot,
      reason,
      othersNotLogged: this.#suppressedCount,
    });
    this.#nextAtMs = nowMs + INTERVAL_MS;
    this.#suppressedCount = 0;
  }
}
