/** bench:scale, the more processes: what an operation costs them. */
import type { ProgramScope } from '../chaos/programScope.js';
import type { BenchClusterOptions } from './benchCluster.js';
import { shapeOf, withCluster } from './benchCluster.js';
import type { Row } from './rows.js';
import { rowOf } from './rows.js';
import { evenShape, WARM_UP_FRESH_MS } from './scaleSteps.js';

const COUNTS = [3, 4, 5, 7];
const DEPTH = 64;
const ITEMS = 4_096;

export async function measureProcesses(
  scope: ProgramScope,
  options: Omit<BenchClusterOptions, 'processCount'>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const processCount of COUNTS) {
    await withCluster(scope, { ...options, processCount }, async (bench) => {
      await bench.fillTo(ITEMS, shapeOf(DEPTH));
      const shape = evenShape(processCount, DEPTH);
      for (const mode of ['write', 'read'] as const) {
        const more = { warmUpMs: WARM_UP_FRESH_MS };
        const result = await bench.load(bench.library, mode, shape, bench.pids, null, more);
        const depth = shape.connections * shape.depth;
        rows.push(rowOf(`${processCount} processes`, mode, depth, result));
      }
    });
  }
  return rows;
}
