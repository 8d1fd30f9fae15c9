/** npm run simulate, npm run simulate:faults: makes a clone ready if need be, then simulates. */
import { join } from 'node:path';
import { ensureReady, ROOT, runNode } from './ensure.mjs';

const [program, ...args] = process.argv.slice(2);
await ensureReady();
const file = join(ROOT, 'dist', 'test', 'sim', `${program}.js`);
process.exitCode = await runNode(['--enable-source-maps', file, ...args]);
