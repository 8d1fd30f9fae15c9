import type { ObservableNotification } from 'rxjs';
import { config } from 'rxjs';
import { AssertionFailure } from '../core/assert.js';

/**
 * RxJS drops an error that comes to a subscriber that has ended, and an overflow of the stack can make such an error of
 * any other. Streams would then stop without a message. After this call such an error ends the program, as every other
 * defect does, by an uncaught exception. This concerns defects only: errors of input and output that come after the
 * unsubscription are dropped.
 */
export function endOnLostDefects(): void {
  // RxJS calls this from a timer of its own, so what is thrown here is an uncaught exception.
  config.onStoppedNotification = throwLostDefect;
}

/** @throws the error of a notification that RxJS has dropped, if that is a defect. */
export function throwLostDefect(notification: ObservableNotification<unknown>): void {
  if (notification.kind === 'E' && isDefect(notification.error)) throw notification.error;
}

/** Errors of the language have no `code`; those of Node's functions, which are of the same classes, have one. */
function isDefect(error: unknown): boolean {
  if (error instanceof AssertionFailure) return true;
  const isLanguage = error instanceof RangeError || error instanceof TypeError || error instanceof ReferenceError;
  return isLanguage && !('code' in error);
}
