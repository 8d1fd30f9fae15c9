/**
 * npm run bench:rebuild: makes a clone ready if need be, fills a cluster of three processes, takes one's disk away, and
 * measures what clients get before and while it takes in everything again. --mib N. See docs/testing.md.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureReady, ROOT } from './ensure.mjs';

await ensureReady();
// In this very process: what the terminal and npm send on Ctrl-C then arrives where it belongs.
await import(pathToFileURL(join(ROOT, 'dist', 'test', 'rebuild', 'main.js')).href);
