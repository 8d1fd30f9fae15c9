/**
 * How a cluster of the open mode becomes strict: docs/strict-register.md, "From open to strict", G1 to G3. Which mode a
 * process is in when it starts is a fact of its folder. Whether it may change it is said by its configuration.
 */
import { hellosOf } from './heard.js';
import type { MemberState } from './identity.js';
import type { Hello } from './memberMessage.js';
import type { Rank } from '../rank.js';
import { ranksBut } from '../rank.js';
import type { RegisterMode } from './registerMode.js';
import { MODE_OPEN, MODE_STRICT } from './registerMode.js';
import type { Membership } from './state.js';

/** The processes that keep a process that is ready from becoming strict. */
export interface TransitionWait {
  /** They have not said HELLO since this process was started. */
  readonly unheard: readonly Rank[];
  /** They are of a foreign implementation. */
  readonly foreign: readonly Rank[];
  /** Their configuration says open, or their program is an older one. */
  readonly notReady: readonly Rank[];
}

/** What a process says of its mode. */
interface Side {
  readonly mode: number;
  readonly isReady: boolean;
  readonly memberState: MemberState;
}

/** Whether this process says that it is open and could be strict. */
export function isReady({ configuration, canChange }: Pick<Membership, 'configuration' | 'canChange'>): boolean {
  return canChange && configuration.mode === MODE_OPEN;
}

/** Whether a process of the one mode and one of the other may take each other's hellos: one of them will change. */
export function canMeet(membership: Membership, hello: Hello): boolean {
  const own = {
    mode: membership.configuration.mode,
    isReady: isReady(membership),
    memberState: membership.own.memberState,
  };
  const peer = sideOf(hello);
  const [modes, theirs] = [modesOf(own, peer), modesOf(peer, own)];
  return modes.some((mode) => theirs.includes(mode));
}

function sideOf({ configuration, isReady, memberState }: Hello): Side {
  // Programs that say no configuration know only the open mode.
  return { mode: configuration?.mode ?? MODE_OPEN, isReady, memberState };
}

/** A strict process that is part of no cluster yet joins an open one as an open process. */
function modesOf(one: Side, other: Side): readonly number[] {
  const isBoth = one.mode === MODE_OPEN ? one.isReady : one.memberState === 'fresh' && other.memberState !== 'fresh';
  return isBoth ? [MODE_OPEN, MODE_STRICT] : [one.mode];
}

/** The mode in which this process has to go on; null: in the one that it has. */
export function modeWanted(membership: Membership): RegisterMode | null {
  const { configuration, canChange, own, heard } = membership;
  if (!canChange) return null;
  const parts = hellosOf(heard)
    .map(([, hello]) => sideOf(hello))
    .filter(({ memberState }) => memberState !== 'fresh');
  const isAnyStrict = parts.some(({ mode }) => mode === MODE_STRICT);
  if (configuration.mode === MODE_STRICT) {
    return own.memberState === 'fresh' && parts.length > 0 && !isAnyStrict ? 'open' : null;
  }
  return isAnyStrict || isNobodyWaitedFor(waitOf(membership)) ? 'strict' : null;
}

/** null: this process does not wait for becoming strict. */
export function transitionWaitOf(membership: Membership): TransitionWait | null {
  return isReady(membership) ? waitOf(membership) : null;
}

function waitOf({ self, heard }: Membership): TransitionWait {
  const wait = { unheard: [] as Rank[], foreign: [] as Rank[], notReady: [] as Rank[] };
  for (const rank of ranksBut(self.rank, self.processCount)) {
    const one = heard.get(rank);
    if (one === undefined) wait.unheard.push(rank);
    else if (one.kind === 'base') wait.foreign.push(rank);
    else {
      const side = sideOf(one.hello);
      if (!side.isReady && side.mode !== MODE_STRICT) wait.notReady.push(rank);
    }
  }
  return wait;
}

function isNobodyWaitedFor({ unheard, foreign, notReady }: TransitionWait): boolean {
  return unheard.length + foreign.length + notReady.length === 0;
}

/** Whether no other process has an operation of the open mode under way that needs this one. */
export function areOthersDrained({ self, heard }: Membership): boolean {
  return ranksBut(self.rank, self.processCount).every((rank) => {
    const one = heard.get(rank);
    return one?.kind === 'hello' && (one.hello.isDrained || sideOf(one.hello).mode === MODE_STRICT);
  });
}
