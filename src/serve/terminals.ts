/**
 * What SIGHUP means: that the terminal is gone, or, if there was none or it is still there (`kill -HUP`, systemd's
 * reload), that the configuration is to be read again. A terminal that has been closed is none any more when the signal
 * comes.
 */
import { isatty } from 'node:tty';

const DESCRIPTORS = [0, 1, 2];

const terminals = DESCRIPTORS.filter((descriptor) => isatty(descriptor));

/** Whether one of the standard streams was a terminal when the program began, and is none now. */
export function isTerminalGone(): boolean {
  return terminals.some((descriptor) => !isatty(descriptor));
}
