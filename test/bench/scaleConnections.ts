/** bench:scale, the more connections: each has one operation under way. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchCluster } from './benchCluster.js';
import { shapeOf } from './benchCluster.js';
import type { Row } from './rows.js';
import { rowOf } from './rows.js';
import { residentBytes } from './scaleSectors.js';
import { fitsDescriptors, openFilesMax } from './scaleSteps.js';

const COUNTS = [1, 10, 100, 1_000];
const ITEMS = 4_096;
const FILL_DEPTH = 64;
/** Dialling and being let in takes time for each connection. */
const WARM_UP_MS_PER_CONNECTION = 2;
const WARM_UP_MS = 1_000;

/** While there was load, of a process each, by rank. */
export interface ConnectionStep {
  readonly connections: number;
  readonly what: 'write' | 'read';
  readonly residentBytes: readonly number[];
  /** Sockets beyond those that each process had without a client. */
  readonly sockets: readonly number[];
}

export interface ConnectionScale {
  readonly rows: readonly Row[];
  readonly steps: readonly ConnectionStep[];
  readonly stopped: string | null;
}

export async function measureConnections(bench: BenchCluster, seconds: number): Promise<ConnectionScale> {
  await bench.fillTo(ITEMS, shapeOf(FILL_DEPTH));
  const filesMax = openFilesMax(readFileSync('/proc/self/limits', 'latin1'));
  const socketsBefore = await socketCounts(bench);
  const rows: Row[] = [];
  const steps: ConnectionStep[] = [];
  for (const connections of COUNTS) {
    if (!fitsDescriptors(connections, filesMax)) {
      const stopped = `${connections} connections do not fit: a program may open ${filesMax} files`;
      return { rows, steps, stopped };
    }
    for (const what of ['write', 'read'] as const) {
      let looked = Promise.resolve();
      const look = async (): Promise<void> => {
        // In the middle of what is measured.
        await sleep((seconds * 1_000) / 2);
        const sockets = (await socketCounts(bench)).map((count, at) => count - socketsBefore[at]);
        steps.push({ connections, what, residentBytes: residentBytes(bench), sockets });
      };
      const begun = (): void => {
        looked = look();
      };
      const warmUpMs = WARM_UP_MS + WARM_UP_MS_PER_CONNECTION * connections;
      const shape = { connections, depth: 1 };
      const more = { begun, warmUpMs };
      const result = await bench.load(bench.library, what, shape, bench.pids, null, more);
      await looked;
      rows.push(rowOf(`${connections} connections`, what, connections, result));
    }
  }
  return { rows, steps, stopped: null };
}

async function socketCounts({ cluster }: BenchCluster): Promise<number[]> {
  const all = await Promise.all(cluster.ranks.map((rank) => cluster.descriptors(rank)));
  return all.map((targets) => targets.filter((target) => target.startsWith('socket:')).length);
}
