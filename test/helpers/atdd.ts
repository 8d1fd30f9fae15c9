/** The program as it is typed, in the folder of a cluster of real processes. */
import { spawn } from 'node:child_process';
import { endsWithTests } from './children.js';
import type { Cluster } from './cluster.js';
import { cleanEnvironment, MAIN_FILE } from './cluster.js';
import { HANG_MS } from './hang.js';
import { runToEnd } from './runToEnd.js';

export interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs `atdd WORDS --config …` in the cluster's folder. */
export function atdd(
  cluster: Cluster,
  words: string,
  input: Uint8Array | null = null,
  changes: Record<string, string> = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = endsWithTests(
      spawn(process.execPath, [MAIN_FILE, ...words.split(' '), '--config', cluster.configFileOf(1)], {
        cwd: cluster.folder,
        env: { ...cleanEnvironment(), ...changes },
        timeout: HANG_MS,
      }),
    );
    const stdout: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? undefined);
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, stdout: Buffer.concat(stdout), stderr });
    });
  });
}

/** Runs a line of bash in the cluster's folder; `atdd WORDS` in it is the program. */
export function shell(cluster: Cluster, line: string) {
  const prepare = 'cd "$1"; node=$2 main=$3 config=$4; atdd() { "$node" "$main" "$@" --config "$config"; }; ';
  const args = [cluster.folder, process.execPath, MAIN_FILE, cluster.configFileOf(1)];
  return runToEnd(['bash', '-c', prepare + line, 'bash', ...args]);
}
