/**
 * Random histories of coordinators in virtual time, with everything that may go wrong, judged for strict
 * linearizability: a write whose coordinator has crashed took effect before the crash or never (P1, P2).
 */
import test from 'ava';
import { checkLinearizable } from '../linearizability/check.js';
import { runHistory } from './randomHistory.js';

const RUNS = 12;

for (const processCount of [3, 5]) {
  test(`histories of ${processCount} processes are strictly linearizable, and every operation ends`, (t) => {
    let [reads, writes, updates] = [0, 0, 0];
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const run = runHistory({ processCount, seed: processCount * 1_000 + seed });
      const result = checkLinearizable(run.history);
      if (!result.ok) {
        t.fail(`seed ${run.seed}: ${result.violations.map(({ text }) => text).join('\n')}`);
        return;
      }
      t.is(run.stuck, '', `seed ${run.seed}`);
      reads += run.counts.read;
      writes += run.counts.write;
      updates += run.counts.update;
    }
    t.log(`${RUNS} runs: ${reads} reads, ${writes} writes, ${updates} updates were answered`);
    t.true(reads > 0 && writes > 0 && updates > 0);
  });
}
