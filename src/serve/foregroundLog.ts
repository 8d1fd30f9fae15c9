/** The log of a program that runs in the foreground. */
import type { ClusterConfig } from '../../config/load.js';
import type { LogFields } from '../ports/log.js';
import type { LeveledLog } from '../shell/winstonLog.js';
import { winstonLog } from '../shell/winstonLog.js';
import { isSupervised } from './foreground.js';

/** @param fields Fields of every line, which name the program. */
export function foregroundLog(log: ClusterConfig['log'], fields: LogFields): LeveledLog {
  // The supervisor puts the name of the program before each line.
  return winstonLog({ ...log, fields, isPrefixed: isSupervised() });
}
