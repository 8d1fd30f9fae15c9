/** The repairs of a process of the strict mode, beside its healer (streams/pipelines/replica/healer.ts). */
import type { Observable } from 'rxjs';
import { NEVER, switchMap } from 'rxjs';
import type { StrictRepairOptions } from './repairOptions.js';
import { scrub } from './scrub.js';
import { strictRebuild } from './strictRebuild.js';
import { strictScrubPage } from './strictScrub.js';

/** Runs until unsubscribed. Emits nothing; an error means that the process has to stop. */
export function strictRepair(options: StrictRepairOptions): Observable<never> {
  return options.membership.memberState$.pipe(
    switchMap((memberState) => {
      switch (memberState) {
        case 'fresh':
          return NEVER;
        case 'joining':
          return strictRebuild(options);
        case 'member':
          return scrub(options, (start) => strictScrubPage(start, options));
      }
    }),
  );
}
