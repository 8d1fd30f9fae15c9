/**
 * How long nobody was answered although a majority of processes was up, could reach each other and be reached by
 * clients, with nothing held back or late between them.
 *
 * Time counts as far as the machine had any for this program: on one that is busy with other work a look comes late,
 * and everything else that has to be done for an answer comes late as well.
 */
const LOOK_EVERY_MS = 20;
/** What may pass between two looks on a machine with nothing else to do. */
const LOOK_MS_MAX = 2 * LOOK_EVERY_MS;

export class Availability {
  /** The longest time so far. */
  longestSilenceMs = 0;
  /** How long there was such a majority. */
  goodMs = 0;
  private lookedAt: number;
  /** The present silence; null while there is no such majority. */
  private silentMs: number | null = null;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly hasGoodMajority: () => boolean,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.lookedAt = nowMs();
    this.timer = setInterval(() => {
      this.look();
    }, LOOK_EVERY_MS);
  }

  answered(): void {
    if (this.silentMs !== null) this.silentMs = 0;
  }

  stop(): void {
    this.look();
    clearInterval(this.timer);
  }

  /** For the timer, and for tests. */
  look(): void {
    const now = this.nowMs();
    const passedMs = Math.min(now - this.lookedAt, LOOK_MS_MAX);
    if (this.hasGoodMajority()) {
      this.silentMs = this.silentMs === null ? 0 : this.silentMs + passedMs;
      this.longestSilenceMs = Math.max(this.longestSilenceMs, this.silentMs);
      this.goodMs += passedMs;
    } else this.silentMs = null;
    this.lookedAt = now;
  }
}

/** Whether `size` of the items go with each other, each with each. */
export function hasClique<Item>(
  items: readonly Item[],
  size: number,
  goTogether: (one: Item, other: Item) => boolean,
): boolean {
  if (size === 0) return true;
  return items.some((item, index) => {
    const rest = items.slice(index + 1).filter((other) => goTogether(item, other));
    return hasClique(rest, size - 1, goTogether);
  });
}
