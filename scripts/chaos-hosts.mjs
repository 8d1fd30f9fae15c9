/**
 * npm run chaos:hosts: makes a clone ready if need be, then runs a cluster on hosts made of network namespaces, and cuts,
 * stops and kills them. See docs/testing.md. Exit code 3: there are no such hosts here, and nothing was tried.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureReady, ROOT } from './ensure.mjs';

await ensureReady();
// In this very process: what the terminal and npm send on Ctrl-C then arrives where it belongs.
await import(pathToFileURL(join(ROOT, 'dist', 'test', 'hosts', 'main.js')).href);
