/** Runs a command that is expected to end by itself. */
import { spawn } from 'node:child_process';
import { endsWithTests } from './children.js';
import { cleanEnvironment } from './cluster.js';
import { HANG_MS } from './hang.js';

export interface Ended {
  /** Null if it did not end within the time and was killed. */
  readonly code: number | null;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

export function runToEnd(command: readonly string[], timeoutMs = HANG_MS): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = endsWithTests(
      spawn(command[0], command.slice(1), {
        env: cleanEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
      }),
    );
    let output = '';
    const keep = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, output });
    });
  });
}
