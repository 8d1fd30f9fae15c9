/** `atdd run`, up to the point where the process itself takes over. Light: see src/main.ts. */
import { loadProcessConfig } from '../../config/load.js';
import { announceConfig } from './announceConfig.js';
import { isTerminalGone } from './terminals.js';
import { ignoreOutputErrors } from './ignoreOutputErrors.js';

/** As the command line says; null: not said. */
export interface RunOptions {
  readonly config: string | null;
  readonly rank: string | null;
  /** An operator vouches that there is no cluster yet. */
  readonly isFounder: boolean;
}

/** Runs one process until it ends. @returns its exit code. @throws {AtomicDiskError} */
export async function runProcess({ config: file, rank, isFounder }: RunOptions): Promise<number> {
  const config = loadProcessConfig({ file, rank });
  announceConfig(config);
  ignoreOutputErrors();
  for (const name of ['SIGTERM', 'SIGINT'] as const) endEarlyOn(name);
  // What it asks for besides has just been done.
  process.on('SIGHUP', () => {
    if (isTerminalGone() && process.listenerCount('SIGHUP') === 1) process.exit(0);
  });
  if (process.env['ATDD_SUPERVISED'] === '1') endWithSupervisor();
  const { run } = await import('./run.js');
  return run(config, isFounder);
}

/** Ends in good order on a signal that comes before there is anything to end. */
function endEarlyOn(signal: NodeJS.Signals): void {
  process.on(signal, () => {
    // Once the process has loaded what it runs, it listens for itself.
    if (process.listenerCount(signal) === 1) process.exit(0);
  });
}

/** The channel to the supervisor breaks when that has ended, even by SIGKILL. */
function endWithSupervisor(): void {
  const end = (): void => {
    process.kill(process.pid, 'SIGTERM');
  };
  process.once('disconnect', end);
  // It may have ended while this program was loaded: that was told to nobody.
  if (!process.connected) end();
  // The channel alone is no reason to go on.
  process.channel?.unref();
}
