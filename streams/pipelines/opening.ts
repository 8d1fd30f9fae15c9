/** The answer to a client that asks how this process may be spoken to (docs/strict-wire.md, OPEN). */
import { incarnationsOf } from '../../src/core/membership/membership.js';
import type { RegisterMode } from '../../src/core/membership/registerMode.js';
import type { VerdictOptions } from '../../src/wire/verdict.js';
import type { OpenFields } from '../../src/wire/strict/openMessages.js';
import { STRICT_VERSION, serializeOpened } from '../../src/wire/strict/openMessages.js';
import type { MembershipView } from './processState.js';

/** The bytes of OPENED. In the open mode this process speaks the base protocol with clients. */
export function answerToOpen(
  { token }: OpenFields,
  mode: RegisterMode,
  verdict: VerdictOptions,
  membership: MembershipView,
): Uint8Array {
  const { self, processCount, sectors, clientTagger } = verdict;
  const opened = {
    rank: self,
    echo: token,
    version: STRICT_VERSION,
    mode,
    processCount,
    memberState: membership.memberState,
    sectors,
    incarnations: incarnationsOf(membership.current),
  };
  return serializeOpened(opened, clientTagger);
}
