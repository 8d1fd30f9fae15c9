/** Starts the program of crowd.ts and reads what it says. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endsWithTests } from './children.js';
import type { CrowdReport } from './crowd.js';
import type { TestScope } from './testScope.js';

const PROGRAM = fileURLToPath(new URL('crowd.js', import.meta.url));

export interface CrowdSize {
  readonly idle: number;
  readonly slow: number;
  /** Connections at a time that are opened and closed again and again. */
  readonly churning?: number;
  /** What the idle ones say. */
  readonly hello?: Buffer;
}

export interface Crowd {
  report(): CrowdReport;
  /** Resolves when it is gone, and its connections with it. */
  end(): Promise<void>;
}

export function startCrowd(
  t: TestScope,
  port: number,
  { idle, slow, churning = 0, hello = Buffer.alloc(0) }: CrowdSize,
): Crowd {
  const words = [port, idle, slow, churning, hello.toString('hex')].map(String);
  const child = endsWithTests(
    spawn(process.execPath, [PROGRAM, ...words], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  );
  t.teardown(() => child.kill('SIGKILL'));
  let latest: CrowdReport = { connected: 0, refused: 0, closed: 0 };
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (text + chunk.toString()).split('\n');
    text = lines.pop() ?? '';
    const last = lines.at(-1);
    if (last !== undefined) latest = JSON.parse(last) as CrowdReport;
  });
  return {
    report: () => latest,
    end: async () => {
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}
