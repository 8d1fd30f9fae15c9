/**
 * npm run kill: kill -9 of a process that overwrites like mad, for hundreds of rounds (npm test has some dozens).
 * --rounds N, default 300. See test/store/kill.test.ts.
 */
import { parseArgs } from 'node:util';
import { binOf, ensureReady, runNode } from './ensure.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '300' } } });
if (!/^[1-9]\d{0,5}$/.test(values.rounds)) {
  process.stderr.write(`--rounds: found ${values.rounds}, expected 1 to 999999\n`);
  process.exit(2);
}
await ensureReady();
const ava = binOf('ava', 'entrypoints/cli.mjs');
process.exitCode = await runNode([ava, '--timeout=10m', 'dist/test/store/kill.test.js'], {
  ...process.env,
  ATDD_KILL_ROUNDS: values.rounds,
});
