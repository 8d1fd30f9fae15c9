/**
 * How long nobody was answered although a majority of processes was up, could reach each other
 * and be reached by clients, with nothing held back or late between them.
 */
const LOOK_EVERY_MS = 20;

export class Availability {
  /** The longest time so far. */
  longestSilenceMs = 0;
  /** How long there was such a majority. */
  goodMs = 0;
  private lookedAt = performance.now();
  /** From when the present silence counts; null while there is no such majority. */
  private silentSince: number | null = null;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly hasGoodMajority: () => boolean) {
    this.timer = setInterval(() => {
      this.look();
    }, LOOK_EVERY_MS);
  }

  answered(): void {
    if (this.silentSince === null) return;
    const now = performance.now();
    this.longestSilenceMs = Math.max(this.longestSilenceMs, now - this.silentSince);
    this.silentSince = now;
  }

  stop(): void {
    this.look();
    clearInterval(this.timer);
  }

  private look(): void {
    const now = performance.now();
    if (this.hasGoodMajority()) {
      this.silentSince ??= now;
      this.longestSilenceMs = Math.max(this.longestSilenceMs, now - this.silentSince);
      this.goodMs += now - this.lookedAt;
    } else this.silentSince = null;
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
