/**
 * Every order of events there is, for small clusters and few operations: the production reducer, walked through
 * completely. Messages may arrive late, twice, in any order, or not at all.
 */
import test from 'ava';
import type { PlannedOperation, World } from './registerWorld.js';
import { describeWorld, isExplained, newWorld, successors, worldKey } from './registerWorld.js';

interface Exploration {
  readonly worldCount: number;
  readonly finishedCount: number;
  readonly unexplained: World | null;
}

function explore(
  processCount: number,
  plan: readonly PlannedOperation[],
  crashesLeft: number,
  isExtended: boolean,
): Exploration {
  const seen = new Set<string>();
  const stack = [newWorld(processCount, plan, { crashesLeft, isExtended })];
  let finishedCount = 0;
  for (let world = stack.pop(); world !== undefined; world = stack.pop()) {
    if (!isExplained(world.fates, plan)) {
      return { worldCount: seen.size, finishedCount, unexplained: world };
    }
    if (world.fates.every(({ status }) => status === 'done')) finishedCount += 1;
    for (const next of successors(world, plan)) {
      const key = worldKey(next);
      if (seen.has(key)) continue;
      seen.add(key);
      stack.push(next);
    }
  }
  return { worldCount: seen.size, finishedCount, unexplained: null };
}

const write = (rank: number, value: number): PlannedOperation => ({ rank, kind: 'write', value });
const read = (rank: number): PlannedOperation => ({ rank, kind: 'read', value: 0 });

interface Scenario {
  readonly name: string;
  readonly processCount: number;
  readonly plan: readonly PlannedOperation[];
  readonly crashCount?: number;
  /** With the extension there are millions of worlds: without it only. */
  readonly isPlainOnly?: boolean;
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'N = 1: two writes and two reads',
    processCount: 1,
    plan: [write(1, 1), read(1), write(1, 2), read(1)],
  },
  {
    name: 'N = 1: a crash at any moment',
    processCount: 1,
    plan: [write(1, 1), write(1, 2), read(1)],
    crashCount: 1,
  },
  { name: 'N = 3: a write and a read', processCount: 3, plan: [write(1, 1), read(2)] },
  {
    name: 'N = 3: a write and a read, and a crash at any moment',
    processCount: 3,
    plan: [write(1, 1), read(2)],
    crashCount: 1,
  },
  { name: 'N = 3: two writers', processCount: 3, plan: [write(3, 1), write(1, 2)] },
  {
    name: 'N = 3: two operations of one process wait for each other',
    processCount: 3,
    plan: [write(2, 1), read(2)],
  },
  {
    name: 'N = 3: a write and two reads, one may follow the other',
    processCount: 3,
    plan: [write(1, 1), read(2), read(3)],
    isPlainOnly: true,
  },
  {
    name: 'N = 3: two writes and a read',
    processCount: 3,
    plan: [write(1, 1), write(3, 2), read(2)],
    isPlainOnly: true,
  },
  {
    name: 'N = 3: a writer that crashes, writes again, and a read',
    processCount: 3,
    plan: [write(3, 1), write(3, 2), read(1)],
    crashCount: 1,
    isPlainOnly: true,
  },
  {
    name: 'N = 3: a write and two reads, and a crash at any moment',
    processCount: 3,
    plan: [write(1, 1), read(2), read(3)],
    crashCount: 1,
    isPlainOnly: true,
  },
  {
    name: 'N = 4: a write and a read',
    processCount: 4,
    plan: [write(1, 1), read(4)],
    isPlainOnly: true,
  },
  {
    name: 'N = 5: a write and a read',
    processCount: 5,
    plan: [write(5, 1), read(1)],
    isPlainOnly: true,
  },
];

for (const isExtended of [false, true]) {
  const scenarios = SCENARIOS.filter(({ isPlainOnly }) => !(isExtended && isPlainOnly === true));
  for (const { name, processCount, plan, crashCount = 0 } of scenarios) {
    test(isExtended ? `with the extension, ${name}` : name, (t) => {
      const result = explore(processCount, plan, crashCount, isExtended);
      t.log(`${result.worldCount} worlds, ${result.finishedCount} with every operation done`);
      t.is(result.unexplained, null, describeWorld(result.unexplained));
      t.true(result.finishedCount > 0);
    });
  }
}
