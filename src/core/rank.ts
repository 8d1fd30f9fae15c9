/** Number of a process: its position in the list of processes, counted from 1. */
export type Rank = number;

/** The highest rank: the protocol keeps a rank in one byte, and requires N < 255. */
export const RANK_MAX = 254;

/** Whether `rank` is the rank of a member of a cluster of `processCount` processes. */
export function isMember(rank: number, processCount: number): boolean {
  return Number.isInteger(rank) && rank >= 1 && rank <= processCount;
}

/** The ranks of all others. */
export function ranksBut(self: Rank, processCount: number): Rank[] {
  return Array.from({ length: processCount }, (_, index) => index + 1).filter((rank) => rank !== self);
}
