/**
 * A stand-in for a process under supervision, told by its arguments how to behave: port of its address, then any of
 * `stubborn` (takes no notice of SIGTERM), `crash=N` (ends with exit code N at once). It ends when its supervisor is
 * gone, as src/main.ts does.
 */
import { createServer } from 'node:net';

const [port, ...manners] = process.argv.slice(2);
const crash = manners.find((manner) => manner.startsWith('crash='));
if (crash !== undefined) {
  console.log('crashing');
  process.exit(Number(crash.slice('crash='.length)));
}

console.log(`pid ${process.pid} supervised ${process.env['ATDD_SUPERVISED'] ?? 'no'}`);
const server = createServer().listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => {
  console.error('asked to end');
  if (!manners.includes('stubborn')) {
    server.close();
    process.disconnect();
  }
});
process.once('disconnect', () => {
  process.exit(0);
});
