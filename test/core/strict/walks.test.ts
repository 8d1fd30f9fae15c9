/**
 * Histories of the strict register drawn at random, from fixed seeds, for more processes, sectors and operations than
 * can be walked through completely (exhaustive.test.ts). Ranges overlap in part, so they are divided.
 */
import test from 'ava';
import { randomFrom, walk } from './explore.js';
import type { Plan, PlannedOperation } from './worldState.js';

const SECTORS = 5;

/** A plan at random: some operations on ranges that overlap. */
function planOf(seed: number, processCount: number, more: Partial<Plan>): Plan {
  const random = randomFrom(seed * 7 + processCount);
  const kinds = ['read', 'write', 'write', 'read', 'update', 'heal'] as const;
  const operations = Array.from({ length: 5 }, (_, index): PlannedOperation => {
    const kind = kinds[index < 2 ? index : random(kinds.length)];
    const first = random(SECTORS);
    const count = kind === 'update' ? 1 : 1 + random(SECTORS - first);
    return { kind, range: { first, count }, clock: random(4), stampsMax: 40 };
  });
  return { processCount, sectorCount: SECTORS, operations, ...more };
}

interface Walks {
  readonly name: string;
  readonly processCount: number;
  readonly more: Partial<Plan>;
  readonly walkCount: number;
}

const WALKS: readonly Walks[] = [
  { name: 'N = 3', processCount: 3, more: { coordinatorCrashes: 1, replicaCrashes: 2 }, walkCount: 150 },
  { name: 'N = 3, and a lost disk', processCount: 3, more: { coordinatorCrashes: 1, lostDisks: 1 }, walkCount: 120 },
  { name: 'N = 5', processCount: 5, more: { coordinatorCrashes: 1, replicaCrashes: 3 }, walkCount: 80 },
];

for (const { name, processCount, more, walkCount } of WALKS) {
  test(`${name}: every history is strictly linearizable, and nothing completed is undone`, (t) => {
    let finishedCount = 0;
    let stepCount = 0;
    for (let seed = 1; seed <= walkCount; seed += 1) {
      const result = walk(planOf(seed, processCount, more), seed, 600);
      t.is(result.violation, null, `seed ${seed}:\n${result.steps.join('\n')}`);
      finishedCount += result.finishedCount;
      stepCount += result.worldCount;
    }
    t.log(`${stepCount} steps, ${finishedCount} of ${walkCount} histories with every operation over`);
    t.true(finishedCount > walkCount / 4);
  });
}
