/**
 * What helpers need of a test: AVA's `t` is one; a program that uses them makes its own. What they
 * started is ended by `teardown`, last first, however the test ends.
 */
export interface TestScope {
  teardown(fn: () => unknown): void;
  /** Fails the test, also from outside its own course. */
  fail(message: string): unknown;
  log(...values: unknown[]): void;
  /** False once it has failed: then helpers tell what they know. */
  readonly passed?: boolean;
}
