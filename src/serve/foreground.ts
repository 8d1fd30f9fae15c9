/**
 * The first moments of the program, before it has loaded what it runs in the foreground: a process, the NBD
 * gateway, the supervisor. Light: see src/main.ts.
 */
import { EXIT_SUCCESS } from '../exitCodes.js';
import { isTerminalGone } from './terminals.js';

/** The environment variable by which the supervisor marks its children. */
export const SUPERVISED_ENVIRONMENT = { ATDD_SUPERVISED: '1' } as const;

let hasTakenSignals = false;

/** Whether the supervisor has started this program. */
export function isSupervised(): boolean {
  return process.env['ATDD_SUPERVISED'] === SUPERVISED_ENVIRONMENT.ATDD_SUPERVISED;
}

/**
 * From now on a signal ends the program, and so does the end of its supervisor. Until `takeSignals` is called it
 * ends at once, with exit code 0.
 */
export function beginInForeground(): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, endEarly);
  process.on('SIGHUP', () => {
    // Any other SIGHUP asks to read the configuration again, which is about to be read anyway.
    if (isTerminalGone()) endEarly();
  });
  if (isSupervised()) endWithSupervisor();
}

/** From now on the caller listens for signals itself, because there is something to end in good order. */
export function takeSignals(): void {
  hasTakenSignals = true;
}

function endEarly(): void {
  if (!hasTakenSignals) process.exit(EXIT_SUCCESS);
}

/** The channel to the supervisor breaks when the supervisor has ended, even by SIGKILL. */
function endWithSupervisor(): void {
  const end = (): void => {
    process.kill(process.pid, 'SIGTERM');
  };
  process.once('disconnect', end);
  // The supervisor may have ended while this program was loaded, before there was a listener for that event.
  if (!process.connected) end();
  // The channel alone must not keep the program running.
  process.channel?.unref();
}

/**
 * The reader of the output may go away (`| head`); that alone does not end the program. Without this, an error of these
 * streams ends it with a stack trace, even an error that `writeStdout` reports.
 */
export function ignoreOutputErrors(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}
