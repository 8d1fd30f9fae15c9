/** Leaves a mark that a storage folder is in use: see src/shell/storageMarker.ts. */
import { filter, take } from 'rxjs';
import type { ProcessConfig } from '../../config/load.js';
import type { Log } from '../ports/log.js';
import { writeMarker } from '../shell/storageMarker.js';
import type { RunningProcess } from '../startProcess.js';

/** From the moment on in which others may rest on what is stored there. */
export function markWhenMember(
  config: ProcessConfig,
  { memberState$ }: Pick<RunningProcess, 'memberState$'>,
  log: Log,
): void {
  const member$ = memberState$.pipe(filter((memberState) => memberState === 'member'));
  // A failure of the process is told by `failure$`.
  member$.pipe(take(1)).subscribe({
    next: () => {
      writeMarker(config.storage, config, log);
    },
    error: () => undefined,
  });
}
