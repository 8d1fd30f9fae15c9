import type { ClusterStatus } from '../../src/cli/health/clusterStatus.js';
import { HANG_MS } from '../helpers/hang.js';

/**
 * Asks with more and more patience until the answer is as wanted: processes that are busy with other work answer late,
 * and what a command is told to wait for is over at some time.
 */
export async function patiently<Answer>(
  ask: (seconds: number) => Promise<Answer>,
  isAsWanted: (answer: Answer) => boolean,
): Promise<Answer> {
  for (let seconds = 1; ; seconds *= 2) {
    const answer = await ask(seconds);
    if (isAsWanted(answer) || seconds * 1_000 > HANG_MS / 4) return answer;
  }
}

/** What `atdd status --json` has printed. */
export const statusIn = ({ stdout }: { readonly stdout: Buffer }): ClusterStatus =>
  JSON.parse(stdout.toString()) as ClusterStatus;

/** For a command whose processes all answer, or refuse: it does not wait so long. */
export const PATIENT = `--timeout ${HANG_MS / 1_000}`;
