/** Whether this machine can run hosts, and the Python that has libnbd. */
import { spawnSync } from 'node:child_process';

/** The program of the system comes second: people have a Python of their own that lacks the packages of the system. */
const PYTHONS = ['python3', '/usr/bin/python3'];

export interface Surroundings {
  /** What is missing, one sentence each. None: it can run. */
  readonly missing: readonly string[];
  readonly python: string;
}

export function inspectSurroundings(): Surroundings {
  const missing: string[] = [];
  if (process.platform !== 'linux') missing.push(`network namespaces are of Linux, and this is ${process.platform}`);
  else if (process.getuid?.() !== 0) missing.push('network namespaces need root');
  for (const program of ['ip', 'tc']) {
    if (!succeeds(program, '-V')) missing.push(`there is no program "${program}" (apt-get install iproute2)`);
  }
  const python = PYTHONS.find((name) => succeeds(name, '-c', 'import nbd'));
  if (python === undefined) missing.push('no Python has libnbd (apt-get install python3-libnbd)');
  return { missing, python: python ?? '' };
}

function succeeds(program: string, ...words: readonly string[]): boolean {
  return spawnSync(program, words, { stdio: 'ignore' }).status === 0;
}
