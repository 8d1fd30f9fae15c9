/**
 * Loaded into a process of the program beside it (`node --import memoryProbe.js main.js`): on SIGUSR2 it collects
 * garbage and writes what is in use, as a line that `levels.ts` looks for. The resident memory of a process says
 * little: V8 gives back what it has got when it likes.
 */
import { usedBytes } from './garbage.js';

let count = 0;

process.on('SIGUSR2', () => {
  const used = usedBytes();
  const { rss } = process.memoryUsage();
  count += 1;
  process.stderr.write(`\nmemory probe ${JSON.stringify({ count, used, rss })}\n`);
});
