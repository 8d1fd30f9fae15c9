/** npm run bench:scale: what grows with sectors, processes, connections. See docs/benchmarks.md. */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProgramScope } from '../chaos/programScope.js';
import { contextOf, writeJson } from './baseline.js';
import type { BenchCluster, BenchClusterOptions } from './benchCluster.js';
import { withCluster } from './benchCluster.js';
import { describeMachine, runToExit } from './benchRun.js';
import type { FlushCost } from './fsyncProbe.js';
import { probeFlush } from './fsyncProbe.js';
import { orExit } from './options.js';
import { alignedLines, scaledTableOf } from './rows.js';
import { measureConnections } from './scaleConnections.js';
import type { Part } from './scaleOptions.js';
import { DISK_SECTORS, parseScaleOptions, USAGE } from './scaleOptions.js';
import { measureProcesses } from './scaleProcesses.js';
import { measureSectors } from './scaleSectors.js';
import { connectionTable, describeIndex, sectorTable } from './scaleTables.js';

const PROCESSES = 3;

const options = orExit(USAGE, () => parseScaleOptions(process.argv.slice(2)));
const { seconds, extension, sectorsMax } = options;
/** Of the last minute, before anything was started. */
const loadAverage = loadavg()[0];
const scope = new ProgramScope();

/** Each measures, prints, and returns what goes into the file. */
const MEASURES: Readonly<Record<Part, () => Promise<object>>> = { sectors, processes, connections };

await runToExit(scope, measure);

async function measure(): Promise<void> {
  const flush = probeDisk();
  const context = contextOf({ seconds, loadAverage, extension, sectorsMax }, flush);
  const machine = describeMachine(flush, loadAverage);
  say([`${context.commit}, ${seconds} s a row`, ...machine].join('; '));
  const parts: Partial<Record<Part, object>> = {};
  for (const part of options.parts) {
    say(`\n${part}`);
    parts[part] = await MEASURES[part]();
    // After each: the whole takes long, and may be interrupted.
    if (options.json !== null) writeJson(options.json, { name: 'bench:scale', ...context, parts });
  }
}

async function sectors(): Promise<object> {
  const result = await ofOneCluster({ sectors: DISK_SECTORS }, (bench) => measureSectors(bench, sectorsMax));
  const { rows, steps, stopped } = result;
  sayTable(scaledTableOf(rows));
  sayTable(sectorTable(steps));
  for (const line of describeIndex(steps)) say(line);
  if (stopped !== null) say(`stopped: ${stopped}`);
  return result;
}

async function processes(): Promise<object> {
  const rows = await measureProcesses(scope, { seconds, extension });
  sayTable(scaledTableOf(rows));
  return { rows };
}

async function connections(): Promise<object> {
  const result = await ofOneCluster({}, (bench) => measureConnections(bench, seconds));
  const { rows, steps, stopped } = result;
  sayTable(scaledTableOf(rows));
  sayTable(connectionTable(steps));
  if (stopped !== null) say(`stopped: ${stopped}`);
  return result;
}

async function ofOneCluster<T>(
  more: Pick<BenchClusterOptions, 'sectors'>,
  work: (bench: BenchCluster) => Promise<T>,
): Promise<T> {
  const cluster = { ...more, processCount: PROCESSES, seconds, extension };
  return withCluster(scope, cluster, work);
}

/** What a flush costs where the clusters will have their data. */
function probeDisk(): FlushCost {
  const folder = mkdtempSync(join(tmpdir(), 'atdd-scale-'));
  try {
    return probeFlush(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function sayTable(table: readonly (readonly string[])[]): void {
  for (const line of alignedLines(table)) say(line);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
