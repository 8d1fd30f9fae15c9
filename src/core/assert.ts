/**
 * Assertions stay on in production. A failed one means that the program is wrong, not its input: it ends the process,
 * which the crash-recovery model makes safe. Bad input is never asserted on.
 */

/** Thrown by a broken invariant. Nothing catches it: it ends the process. */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}

/** @throws {AssertionFailure} if `condition` does not hold. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

/** The default of an exhaustive switch: a new member of the union then fails to compile. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable: ${String(value)}`);
}
