/**
 * The obvious way to decide linearizability, as an oracle for check.ts: try the orders (Wing and Gong 1993; with Lowe's
 * cache of configurations that were tried). It knows nothing of values being unique and takes exponential time: for
 * histories of a dozen operations.
 */
import type { Operation } from './history.js';
import { bySector, precedes } from './history.js';

const OPERATION_COUNT_MAX = 20;

export function isLinearizableBySearch(history: readonly Operation[]): boolean {
  return [...bySector(history).values()].every(isRegisterLinearizable);
}

function isRegisterLinearizable(all: readonly Operation[]): boolean {
  const operations = all.filter(({ kind, return: end }) => kind === 'write' || end !== null);
  if (operations.length > OPERATION_COUNT_MAX) throw new Error('too many operations to try all');
  const answered = operations.reduce((set, { return: end }, i) => (end === null ? set : set | (1 << i)), 0);
  const tried = new Set<string>();

  const hasBegunAfter = (done: number, crash: number): boolean =>
    operations.some(({ invoke }, i) => (done & (1 << i)) !== 0 && invoke > crash);

  /** Whether the rest can follow once the operations in `done` left `value` in the register. */
  const canFinish = (done: number, value: Operation['value']): boolean => {
    if ((answered & ~done) === 0) return true;
    const configuration = `${done} ${value ?? ''} ${value === null}`;
    if (tried.has(configuration)) return false;
    tried.add(configuration);
    const left = operations.filter((_, i) => (done & (1 << i)) === 0);
    return operations.some((next, i) => {
      if ((done & (1 << i)) !== 0) return false;
      // One whose client crashed without an answer need not happen, but not after what began after the crash.
      if (left.some((other) => other.crash === undefined && precedes(other, next))) return false;
      if (next.crash !== undefined && hasBegunAfter(done, next.crash)) return false;
      if (next.kind === 'read' && next.value !== value) return false;
      if (next.found !== undefined && next.found !== value) return false;
      return canFinish(done | (1 << i), next.kind === 'write' ? next.value : value);
    });
  };
  return canFinish(0, null);
}
