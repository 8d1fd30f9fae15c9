/**
 * npm run chaos: makes a clone ready if need be, then mistreats a cluster of real processes for as long as it is told
 * (--minutes), and judges what the clients saw. See docs/testing.md.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureReady, ROOT } from './ensure.mjs';

await ensureReady();
// In this very process: what the terminal and npm send on Ctrl-C then arrives where it belongs.
await import(pathToFileURL(join(ROOT, 'dist', 'test', 'chaos', 'main.js')).href);
