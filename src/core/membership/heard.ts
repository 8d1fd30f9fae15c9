/** What the peers of a process have said of themselves since its boot. */
import type { Rank } from '../rank.js';
import type { Hello } from './memberMessage.js';

/**
 * `base`: the peer has sent messages but no HELLO, so it is foreign. Anybody may have replayed such a message. An
 * answer to a question of this process shows that it was the peer (`hasAnswered`).
 */
export type Heard =
  { readonly kind: 'base'; readonly hasAnswered: boolean } | { readonly kind: 'hello'; readonly hello: Hello };

/**
 * The size of a rebuild quorum: so many of the other processes together know of every write that was ever acknowledged.
 */
export function rebuildQuorum(processCount: number): number {
  return Math.ceil(processCount / 2);
}

/** The peers that have said HELLO, which are those of this implementation. */
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
