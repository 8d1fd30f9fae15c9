/**
 * The verdict on what the library's clients saw: their sectors must be plain registers, although writes were sent
 * again.
 *
 * One case remains in which they are not, and docs/adr/0006-client-resubmission.md says which: a process dies in a
 * write with a stamp that nobody else has heard of, comes back, dies in the next attempt, whose stamp lies above that
 * one, and so comes back with a stamp above those of later writes. `explained` says of a violation that it can be that
 * case and no other.
 *
 * How far above? Call the excess of an attempt how much its timestamp lies above the highest of a finished write. It is
 * one, and one more for each attempt before it that was lost with its process, less one for each write that was
 * finished in between. The same value is written again elsewhere, with an excess of one; the first write after it has
 * two, the next one three. So an attempt with an excess of e can only come back after less than e later writes: with e
 * = 1, never.
 *
 * A late read of a value is taken for a read of such an attempt, a write of its own that nobody answered. If the
 * violation is still there, or there is no such attempt, it is one like any other; so is one of an attempt whose
 * process never died: the library has sent it again too early.
 */
import { checkLinearizable } from '../linearizability/check.js';
import type { Violation } from '../linearizability/explain.js';
import type { Operation, Value } from '../linearizability/history.js';
import { bySector } from '../linearizability/history.js';
import type { LostAttempt } from './libraryLoad.js';
import type { Death } from './tally.js';

export interface Verdict {
  readonly violations: readonly Violation[];
  /** Those that attempts explain which were lost with their process. */
  readonly explained: readonly Violation[];
}

/** Of a history with one writer for each sector. */
export function judge(history: readonly Operation[], lost: readonly LostAttempt[], deaths: readonly Death[]): Verdict {
  const lostWithProcess = lost.filter(({ rank, sentAt, lostAt }) =>
    deaths.some((death) => death.rank === rank && sentAt <= death.at && death.at <= lostAt),
  );
  const violations: Violation[] = [];
  const explained: Violation[] = [];
  for (const [sector, operations] of bySector(history)) {
    const result = checkLinearizable(operations);
    if (result.ok) continue;
    const ofSector = lostWithProcess.filter((attempt) => attempt.sector === sector);
    const isExplained = checkLinearizable(withLostAttempts(operations, ofSector)).ok;
    (isExplained ? explained : violations).push(...result.violations);
  }
  return { violations, explained };
}

/** Late reads of a value are given to a lost attempt to write it, if one can have come so late. */
function withLostAttempts(operations: readonly Operation[], lost: readonly LostAttempt[]): Operation[] {
  const earliestEnds = earliestEndOfEach(operations);
  const writes = operations.filter(({ kind }) => kind === 'write');
  const written = writes.toSorted((a, b) => a.invoke - b.invoke).map(({ value }) => value);
  const strongest = strongestOf(lost, writes);
  const added = new Map<Value, Operation>();
  const result = operations.map((operation): Operation => {
    const { kind, value, invoke, sector } = operation;
    const candidate = strongest.get(value ?? '');
    if (kind === 'write' || candidate === undefined) return operation;
    // Later writes that had certainly taken effect.
    const laterCount = written
      .slice(written.indexOf(value) + 1)
      .filter((later) => (earliestEnds.get(later) ?? Infinity) < invoke).length;
    if (laterCount === 0 || laterCount >= candidate.excess) return operation;
    const { rank, sentAt } = candidate.attempt;
    const name = `${value}, by an attempt that was lost`;
    const ghost = { client: `attempt at process ${rank}`, sector, kind: 'write' } as const;
    added.set(name, { ...ghost, value: name, invoke: sentAt, return: null });
    return { ...operation, value: name };
  });
  return [...result, ...added.values()];
}

/** When each value was certainly there: the first end of an operation that wrote or read it. */
function earliestEndOfEach(operations: readonly Operation[]): Map<Value, number> {
  const ends = new Map<Value, number>();
  for (const { value, return: end } of operations) {
    ends.set(value, Math.min(ends.get(value) ?? Infinity, end ?? Infinity));
  }
  return ends;
}

interface Candidate {
  readonly attempt: LostAttempt;
  readonly excess: number;
}

/** Of the attempts to write each value the one with the greatest excess. */
function strongestOf(lost: readonly LostAttempt[], writes: readonly Operation[]): Map<string, Candidate> {
  const strongest = new Map<string, Candidate>();
  let excess = 0;
  let lostAt = 0;
  for (const attempt of lost.toSorted((a, b) => a.sentAt - b.sentAt)) {
    const { value, sentAt } = attempt;
    const isFinished = (end: number | null): boolean => end !== null && lostAt < end && end < sentAt;
    const finishedCount = writes.filter(({ return: end }) => isFinished(end)).length;
    excess = Math.max(0, excess - finishedCount) + 1;
    lostAt = attempt.lostAt;
    if (excess > (strongest.get(value)?.excess ?? 0)) strongest.set(value, { attempt, excess });
  }
  return strongest;
}
