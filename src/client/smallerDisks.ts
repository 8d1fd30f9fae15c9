/**
 * Processes whose disk is smaller than the caller's configuration says. This happens while the disk is being grown, one
 * process after the other, if the caller's configuration was changed first. The processes are asked periodically for
 * sectors that none of them has, and the log names them from time to time.
 *
 * Bound: one entry of `RateLimitedLog` for each process.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { Subject } from 'rxjs';
import type { Rank } from '../core/rank.js';
import type { SectorIndex } from '../core/sector.js';
import type { Log } from '../ports/log.js';
import { RateLimitedLog } from '../rateLimitedLog.js';
import { SMALLER } from './clientDefaults.js';
import { watchWhile } from '../coordinator/watchWhile.js';

export class SmallerDisks {
  private readonly someBeyond = new Subject<boolean>();
  private readonly refusals: RateLimitedLog;

  constructor(
    /** Size of the disk as the caller has configured it. */
    private readonly sectors: number,
    private readonly clock: SchedulerLike,
    log: Log,
  ) {
    this.refusals = new RateLimitedLog({ log, clock, intervalMs: SMALLER.logMs });
  }

  /** A process has refused a sector that it does not have. */
  refused(rank: Rank, sector: SectorIndex): void {
    const what = `process ${rank} has no sector ${sector}`;
    this.refusals.write({
      kind: String(rank),
      level: 'warn',
      message: `${what}: its disk is smaller than configured here`,
      fields: () => ({ sectors: this.sectors }),
    });
  }

  /** Operations wait because no process has their sector. */
  allRefused(): void {
    this.someBeyond.next(true);
  }

  /** @param askAgain Returns whether operations still wait. */
  asksAgain(askAgain: () => boolean): Observable<never> {
    const check = (): void => {
      if (!askAgain()) this.someBeyond.next(false);
    };
    return watchWhile(this.someBeyond, check, SMALLER.askAgainMs, this.clock);
  }
}
