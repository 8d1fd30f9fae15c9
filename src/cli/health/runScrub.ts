/** The work of `atdd scrub`. */
import type { Command } from 'commander';
import { defer, firstValueFrom, fromEvent, last, map, race, tap } from 'rxjs';
import type { AtomicDiskClient } from '../../client/client.js';
import { openClient } from '../../client/client.js';
import type { Rank } from '../../core/rank.js';
import { EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_SUCCESS } from '../../exitCodes.js';
import { monotonicClock } from '../../shell/monotonicClock.js';
import { askReport } from './askReport.js';
import { connectOptions } from '../clientSession.js';
import { describeScrubs } from './describeScrub.js';
import { loadClientConfig } from '../options.js';
import type { ProcessScrub } from './scrubAll.js';
import { scrubAll, scrubProgress, scrubTroubles } from './scrubAll.js';
import { startSectorProgress } from './sectorProgress.js';
import { writeStdout } from '../standardStreams.js';

export interface ScrubOptions {
  readonly json?: true;
  /** Milliseconds. */
  readonly timeout: number;
}

export interface ScrubResult {
  readonly processes: readonly ProcessScrub[];
  /** Whether every copy was read, compared with all others, and is sound. */
  readonly sound: boolean;
  /** In words: everything that is missing or wrong; empty if `sound`. */
  readonly reasons: readonly string[];
}

/** Milliseconds between an answer and the next question. */
const PAUSE_MS = 500;

/** Milliseconds after which a process that has not answered is given up: long enough for one that starts again. */
const SILENT_MS = 30_000;

/** How long to wait for healing, in milliseconds: a sector that could not be healed is tried again after 10 s. */
const HEAL_MS = 15_000;

/** @returns the exit code. */
export async function scrub(command: Command, options: ScrubOptions): Promise<number> {
  const config = await loadClientConfig(command);
  const client = openClient(connectOptions(config, options.timeout));
  try {
    const ranks = config.processes.map((_, index) => index + 1);
    const scrubs = await follow(client, ranks, options.timeout);
    if (scrubs === null) {
      process.stderr.write('atdd: waits no longer; the scrub goes on in the processes: see "atdd status"\n');
      return EXIT_INTERRUPTED;
    }
    const reasons = scrubTroubles(scrubs);
    const result: ScrubResult = { processes: scrubs, sound: reasons.length === 0, reasons };
    await writeStdout(options.json === true ? `${JSON.stringify(result)}\n` : describeScrubs(scrubs, reasons));
    return result.sound ? EXIT_SUCCESS : EXIT_FAILURE;
  } finally {
    await client.close();
  }
}

/** @returns how the scrub of each process has ended; null: Ctrl-C came first. */
async function follow(
  client: AtomicDiskClient,
  ranks: readonly Rank[],
  timeoutMs: number,
): Promise<readonly ProcessScrub[] | null> {
  const scrub$ = scrubAll({
    ranks,
    ask: (rank, inquiry) => defer(() => askReport(client, rank, inquiry, timeoutMs)),
    pauseMs: PAUSE_MS,
    silentMs: SILENT_MS,
    healMs: HEAL_MS,
    scheduler: monotonicClock,
  });
  const progress = await startSectorProgress({
    label: 'scrub',
    stream: process.stderr,
    nowMs: () => performance.now(),
  });
  const ended$ = scrub$.pipe(
    tap((scrubs) => {
      progress.moveTo(scrubProgress(scrubs));
    }),
    last(),
  );
  const interrupted$ = fromEvent(process, 'SIGINT').pipe(map(() => null));
  try {
    return await firstValueFrom(race(ended$, interrupted$));
  } finally {
    progress.stop();
  }
}
