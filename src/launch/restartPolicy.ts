/**
 * When a process that ended is started again. Pure: the supervisor says what happened and after how long, and gets the
 * decision.
 */

/** How a process ended: with an exit code, or by a signal. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
}

export type RestartDecision =
  | { readonly kind: 'restart'; readonly delayMs: number; readonly failures: number }
  /** Starting it again would end the same way. */
  | { readonly kind: 'giveUp' };

export const RESTART_DELAY_MS_MIN = 100;
export const RESTART_DELAY_MS_MAX = 10_000;

/** A process that was up this long has got over what ended it before. */
export const STABLE_AFTER_MS = 30_000;

/** Exit code of a configuration or usage that is wrong: it stays wrong until a person changes it. */
export const EXIT_USAGE = 2;

/**
 * @param upMs how long the process ran
 * @param failures how many times in a row it had ended before, each too soon
 */
export function decideRestart(ending: Ending, upMs: number, failures: number): RestartDecision {
  if (ending.code === EXIT_USAGE) return { kind: 'giveUp' };
  const failuresBefore = upMs >= STABLE_AFTER_MS ? 0 : failures;
  const delayMs = Math.min(RESTART_DELAY_MS_MIN * 2 ** failuresBefore, RESTART_DELAY_MS_MAX);
  return { kind: 'restart', delayMs, failures: failuresBefore + 1 };
}
