/** Sums and differences of what processes count. Pure. */
import type { ProcessCounters } from '../../src/core/counters.js';
import { newCounters } from '../../src/core/counters.js';

const NAMES = Object.keys(newCounters()) as (keyof ProcessCounters)[];

export function sumOf(one: ProcessCounters, other: ProcessCounters): ProcessCounters {
  return combine((name) => one[name] + other[name]);
}

export function difference(after: ProcessCounters, before: ProcessCounters): ProcessCounters {
  return combine((name) => after[name] - before[name]);
}

/** What one of so many operations comes to. */
export function perOperation(counters: ProcessCounters, operations: number): ProcessCounters {
  return combine((name) => counters[name] / operations);
}

function combine(value: (name: keyof ProcessCounters) => number): ProcessCounters {
  const result = newCounters();
  for (const name of NAMES) result[name] = value(name);
  return result;
}
