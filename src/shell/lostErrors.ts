import type { ObservableNotification } from 'rxjs';
import { config } from 'rxjs';
import { AssertionFailure } from '../core/assert.js';

/**
 * RxJS drops an error that comes to a subscriber that has ended, and a stack that overflows can make that of any error:
 * streams then stand still, and nothing says so. From here on such an error ends the program, as every other defect
 * does, by an uncaught exception. Only defects: an input or output that fails after nobody wants it any more is
 * nobody's business.
 */
export function endOnLostDefects(): void {
  // RxJS calls it from a timer of its own: what is thrown here is caught by nobody.
  config.onStoppedNotification = throwLostDefect;
}

/** @throws what a notification that nobody got carries, if that is a defect. */
export function throwLostDefect(notification: ObservableNotification<unknown>): void {
  if (notification.kind === 'E' && isDefect(notification.error)) throw notification.error;
}

/** Errors of the language carry no code; those of Node's functions, of the same classes, do. */
function isDefect(error: unknown): boolean {
  if (error instanceof AssertionFailure) return true;
  const isLanguage = error instanceof RangeError || error instanceof TypeError || error instanceof ReferenceError;
  return isLanguage && !('code' in error);
}
