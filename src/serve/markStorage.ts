/** Writes the marker of a storage folder that is in use: see src/shell/storageMarker.ts. */
import { filter, take } from 'rxjs';
import type { ProcessConfig } from '../../config/load.js';
import type { Log } from '../ports/log.js';
import { writeMarker } from '../shell/storageMarker.js';
import type { RunningProcess } from '../startProcess.js';

/** Writes it once the process is a member, because from then on others rely on what is stored there. */
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
