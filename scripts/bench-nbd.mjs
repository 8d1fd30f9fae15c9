/**
 * npm run bench:nbd: makes a clone ready if need be, lets fio (Debian: fio) write and read through a gateway to a
 * cluster of its own, beside the client library and etcd, and measures how long clients stand still when a process is
 * killed. See docs/benchmarks.md.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureReady, ROOT } from './ensure.mjs';

await ensureReady();
// In this very process: what the terminal and npm send on Ctrl-C then arrives where it belongs.
await import(pathToFileURL(join(ROOT, 'dist', 'test', 'bench', 'nbdMain.js')).href);
