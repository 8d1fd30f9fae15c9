/** npm run bench: what the client library gets from a cluster. See docs/benchmarks.md. */
import type { Shape } from './benchCluster.js';
import { shapeOf } from './benchCluster.js';
import { BenchRun, runToExit } from './benchRun.js';
import type { LoadMode } from './loadSpec.js';
import { COMMON_USAGE, orExit, parseOptions, wholeOption } from './options.js';
import type { ParsedOptions } from './options.js';

const USAGE = `npm run bench -- [options]
  --processes <n>     processes of the cluster (3)
  --connections <n>   connections of the client, over all processes (16), and
  --depth <n>         operations under way on each (16): this one row instead of several depths
  --mode <mode>       write or read: only these rows
${COMMON_USAGE}`;

const TOTALS = [1, 16, 64, 256];
const MODES: readonly LoadMode[] = ['write', 'read'];
const PROCESSES_MAX = 254;
const CONNECTIONS_MAX = 1_024;
const DEPTH_MAX = 255;

interface Settings {
  readonly processes: number;
  readonly shapes: readonly Shape[];
  readonly modes: readonly LoadMode[];
  readonly common: ParsedOptions['common'];
}

const settings = orExit(USAGE, () => read(process.argv.slice(2)));
const run = new BenchRun('bench', settings.common, settings.processes);
await runToExit(run.scope, () => measure(run, settings));

async function measure(bench: BenchRun, { shapes, modes, processes }: Settings): Promise<void> {
  await bench.start(shapes);
  await bench.inRounds(async () => {
    for (const mode of modes) {
      for (const shape of shapes) await bench.measureLibrary(mode, shape);
    }
    await bench.measureEtcd(modes, shapes);
  });
  await bench.finish({ processes });
}

function read(words: readonly string[]): Settings | null {
  const options = parseOptions(words, ['processes', 'connections', 'depth', 'mode']);
  if (options === null) return null;
  const { common, own } = options;
  const connections = wholeOption(own, 'connections', CONNECTIONS_MAX);
  const depth = wholeOption(own, 'depth', DEPTH_MAX);
  const isOne = connections !== undefined || depth !== undefined;
  const { mode } = own;
  const modes = MODES.filter((known) => mode === undefined || known === mode);
  if (modes.length === 0) throw new Error(`--mode has to be write or read, not ${mode}`);
  return {
    processes: wholeOption(own, 'processes', PROCESSES_MAX) ?? 3,
    shapes: isOne ? [{ connections: connections ?? 16, depth: depth ?? 16 }] : TOTALS.map(shapeOf),
    modes,
    common,
  };
}
