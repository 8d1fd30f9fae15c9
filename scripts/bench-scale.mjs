/**
 * npm run bench:scale: makes a clone ready if need be, and measures what grows with the number of sectors written, of
 * processes, and of client connections. See docs/benchmarks.md.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureReady, ROOT } from './ensure.mjs';

await ensureReady();
// In this very process: what the terminal and npm send on Ctrl-C then arrives where it belongs.
await import(pathToFileURL(join(ROOT, 'dist', 'test', 'bench', 'scaleMain.js')).href);
