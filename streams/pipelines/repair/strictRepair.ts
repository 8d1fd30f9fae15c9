/** The repairs of a process of the strict mode, beside its healer (streams/pipelines/replica/healer.ts). */
import type { Observable } from 'rxjs';
import { NEVER, defer, switchMap } from 'rxjs';
import { upPorts } from './askReplica.js';
import type { StrictRepairOptions } from './repairOptions.js';
import { scrub, type Comparison } from './scrub.js';
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
          return scrub(options, (start) => strictScrubPage(start, options), ofForgotten(options));
      }
    }),
  );
}

/** Milliseconds from the beginning of a comparison to that of the next one, if the first did not do. */
const COMPARE_PAUSE_MS = 10_000;

/** When what replicas lack was forgotten, all copies are compared as soon as all of them can be asked. */
function ofForgotten(options: StrictRepairOptions): Comparison {
  const { regions, regionNotes } = options.strict.state;
  let begunMs = -Infinity;
  let forgotten = 0;
  return {
    isDue: () =>
      regions.forgotten > 0 &&
      upPorts(options).length === options.processCount - 1 &&
      options.clock.now() - begunMs >= COMPARE_PAUSE_MS,
    begins: () => {
      begunMs = options.clock.now();
      forgotten = regions.forgotten;
    },
    done: () => defer(() => regionNotes.compared(forgotten)),
  };
}
