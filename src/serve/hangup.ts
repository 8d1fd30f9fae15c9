/** SIGHUP: see terminals.ts. */
import type { Observable } from 'rxjs';
import { defer, filter, fromEvent, map, merge, share } from 'rxjs';
import type { ClusterConfig, ProcessConfig } from '../../config/load.js';
import { loadProcessConfig } from '../../config/load.js';
import { ConfigInvalid } from '../../config/mistake.js';
import type { Log } from '../ports/log.js';
import type { LogLevel } from '../shell/winstonLog.js';
import { takeSignals } from './foreground.js';
import { isTerminalGone } from './terminals.js';

const hangup$ = fromEvent(process, 'SIGHUP').pipe(
  map(() => (isTerminalGone() ? 'end' : 'reload')),
  share(),
);

/** The configuration is to be read again. */
export const reload$: Observable<unknown> = hangup$.pipe(filter((what) => what === 'reload'));

/**
 * Emits for each signal that asks a process, a gateway or the supervisor to end. From the first subscription on, these
 * signals have no other effect.
 */
export const endSignal$: Observable<unknown> = defer(() => {
  takeSignals();
  return merge(
    fromEvent(process, 'SIGTERM'),
    fromEvent(process, 'SIGINT'),
    hangup$.pipe(filter((what) => what === 'end')),
  );
});

export interface ReloadOptions<C extends ClusterConfig> {
  readonly config: C;
  readonly load: (file: string) => C;
  readonly setLevel: (level: LogLevel) => void;
  readonly log: Log;
}

/**
 * Reads the configuration again and takes over the log level. Other changes take a restart: the log names them. A file
 * with mistakes changes nothing.
 * @returns the configuration to compare with the next time.
 */
export function reload<C extends ClusterConfig>(options: ReloadOptions<C>): C {
  const { config, load, setLevel, log } = options;
  let read: C;
  try {
    read = load(config.file);
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    log.error('the configuration is as it was: what was read again has mistakes', {
      error: error.message,
    });
    return config;
  }
  setLevel(read.log.level);
  const changed = changedFields(config, read);
  log.info('read the configuration again', { level: read.log.level });
  if (changed.length > 0) {
    log.warn('changed in the configuration, and taken over at the next start only', { changed });
  }
  // Fields that were not taken over still differ the next time.
  return { ...config, log: { ...config.log, level: read.log.level } };
}

/** From now on reads the configuration again at each SIGHUP that asks for it. */
export function reloadOnHangup<C extends ClusterConfig>(options: ReloadOptions<C>): void {
  let { config } = options;
  reload$.subscribe({
    next: () => {
      config = reload({ ...options, config });
    },
    // Signals do not fail, so an error here is a defect of the program.
    error: (error: unknown) => {
      throw error;
    },
  });
}

/** Does the same for a process. */
export function reloadProcessOnHangup(config: ProcessConfig, log: Log, setLevel: (level: LogLevel) => void): void {
  const load = (file: string): ProcessConfig => {
    return loadProcessConfig({ file, rank: String(config.rank) });
  };
  reloadOnHangup({ config, load, setLevel, log });
}

const NOT_COMPARED: readonly string[] = ['file', 'chosenBy', 'warnings', 'log'];

function changedFields(before: ClusterConfig, after: ClusterConfig): string[] {
  const afterFields = new Map<string, unknown>(Object.entries(after));
  const changed = Object.entries(before).filter(
    ([name, value]) => !NOT_COMPARED.includes(name) && JSON.stringify(value) !== JSON.stringify(afterFields.get(name)),
  );
  return changed.map(([name]) => name);
}
