/** npm test: makes a clone ready if need be, then runs all tests; arguments go to AVA. */
import { binOf, ensureReady, runNode } from './ensure.mjs';

await ensureReady();
process.exitCode = await runNode([binOf('ava', 'entrypoints/cli.mjs'), ...process.argv.slice(2)]);
