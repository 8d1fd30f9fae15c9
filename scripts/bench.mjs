/**
 * npm run bench: makes a clone ready if need be, starts a cluster of its own on loopback, and measures what the client
 * library gets from it, beside etcd. See docs/benchmarks.md.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureReady, ROOT } from './ensure.mjs';

await ensureReady();
// In this very process: what the terminal and npm send on Ctrl-C then arrives where it belongs.
await import(pathToFileURL(join(ROOT, 'dist', 'test', 'bench', 'main.js')).href);
