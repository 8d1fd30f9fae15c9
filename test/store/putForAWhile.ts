/** Runs putForever.ts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface PutForAWhile {
  /** What it printed, line by line. */
  readonly lines: readonly string[];
  readonly errors: string;
  /** SIGKILL if it was killed as planned; else it ended by itself. */
  readonly signal: string | null;
}

/**
 * Runs the program on the folder and kills it, if it has not ended by then, so long after its
 * launch or, since that takes longer on a busy machine, after the first line that it prints.
 */
export async function putForAWhile(
  folder: string,
  killAfterMs: number,
  since: 'launch' | 'firstPut' = 'launch',
): Promise<PutForAWhile> {
  const program = join(import.meta.dirname, 'putForever.js');
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'pipe'] });
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    timer ??= setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  };
  if (since === 'launch') begin();
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    begin();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  return { lines: output.split('\n').slice(0, -1), errors, signal };
}
