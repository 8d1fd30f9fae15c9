/** Says in the log of the gateway whether a majority of the processes answers. */
import type { Subscription } from 'rxjs';
import { EMPTY, catchError, firstValueFrom, ignoreElements, map, merge, of, retry, tap } from 'rxjs';
import type { ClusterConfig } from '../../config/load.js';
import type { ClientDisk } from '../client/clientDisk.js';
import { watchMajority } from '../client/majorityWatch.js';
import type { Rank } from '../core/rank.js';
import { AtomicDiskError, troubleOf } from '../errors.js';
import type { Log, LogFields } from '../ports/log.js';
import { monotonicClock } from '../shell/monotonicClock.js';

export interface ReadinessParts {
  readonly disk: ClientDisk;
  readonly log: Log;
  /** The addresses at which the gateway listens, for the log. */
  readonly where: LogFields;
}

/** How long a process may take to answer a ping (milliseconds). */
const ANSWER_MS = 1_000;

/** Logs `ready` once a majority has answered. Before and after that, it logs what the gateway waits for. */
export function logReadiness({ processes }: ClusterConfig, { disk, log, where }: ReadinessParts): Subscription {
  const ask = (rank: Rank): Promise<string | null> =>
    firstValueFrom(
      disk.ping(rank, ANSWER_MS).pipe(
        map(() => null),
        catchError((error: unknown) => of(troubleOf(error))),
      ),
    );
  const news$ = watchMajority({
    ranks: processes.map((_, index) => index + 1),
    isWaiting: () => disk.operationCount > 0,
    answers: () => disk.counters.answers,
    ask,
    scheduler: monotonicClock,
  }).pipe(
    tap((news) => {
      if (news.kind === 'moves') log.info('a majority answers again');
      else log.warn(news.text);
    }),
    ignoreElements(),
  );
  // The read may fail with a time-out, if requests have a time limit: then it is repeated.
  const first$ = disk.read(0).pipe(
    retry({ delay: (error: unknown) => (isTimeout(error) ? of(null) : EMPTY) }),
    tap(() => {
      log.info('ready', where);
    }),
    ignoreElements(),
  );
  return merge(news$, first$).subscribe();
}

function isTimeout(error: unknown): boolean {
  return error instanceof AtomicDiskError && error.code === 'ATDD_TIMEOUT';
}
