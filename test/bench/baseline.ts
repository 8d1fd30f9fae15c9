/** docs/benchmarks.json: what each bench measured when its baseline was saved. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FlushCost } from './fsyncProbe.js';
import type { Row, Rows } from './rows.js';
import { byKey } from './rows.js';
import type { Stall } from './stall.js';

/** This file runs as dist/test/bench/baseline.js. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const BASELINE_FILE = join(ROOT, 'docs', 'benchmarks.json');

export type BenchName = 'bench' | 'bench:nbd';

/** Where numbers come from. */
export interface Context {
  readonly date: string;
  /** Of the code; with a "+" if files were changed since. */
  readonly commit: string;
  readonly machine: { readonly node: string; readonly cores: number; readonly model: string };
  readonly setting: Readonly<Record<string, string | number>>;
  readonly flush: FlushCost;
}

export interface Measured extends Context {
  readonly rows: Rows;
  readonly stalls?: Readonly<Record<string, Stall>>;
}

export type Baseline = Readonly<Partial<Record<BenchName, Measured>>>;

export function readBaseline(file: string = BASELINE_FILE): Baseline {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Baseline) : {};
}

export function measured(rows: readonly Row[], setting: Context['setting'], flush: FlushCost): Measured {
  return { ...contextOf(setting, flush), rows: byKey(rows) };
}

export function contextOf(setting: Context['setting'], flush: FlushCost): Context {
  const model = cpus().at(0)?.model ?? 'unknown';
  return {
    date: new Date().toISOString(),
    commit: commitOf(),
    machine: { node: process.version, cores: cpus().length, model },
    setting,
    flush,
  };
}

/** Rows that were not measured this time stay as they were. */
export function withMeasured(baseline: Baseline, name: BenchName, now: Measured): Baseline {
  const rows = { ...baseline[name]?.rows, ...now.rows };
  return { ...baseline, [name]: { ...now, rows } };
}

export function saveBaseline(name: BenchName, now: Measured, file: string = BASELINE_FILE): void {
  writeJson(file, withMeasured(readBaseline(file), name, now));
}

export function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, rounded, 2)}\n`);
}

/** Four digits: the fifth is noise. */
function rounded(_name: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isInteger(value)) return value;
  return Number(value.toPrecision(4));
}

function commitOf(): string {
  const git = (...words: string[]): string =>
    execFileSync('git', words, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }).trim();
  try {
    const isChanged = git('status', '--porcelain', '--untracked-files=no') !== '';
    return git('rev-parse', '--short', 'HEAD') + (isChanged ? '+' : '');
  } catch {
    return 'unknown';
  }
}
