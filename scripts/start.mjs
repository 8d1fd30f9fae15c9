/** npm start: makes a clone ready if need be, then runs the cluster of config/cluster.json. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureReady, ROOT } from './ensure.mjs';

await ensureReady();
// In this very process: what the terminal and npm send on Ctrl-C then arrives where it belongs.
const program = join(ROOT, 'dist', 'main.js');
const given = process.argv.slice(2);
const config = given.some((word) => /^(-c|--config)/.test(word))
  ? []
  : ['--config', join(ROOT, 'config', 'cluster.json')];
process.argv = [process.execPath, program, 'cluster', ...config, ...given];
await import(pathToFileURL(program).href);
