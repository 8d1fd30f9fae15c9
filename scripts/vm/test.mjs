/**
 * npm run test:vm: a Linux guest attaches the disk with the kernel's own driver, makes a file system and uses it while
 * processes and a gateway are killed (scenario.sh). Needs a Debian with qemu-system-x86_64 (installed if this is root)
 * and gcc.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { freePort, untilListening, withCluster } from './cluster.mjs';
import { ROOT, ensureReady } from '../ensure.mjs';

const SECTORS = 32_768;
const HERE = join(ROOT, 'scripts', 'vm');

await ensureReady();
try {
  process.exitCode = await withCluster({ processes: 3, sectors: SECTORS }, run);
} catch (error) {
  process.stderr.write(`atdd: ${error.message}\n`);
  process.exitCode = 1;
}

async function run(cluster) {
  const nbdMany = join(cluster.folder, 'nbd-many');
  const source = join(ROOT, 'tools', 'nbd-many.c');
  const compiled = spawnSync('gcc', ['-O2', '-static', '-o', nbdMany, source]);
  if (compiled.status !== 0) throw new Error(`gcc: ${compiled.stderr ?? compiled.error}`);
  const ports = [await freePort(), await freePort()];
  const gateways = ports.map((port) => cluster.start(['nbd', '--listen', `127.0.0.1:${port}`]));
  for (const port of ports) await untilListening(port);
  const scenario = join(cluster.folder, 'scenario.sh');
  const text = readFileSync(join(HERE, 'scenario.sh'), 'utf8');
  writeFileSync(scenario, `PORT2=${ports[1]}\n${text}`);
  const hookPort = await listenForWords((words) => obey(words, cluster, gateways));
  const hook = `bash '${join(HERE, 'hook.sh')}' ${hookPort}`;
  const options = ['-t', '280', '-s', scenario, '-a', nbdMany, '-H', hook];
  return runVm([join(HERE, 'vm-nbd.sh'), ...options, String(ports[0])]);
}

function runVm(args) {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', args, { stdio: ['ignore', 'inherit', 'inherit'] });
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill(signal));
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/** Answers each connection's one line with the exit code of what it asks for. */
function listenForWords(handle) {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      let line = '';
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        line += chunk;
        if (!line.endsWith('\n')) return;
        handle(line.trim().split(' ')).then(
          (code) => socket.end(`${code}\n`),
          () => socket.end('1\n'),
        );
      });
    });
    server.unref();
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
}

async function obey([verb, number], cluster, gateways) {
  const index = Number(number) - 1;
  if (verb === 'kill') return kill(cluster.members[index]);
  if (verb === 'kill-gateway') return kill(gateways[index]);
  if (verb !== 'start') return 127;
  const started = cluster.start(['run', '--rank', number]);
  cluster.members[index] = { rank: index + 1, ...started };
  await cluster.untilReady();
  return 0;
}

async function kill({ child, ended }) {
  if (child.exitCode !== null || child.signalCode !== null) return 1;
  child.kill('SIGKILL');
  await ended;
  return 0;
}
