/** Leaves a mark that a storage folder is in use: see src/shell/storageMarker.ts. */
import { filter, take } from 'rxjs';
import type { ProcessConfig } from '../../config/load.js';
import type { Log } from '../ports/log.js';
import { writeMarker } from '../shell/storageMarker.js';
import type { RunningProcess } from '../startProcess.js';

/** Does so once the process is a member: from then on others rely on what is stored there. */
export function markWhenMember(
  config: ProcessConfig,
  { memberState$ }: Pick<RunningProcess, 'memberState$'>,
  log: Log,
): void {
  const member$ = memberState$.pipe(filter((memberState) => memberState === 'member'));
  // `failure$` reports failures of the process.
  member$.pipe(take(1)).subscribe({
    next: () => {
      writeMarker(config.storage, config, log);
    },
    error: () => undefined,
  });
}
