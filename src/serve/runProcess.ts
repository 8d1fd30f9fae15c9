/** `atdd run`, up to the start of the process itself. Loads little: see src/main.ts. */
import { loadProcessConfig } from '../../config/load.js';
import { announceConfig } from './announceConfig.js';
import { beginInForeground } from './foreground.js';

/** The options of the command line; null: not given. */
export interface RunOptions {
  readonly config: string | null;
  readonly rank: string | null;
  /** Whether an operator vouches that there is no cluster yet. */
  readonly isFounder: boolean;
}

/** Runs one process until it ends. @returns its exit code. @throws {AtomicDiskError} */
export async function runProcess({ config: file, rank, isFounder }: RunOptions): Promise<number> {
  beginInForeground();
  const config = loadProcessConfig({ file, rank });
  announceConfig(config);
  const { run } = await import('./run.js');
  return run(config, isFounder);
}
