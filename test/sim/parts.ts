/** A search in several processes: each takes a part of the seeds. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endsWithTests } from '../helpers/children.js';
import { Counts } from './counts.js';
import type { CliOptions } from './options.js';
import type { Failure, SearchResult } from './search.js';

/** What a part prints, as JSON. */
export interface PartResult {
  readonly runs: number;
  readonly seconds: number;
  readonly failures: readonly Failure[];
  readonly counts: readonly (readonly [string, number])[];
}

export type PartOptions = Pick<
  CliOptions,
  'processCount' | 'seconds' | 'isBlackBox' | 'isStrict' | 'extension' | 'workers' | 'inject' | 'only' | 'failuresMax'
> & { readonly schedule?: string | null };

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

export async function runParts(
  options: PartOptions & Pick<CliOptions, 'runs' | 'jobs'>,
  seed: number,
  onProgress: (runs: number) => void,
): Promise<SearchResult> {
  const jobs = Math.min(options.jobs, options.runs);
  const done = Array.from({ length: jobs }, () => 0);
  const parts = done.map((_, index) => {
    const from = Math.floor((options.runs * index) / jobs);
    const to = Math.floor((options.runs * (index + 1)) / jobs);
    return runPart(options, seed + from, to - from, (runs) => {
      done[index] = runs;
      if (index === 0) onProgress(done.reduce((sum, count) => sum + count, 0));
    });
  });
  const counts = new Counts();
  const results = await Promise.all(parts);
  for (const part of results) counts.addAll(part.counts);
  return {
    runs: results.reduce((sum, part) => sum + part.runs, 0),
    seconds: results.reduce((sum, part) => sum + part.seconds, 0),
    failures: results.flatMap(({ failures }) => failures),
    counts,
  };
}

/** Runs seeds from `seed` on in a process of its own. */
export function runPart(
  options: PartOptions,
  seed: number,
  runs: number,
  onProgress: (runs: number) => void,
): Promise<PartResult> {
  const { processCount, seconds, isBlackBox, isStrict, extension, workers, inject, only, failuresMax } = options;
  const { schedule = null } = options;
  const args = ['--part', '--seed', seed, '--runs', runs, '--processes', processCount];
  args.push('--seconds', seconds, '--failures', failuresMax, '--members', isStrict ? 'strict' : 'open');
  if (isBlackBox) args.push('--black-box');
  if (workers !== 0) args.push('--workers', workers);
  if (schedule !== null) args.push('--schedule', schedule);
  if (extension !== null) args.push('--extension', extension);
  if (inject !== null) args.push('--inject', inject);
  if (only !== null) args.push('--only', [...only].join(','));
  return new Promise((resolve, reject) => {
    const child = endsWithTests(
      spawn(process.execPath, ['--enable-source-maps', MAIN, ...args.map(String)], {
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      const text = chunk.toString();
      if (/^\d+\n$/.test(text)) onProgress(Number(text));
      else errors += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) reject(new Error(`a part of the search ended with ${code}:\n${errors}`));
      else resolve(JSON.parse(output) as PartResult);
    });
  });
}
