/** Runs putForever.ts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { endsWithTests } from '../helpers/children.js';
import type { TestScope } from '../helpers/testScope.js';

export interface PutForAWhile {
  /** What it printed, line by line. */
  readonly lines: readonly string[];
  readonly errors: string;
  /** SIGKILL if it was killed as planned; else it ended by itself. */
  readonly signal: string | null;
}

/** The program, while it runs. */
export interface Putting {
  /** How many lines it has printed so far. */
  readonly lineCount: () => number;
  readonly isOver: () => boolean;
  readonly kill: () => void;
  readonly ended: Promise<PutForAWhile>;
}

/** Starts the program on the folder; it ends with the test at the latest. */
export function startPutting(t: Pick<TestScope, 'teardown'>, folder: string): Putting {
  const program = join(import.meta.dirname, 'putForever.js');
  const child = endsWithTests(spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'pipe'] }));
  let output = '';
  let errors = '';
  let lineCount = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    for (const byte of chunk) if (byte === 0x0a) lineCount += 1;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  let isOver = false;
  const ended = once(child, 'close').then((ending) => {
    isOver = true;
    const [, signal] = ending as [number | null, string | null];
    return { lines: output.split('\n').slice(0, -1), errors, signal };
  });
  const kill = (): void => void child.kill('SIGKILL');
  t.teardown(kill);
  return { lineCount: () => lineCount, isOver: () => isOver, kill, ended };
}

/**
 * Runs the program on the folder and kills it, if it has not ended by then, so long after its launch or, since that
 * takes longer on a busy machine, after the first line that it prints.
 */
export async function putForAWhile(
  t: Pick<TestScope, 'teardown'>,
  folder: string,
  killAfterMs: number,
  since: 'launch' | 'firstPut',
): Promise<PutForAWhile> {
  const putting = startPutting(t, folder);
  while (since === 'firstPut' && putting.lineCount() === 0 && !putting.isOver()) await pause(1);
  const timer = setTimeout(putting.kill, killAfterMs);
  const result = await putting.ended;
  clearTimeout(timer);
  return result;
}
