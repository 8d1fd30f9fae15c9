/** What every scenario gets, and the cluster that each part of one has for itself. */
import type { Dice } from '../helpers/seed.js';
import type { LoadOrder } from './hostCluster.js';
import { HostCluster } from './hostCluster.js';
import type { HostNetwork } from './hostNetwork.js';
import type { HostProgram } from './hostProgram.js';
import type { CommandLine } from './options.js';
import type { Report } from './report.js';

export interface Surrounding {
  readonly network: HostNetwork;
  readonly python: string;
  readonly options: CommandLine;
  readonly random: Dice;
  /** How far it is. */
  readonly say: (text: string) => void;
}

/** Emits the report of each of its parts as soon as it is there. */
export type RunScenario = (surrounding: Surrounding) => AsyncGenerator<Report>;

/** Of the disk: few enough that operations meet those that are held up. */
export const SECTORS = 256;
const WARM_OPERATIONS = 200;

export async function withCluster<Result>(
  { network, python, options }: Surrounding,
  run: (cluster: HostCluster) => Promise<Result>,
): Promise<Result> {
  const cluster = new HostCluster(network, options.processes, python, { sectors: SECTORS, members: options.members });
  try {
    await cluster.start();
    return await run(cluster);
  } finally {
    await cluster.end();
  }
}

/** Starts a gateway where the load goes through one. Resolves when the load has done so much. */
export async function startWarm(
  cluster: HostCluster,
  through: CommandLine['through'],
  order: LoadOrder,
): Promise<{ load: HostProgram; endAll: () => Promise<void> }> {
  const host = cluster.gatewayHost;
  const gateway = through === 'nbd' ? await cluster.startGateway(host) : null;
  if (gateway !== null) await cluster.fill(host, order.sectors);
  const load = cluster.startLoad(through, host, order);
  await load.until(({ lineCount }) => lineCount >= WARM_OPERATIONS, `the end of ${WARM_OPERATIONS} operations`);
  const endAll = async (): Promise<void> => {
    await load.end('SIGTERM');
    await gateway?.end('SIGKILL');
  };
  return { load, endAll };
}
