/** Finds the processes of a cluster that belong to this machine. */
import type { Address } from '../../config/address.js';
import { isLoopback } from '../../config/address.js';
import type { Rank } from '../core/rank.js';

export interface Machine {
  readonly hostname: string;
  /** Addresses of its network interfaces. */
  readonly addresses: readonly string[];
}

/** Ranks whose address is one of this machine's own. */
export function localRanks(processes: readonly Address[], machine: Machine): Rank[] {
  const own = new Set([machine.hostname, ...machine.addresses].map((name) => name.toLowerCase()));
  return processes.flatMap(({ host }, index) => (isLoopback(host) || own.has(host.toLowerCase()) ? [index + 1] : []));
}
