/**
 * The verdict on what the library's clients saw: their sectors must be plain registers, although
 * writes were sent again.
 *
 * One case remains in which they are not, and docs/adr/0006-client-resubmission.md says which: an
 * attempt whose process died in its write phase, with a stamp above one that only this process
 * knew, may still take effect after a later write. `explained` says of a violation that it is that
 * case: it goes away if each late read of a value is taken for a read of such an attempt, a write
 * of its own that nobody answered. Anything else is a violation like others; so is an attempt that
 * takes effect late at a process that never died: the library has sent it again too early.
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
export function judge(
  history: readonly Operation[],
  lost: readonly LostAttempt[],
  deaths: readonly Death[],
): Verdict {
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

/** Late reads of a value are given to a lost attempt to write it, if there was one. */
function withLostAttempts(
  operations: readonly Operation[],
  lost: readonly LostAttempt[],
): Operation[] {
  const overtakenAt = overtakings(operations);
  const attempts = new Map(lost.map((attempt) => [attempt.value, attempt]));
  const written = new Map<Value, Operation>();
  const result = operations.map((operation): Operation => {
    const attempt = attempts.get(operation.value ?? '');
    const isLate = operation.invoke > (overtakenAt.get(operation.value) ?? Infinity);
    if (attempt === undefined || operation.kind === 'write' || !isLate) return operation;
    const value = `${attempt.value}, by an attempt that was lost`;
    const { sector, sentAt } = attempt;
    const ghost = { client: `attempt at process ${attempt.rank}`, sector, kind: 'write' } as const;
    written.set(value, { ...ghost, value, invoke: sentAt, return: null });
    return { ...operation, value };
  });
  return [...result, ...written.values()];
}

/** When each value was certainly overwritten: something of a later write had ended. */
function overtakings(operations: readonly Operation[]): Map<Value, number> {
  const earliestEnd = new Map<Value, number>();
  for (const { value, return: end } of operations) {
    earliestEnd.set(value, Math.min(earliestEnd.get(value) ?? Infinity, end ?? Infinity));
  }
  const writes = operations.filter(({ kind }) => kind === 'write');
  const latestFirst = writes.sort((a, b) => b.invoke - a.invoke);
  const overtaken = new Map<Value, number>();
  let earliest = Infinity;
  for (const { value } of latestFirst) {
    overtaken.set(value, earliest);
    earliest = Math.min(earliest, earliestEnd.get(value) ?? Infinity);
  }
  return overtaken;
}
