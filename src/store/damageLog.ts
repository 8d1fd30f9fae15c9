/** Reports damaged sectors, with at most one line a second because a dying disk damages many at once. */
import type { SchedulerLike } from 'rxjs';
import type { SectorIndex } from '../core/sector.js';
import type { Log } from '../ports/log.js';
import { RateLimitedLog } from '../rateLimitedLog.js';

const INTERVAL_MS = 1_000;

export class DamageLog {
  readonly #limited: RateLimitedLog;

  constructor(log: Log, clock: SchedulerLike) {
    this.#limited = new RateLimitedLog({ log, clock, intervalMs: INTERVAL_MS });
  }

  report(sector: SectorIndex, slot: number, reason: string): void {
    const event = 'sectorDamaged';
    this.#limited.write({
      kind: event,
      level: 'error',
      message: 'sector damaged: this copy is not served until it is written again',
      fields: (othersNotLogged) => ({ event, sector, slot, reason, othersNotLogged }),
    });
  }
}
