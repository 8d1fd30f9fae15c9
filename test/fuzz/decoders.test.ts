/** A short run of `npm run fuzz -- --only decoders`: always the same cases, and some fresh ones. */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { chooseSeed } from '../helpers/seed.js';
import { fuzzDecoders, fuzzMemory, reportOf } from './decoders.js';

const FIXED_SEED = 1;
const FIXED_CASES = 480;
const FRESH_MS = 4_000;

async function fuzz(t: ExecutionContext, seed: number, mayGoOn: (casesDone: number) => boolean): Promise<void> {
  const { finding, summary } = await fuzzDecoders({ seed, mayGoOn });
  t.log(`seed ${seed}: ${summary}`);
  if (finding === null) t.pass();
  else t.fail(reportOf(seed, finding));
}

test.serial('decoders and a virtual process: the same cases every time', async (t) => {
  await fuzz(t, FIXED_SEED, (done) => done < FIXED_CASES);
});

test.serial('decoders and a virtual process: cases of a fresh seed', async (t) => {
  const untilMs = performance.now() + FRESH_MS;
  await fuzz(t, chooseSeed(), () => performance.now() < untilMs);
});

test.serial('nothing keeps more of what it is sent than it may', (t) => {
  const { fault, summary } = fuzzMemory(FIXED_SEED, 48);
  t.log(summary);
  t.is(fault, null);
});
