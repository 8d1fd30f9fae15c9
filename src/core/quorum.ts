/**
 * Majorities. Any two majorities of the same N processes share a process, and the algorithm needs nothing else of them.
 */

/** The smallest number of processes that is more than half of `processCount`. */
export function majorityOf(processCount: number): number {
  return Math.floor(processCount / 2) + 1;
}

/** Whether `count` different processes out of `processCount` are a majority. */
export function isMajority(count: number, processCount: number): boolean {
  return count > processCount / 2;
}
