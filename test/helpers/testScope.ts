/**
 * What helpers need of the test that they work for. AVA's `t` has it; programs that are no AVA test bring their own
 * (test/chaos/programScope.ts).
 */
export interface TestScope {
  /** Runs when the test is over, however it ends; what was asked for last runs first. */
  teardown(work: (() => Promise<void>) | (() => void)): void;
  /** Fails the test. May throw. */
  fail(message: string): void;
  log(...values: unknown[]): void;
  readonly passed: boolean;
}
