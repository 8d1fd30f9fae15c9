/**
 * Decides whether and when a process that has ended is started again. Pure. The decision depends on how the process
 * ended, how long it ran, and how often in a row it has ended too soon.
 */
import type { Backoff } from '../core/backoff.js';
import { backoffMs } from '../core/backoff.js';
import { EXIT_USAGE } from '../exitCodes.js';

/** How a process ended: with an exit code or by a signal. If both are null, it could not be started. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export type RestartDecision =
  | { readonly kind: 'restart'; readonly delayMs: number; readonly failures: number }
  /** A new start would end in the same way. */
  | { readonly kind: 'giveUp' };

const RESTART_BACKOFF: Backoff = { firstMs: 100, maxMs: 10_000 };

/** A process that ran for this long no longer counts as failing (milliseconds). */
export const STABLE_AFTER_MS = 30_000;

/**
 * @param upMs how long the process ran
 * @param failures how many times in a row it had ended too soon before
 */
export function decideRestart(exit: ProcessExit, upMs: number, failures: number): RestartDecision {
  if (exit.code === EXIT_USAGE) return { kind: 'giveUp' };
  const failuresBefore = upMs >= STABLE_AFTER_MS ? 0 : failures;
  const delayMs = backoffMs(failuresBefore, RESTART_BACKOFF);
  return { kind: 'restart', delayMs, failures: failuresBefore + 1 };
}
