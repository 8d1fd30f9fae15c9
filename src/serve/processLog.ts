/** The log of a process. */
import type { ProcessConfig } from '../../config/load.js';
import type { LeveledLog } from '../shell/winstonLog.js';
import { winstonLog } from '../shell/winstonLog.js';

export function processLog({ log, rank }: ProcessConfig): LeveledLog {
  // The supervisor puts the rank before each line.
  return winstonLog({
    ...log,
    fields: { rank },
    isPrefixed: process.env['ATDD_SUPERVISED'] === '1',
  });
}
