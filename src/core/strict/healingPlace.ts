import type { Rank } from '../rank.js';

/**
 * Which turn a process has to heal a region, 0 for the first, so that not all do the same work. Processes that lack
 * something of the region come last: they do not know of it.
 *
 * @param up The ranks of the replicas that can be asked, in order.
 * @param lacking Those that lack something.
 */
export function healingPlace(self: Rank, region: number, up: readonly Rank[], lacking: readonly Rank[]): number {
  const able = up.filter((rank) => !lacking.includes(rank));
  const at = able.indexOf(self);
  return at < 0 ? able.length : (at + able.length - (region % able.length)) % able.length;
}
