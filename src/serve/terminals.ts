/**
 * The two meanings of SIGHUP. If the terminal is gone, the program has to end. If there was none, or it is still there
 * (`kill -HUP`, systemd's reload), the configuration has to be read again. A stream of a closed terminal is no terminal
 * any more when the signal comes.
 */
import { isatty } from 'node:tty';

const DESCRIPTORS = [0, 1, 2];

const terminals = DESCRIPTORS.filter((descriptor) => isatty(descriptor));

/** Whether one of the standard streams was a terminal when the program began, and is none now. */
export function isTerminalGone(): boolean {
  return terminals.some((descriptor) => !isatty(descriptor));
}
