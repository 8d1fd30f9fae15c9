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

/** Runs the program on the folder and kills it after a while, if it has not ended by then. */
export async function putForAWhile(folder: string, killAfterMs: number): Promise<PutForAWhile> {
  const program = join(import.meta.dirname, 'putForever.js');
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  return { lines: output.split('\n').slice(0, -1), errors, signal };
}
