/** npm run fuzz: hostile input for a while; --help tells the options, docs/testing.md the rest. */
import { join } from 'node:path';
import { ROOT, ensureReady, runNode } from './ensure.mjs';

await ensureReady();
const program = join(ROOT, 'dist', 'test', 'fuzz', 'main.js');
process.exitCode = await runNode(['--enable-source-maps', program, ...process.argv.slice(2)]);
