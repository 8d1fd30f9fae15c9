/** What peers have said of themselves in this life of a process. */
import type { Rank } from '../rank.js';
import type { Hello } from './memberMessage.js';

/**
 * `base`: nothing, as foreign members do. Anybody may have sent a message of it again: it was the peer if it answers
 * what it is asked.
 */
export type Heard =
  { readonly kind: 'base'; readonly hasAnswered: boolean } | { readonly kind: 'hello'; readonly hello: Hello };

/** How many of the other processes together know of every write that was ever acknowledged. */
export function rebuildQuorum(processCount: number): number {
  return Math.ceil(processCount / 2);
}

/** Of this implementation. */
export function hellosOf(heard: ReadonlyMap<Rank, Heard>): [Rank, Hello][] {
  const hellos: [Rank, Hello][] = [];
  for (const [rank, one] of heard) if (one.kind === 'hello') hellos.push([rank, one.hello]);
  return hellos;
}

export function membersOf(heard: ReadonlyMap<Rank, Heard>): Hello[] {
  return hellosOf(heard)
    .map(([, hello]) => hello)
    .filter(({ memberState }) => memberState === 'member');
}
