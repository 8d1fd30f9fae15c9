/** Counts of the process messages with wrong tags that came lately, by the address that they came from. */
import type { SchedulerLike } from 'rxjs';

/** An address whose last wrong tag is older does not count any more. */
const RECENT_MS = 60_000;
/** Addresses that are counted by themselves; further ones count as `OTHERS`. */
const HOSTS_MAX = 8;
const OTHERS = 'others';

interface Entry {
  count: number;
  lastMs: number;
}

export class BadTags {
  private readonly byHost = new Map<string, Entry>();

  constructor(private readonly clock: Pick<SchedulerLike, 'now'>) {}

  /** @param remote Address and port, as in `Connection.remote`. */
  add(remote: string): void {
    this.forgetOld();
    const host = hostOf(remote);
    const isKnown = this.byHost.has(host) || this.byHost.size < HOSTS_MAX;
    const name = isKnown ? host : OTHERS;
    const entry = this.byHost.get(name) ?? { count: 0, lastMs: 0 };
    entry.count += 1;
    entry.lastMs = this.clock.now();
    this.byHost.set(name, entry);
  }

  /** Counts by address. */
  recent(): Record<string, number> {
    this.forgetOld();
    return Object.fromEntries([...this.byHost].map(([host, { count }]) => [host, count]));
  }

  private forgetOld(): void {
    const oldestMs = this.clock.now() - RECENT_MS;
    for (const [host, { lastMs }] of this.byHost) if (lastMs < oldestMs) this.byHost.delete(host);
  }
}

/** The address without the port, which differs for each connection. */
function hostOf(remote: string): string {
  const colon = remote.lastIndexOf(':');
  return colon === -1 ? remote : remote.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
}
