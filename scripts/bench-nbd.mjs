/**
 * npm run bench:nbd: what a block device on the cluster can do. Starts a cluster and a gateway of
 * its own, lets fio (Debian: fio) write and read through it, and puts beside it what the client
 * library does without a gateway, at the same depth.
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort, runToEnd, untilListening, withCluster } from './benchCluster.mjs';
import { ensureReady } from './ensure.mjs';

const SECTORS = 16_384;
const DEPTHS = [1, 16, 64];
const USAGE = 'npm run bench:nbd -- [--seconds <s>, for each of the 14 measurements (5)]';

await ensureReady();
try {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '5' } } });
  const seconds = Number(values.seconds);
  if (!(seconds >= 1)) throw new Error(USAGE);
  await withCluster({ processes: 3, sectors: SECTORS }, (cluster) => run(cluster, seconds));
} catch (error) {
  process.stderr.write(`atdd: ${error.message}\n`);
  process.exitCode = 1;
}

async function run(cluster, seconds) {
  const port = await freePort();
  cluster.start(['nbd', '--listen', `127.0.0.1:${port}`]);
  await untilListening(port);
  const uri = `nbd://127.0.0.1:${port}`;
  say(
    `3 processes and a gateway, ${seconds} s each, ${cpus().length} cores, Node ${process.version}`,
  );
  say(row('4 KiB', 'depth', 'gateway/s', 'p99 ms', 'library/s', 'gateway %'));
  for (const mode of ['write', 'read']) {
    for (const depth of DEPTHS) {
      const through = await fio(cluster, uri, `rand${mode}`, '4k', depth, seconds);
      const direct = await library(cluster, mode, depth, seconds);
      const share = Math.round((100 * through.perSecond) / direct);
      const cells = [depth, Math.round(through.perSecond), through.p99Ms.toFixed(1)];
      say(row(mode, ...cells, Math.round(direct), share));
    }
  }
  for (const mode of ['write', 'read']) {
    const { bytesPerSecond } = await fio(cluster, uri, mode, '1m', 4, seconds);
    say(`sequential ${mode}, 1 MiB, depth 4: ${(bytesPerSecond / 2 ** 20).toFixed(1)} MiB/s`);
  }
}

async function fio(cluster, uri, mode, blockSize, depth, seconds) {
  const job = ['--name=bench', '--ioengine=nbd', `--uri=${uri}`, `--rw=${mode}`];
  const shape = [`--bs=${blockSize}`, `--iodepth=${depth}`, `--size=${SECTORS * 4_096}`];
  const time = ['--time_based=1', `--runtime=${seconds}`, '--output-format=json'];
  const file = join(cluster.folder, 'fio.json');
  const words = [...job, ...shape, ...time, '--randrepeat=0', `--output=${file}`];
  const { code, output, errors } = await runToEnd('fio', words).catch(() => {
    throw new Error('fio is not installed (apt-get install fio)');
  });
  if (code !== 0) throw new Error(output + errors);
  const text = readFileSync(file, 'utf8');
  const [result] = JSON.parse(text.slice(text.indexOf('{'))).jobs;
  const side = mode.endsWith('write') ? result.write : result.read;
  return {
    perSecond: side.iops,
    bytesPerSecond: side.bw_bytes,
    p99Ms: side.clat_ns.percentile['99.000000'] / 1e6,
  };
}

/** Operations a second of `atdd bench` with so many under way. */
async function library(cluster, mode, depth, seconds) {
  const connections = Math.min(depth, 4);
  const setting = ['--connections', connections, '--depth', depth / connections].map(String);
  const words = ['bench', '--json', '--mode', mode, ...setting, '--seconds', String(seconds)];
  const overwriting = mode === 'write' ? ['--overwrite'] : [];
  const { code, output, errors } = await cluster.atdd([...words, ...overwriting]);
  if (code !== 0) throw new Error(errors);
  return JSON.parse(output)[`${mode}s`].perSecond;
}

function row(...cells) {
  return cells.map((cell, at) => (at === 0 ? cell.padEnd(8) : String(cell).padStart(11))).join('');
}

function say(line) {
  process.stdout.write(`${line}\n`);
}
