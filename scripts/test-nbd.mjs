/** npm run test:nbd: the gateway with the programs of others, for longer than npm test takes. */
import { binOf, ensureReady, runNode } from './ensure.mjs';

await ensureReady();
const ava = binOf('ava', 'entrypoints/cli.mjs');
const longer = { SEEN_BY_NEXT_REQUEST: '10000', FIO_SECONDS: '60', REQUIRE_TOOLS: '1' };
process.exitCode = await runNode([ava, '--timeout=10m', 'dist/test/nbd/tools.test.js'], {
  ...process.env,
  ...longer,
});
