/**
 * npm run bench: starts a cluster of its own on loopback (free ports, fresh keys, data in a
 * temporary folder), measures writes and then reads of the same sectors with `atdd bench`, and
 * shows what the processes came to. Nothing of it is left afterwards.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { withCluster } from './benchCluster.mjs';
import { ensureReady } from './ensure.mjs';

const USAGE = `npm run bench -- [options]
  --processes <n>     processes of the cluster (3)
  --connections <n>   connections of the client, over all processes (16)
  --depth <n>         operations under way on each (16)
  --seconds <s>       how long each measurement takes (10)
  --json <file>       also write the result there`;

const DISK_SECTORS = 262_144;

const options = readOptions();
await ensureReady();
try {
  const interrupted = new Promise((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM']) {
      process.once(signal, () => reject(new Error('interrupted')));
    }
  });
  const { processes } = options;
  await withCluster({ processes, sectors: DISK_SECTORS }, (cluster) =>
    Promise.race([run(cluster), interrupted]),
  );
} catch (error) {
  process.stderr.write(`atdd: ${error.message}\n`);
  process.exitCode = 1;
}
// A command that was interrupted may still be running.
process.exit();

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        processes: { type: 'string', default: '3' },
        connections: { type: 'string', default: '16' },
        depth: { type: 'string', default: '16' },
        seconds: { type: 'string', default: '10' },
        json: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) {
      process.stdout.write(`${USAGE}\n`);
      process.exit(0);
    }
    const processes = Number(values.processes);
    if (!(Number.isInteger(processes) && processes >= 1 && processes <= 254)) {
      throw new Error('--processes has to be a whole number from 1 to 254');
    }
    return { ...values, processes };
  } catch (error) {
    process.stderr.write(`${error.message}\n${USAGE}\n`);
    process.exit(2);
  }
}

async function run(cluster) {
  const { writes } = await measure(cluster, 'write');
  const { reads } = await measure(cluster, 'read');
  const processes = cluster.members.map((member) => ({
    rank: member.rank,
    ...residentBytes(member),
  }));
  show(writes, reads, processes);
  if (options.json === undefined) return;
  const [connections, depth, seconds] = [options.connections, options.depth, options.seconds].map(
    Number,
  );
  const setting = { processes: options.processes, connections, depth, seconds };
  const machine = { node: process.version, cores: cpus().length, model: cpus()[0]?.model };
  const result = { date: new Date().toISOString(), ...setting, machine, writes, reads };
  writeFileSync(options.json, `${JSON.stringify({ ...result, memory: processes }, null, 2)}\n`);
}

async function measure(cluster, mode) {
  process.stderr.write(`atdd: measuring ${mode}s for ${options.seconds} s\n`);
  const { connections, depth, seconds } = options;
  const setting = ['--connections', connections, '--depth', depth, '--seconds', seconds];
  const sectors = ['--sectors', String(Math.max(4_096, connections * depth))];
  const words = ['bench', '--json', '--mode', mode, ...setting, ...sectors];
  const { code, output, errors } = await cluster.atdd(words);
  if (code !== 0) throw new Error(errors);
  return JSON.parse(output);
}

/** Memory of a process, now and at most, where the system tells (Linux). */
function residentBytes({ child }) {
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const field = (name) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
    return { residentBytes: field('VmRSS'), residentBytesMax: field('VmHWM') };
  } catch {
    return { residentBytes: null, residentBytesMax: null };
  }
}

function show(writes, reads, processes) {
  const { connections, depth, seconds } = options;
  const columns = ['', 'ops/s', 'p50 ms', 'p90 ms', 'p99 ms', 'p99.9 ms', 'max ms'];
  const row = (name, { perSecond, p50, p90, p99, p999, max }) => [
    name,
    Math.round(perSecond),
    ...[p50, p90, p99, p999, max].map((ms) => ms.toFixed(2)),
  ];
  const lines = [columns, row('writes', writes), row('reads', reads)].map((cells) =>
    cells.map((cell, index) => (index === 0 ? cell.padEnd(8) : String(cell).padStart(10))).join(''),
  );
  const mebibytes = (bytes) => (bytes === null ? '?' : (bytes / 2 ** 20).toFixed(0));
  const memory = processes.map(
    ({ rank, residentBytes: now, residentBytesMax: most }) =>
      `process ${rank}: ${mebibytes(now)} MiB resident, ${mebibytes(most)} at most`,
  );
  const title =
    `${options.processes} processes, ${connections} connections x ${depth} outstanding, ` +
    `${seconds} s each, ${cpus().length} cores, Node ${process.version}`;
  process.stdout.write(`${[title, ...lines, ...memory].join('\n')}\n`);
}
