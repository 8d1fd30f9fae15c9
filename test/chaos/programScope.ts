/** The scope of a program that is no AVA test: gathers failures, and cleans up at the end. */
import type { TestScope } from '../helpers/testScope.js';

export class ProgramScope implements TestScope {
  readonly failures: string[] = [];
  private readonly works: (() => Promise<void> | void)[] = [];

  get passed(): boolean {
    return this.failures.length === 0;
  }

  teardown(work: () => Promise<void> | void): void {
    this.works.unshift(work);
  }

  fail(message: string): void {
    this.failures.push(message);
  }

  log(...values: unknown[]): void {
    process.stdout.write(`${values.map(String).join(' ')}\n`);
  }

  /** Runs what was asked for, the last first; one that fails does not stop the others. */
  async end(): Promise<void> {
    for (const work of this.works.splice(0)) {
      try {
        await work();
      } catch (error) {
        this.fail(`cleaning up: ${String(error)}`);
      }
    }
  }
}
