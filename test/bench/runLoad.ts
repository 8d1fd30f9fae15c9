/** Starts the program that makes load, and waits for what it says. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endsWithTests } from '../helpers/children.js';
import { cleanEnvironment } from '../helpers/cluster.js';
import type { TestScope } from '../helpers/testScope.js';
import type { LoadResult, LoadSpec } from './loadSpec.js';

const PROGRAM = fileURLToPath(new URL('./load.js', import.meta.url));

/** @param nodeOptions Before the program: for a profile. */
export async function runLoad(
  scope: TestScope,
  spec: LoadSpec,
  { nodeOptions = [], begun }: { nodeOptions?: readonly string[]; begun?: () => void } = {},
): Promise<LoadResult> {
  const child = endsWithTests(
    spawn(process.execPath, [...nodeOptions, PROGRAM, JSON.stringify(spec)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: cleanEnvironment(),
    }),
  );
  let isOver = false;
  let isCancelled = false;
  scope.teardown(() => {
    if (isOver) return;
    isCancelled = true;
    child.kill('SIGKILL');
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const isFirst = output === '';
    output += chunk.toString();
    if (isFirst) begun?.();
  });
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (ended) => {
      // Everything is being ended: that is no failure of the load.
      if (!isCancelled) resolve(ended);
    });
  });
  isOver = true;
  if (code !== 0) throw new Error(`the load ended with ${code}:\n${errors}`);
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  // A program that only fills has nothing to say.
  return JSON.parse(last === '' ? '{}' : last) as LoadResult;
}
