/**
 * Logs once that the disk is full and once that there is room again, however many puts are refused. Close to the limit
 * small commits still fit while large ones do not. So it counts as room again only if nothing was refused for a while
 * (QUIET_MS).
 */
import type { SchedulerLike } from 'rxjs';
import type { NoSpace } from '../ports/blockFiles.js';
import type { Log } from '../ports/log.js';

const QUIET_MS = 5_000;

export class DiskFullLog {
  #lastRefusedAtMs: number | null = null;

  constructor(
    private readonly log: Log,
    private readonly clock: SchedulerLike,
  ) {}

  refused(cause: NoSpace): void {
    if (this.#lastRefusedAtMs === null) {
      this.log.error('disk full: writes are refused until there is room', {
        event: 'storeFull',
        cause: cause.message,
      });
    }
    this.#lastRefusedAtMs = this.clock.now();
  }

  stored(): void {
    if (this.#lastRefusedAtMs === null) return;
    if (this.clock.now() - this.#lastRefusedAtMs < QUIET_MS) return;
    this.#lastRefusedAtMs = null;
    this.log.info('there is room on the disk again', { event: 'storeRoom' });
  }
}
