/** bench:scale, the more sectors: speed, memory, starts, and what is on the disk. */
import { statfsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchCluster, Shape } from './benchCluster.js';
import { shapeOf } from './benchCluster.js';
import { bytesOnDisk } from './diskUsage.js';
import { memoryOf } from './processorTime.js';
import type { Row } from './rows.js';
import { rowOf } from './rows.js';
import type { Restart } from './scaleRestart.js';
import { restart } from './scaleRestart.js';
import { fitsOnDisk, sectorSteps, WARM_UP_FRESH_MS } from './scaleSteps.js';

const DEPTH = 64;
const FILL_SHAPE: Shape = shapeOf(256);
/** Sectors of one program that fills: so often it is told how far it is. */
const FILL_PIECE = 100_000;
/** Before resident memory is looked at. */
const PAUSE_MS = 3_000;
const IDLE_MS = 5_000;
const MODES = ['write', 'read'] as const;

/** Of a process each, by rank. */
export interface SectorStep {
  readonly sectors: number;
  /** After load and a pause: with the garbage that V8 has not given back. */
  readonly loadedBytes: readonly number[];
  /** Just started, some seconds without load: what the index takes shows here. */
  readonly idleBytes: readonly number[];
  /** Of that, without pages of the files of LevelDB, Node and its libraries. */
  readonly idleOwnBytes: readonly number[];
  readonly diskBytes: readonly number[];
  readonly restarts: readonly Restart[];
}

export interface SectorScale {
  readonly rows: readonly Row[];
  readonly steps: readonly SectorStep[];
  /** null: all was written that should be. */
  readonly stopped: string | null;
}

export async function measureSectors(bench: BenchCluster, max: number): Promise<SectorScale> {
  const rows: Row[] = [];
  const steps: SectorStep[] = [];
  let written = 0;
  for (const sectors of sectorSteps(max)) {
    const { bavail, bsize } = statfsSync(bench.cluster.folder);
    const freeBytes = bavail * bsize;
    if (!fitsOnDisk(sectors, written, bench.processCount, freeBytes)) {
      const mebibytes = (freeBytes / 2 ** 20).toFixed(0);
      const stopped = `${sectors} sectors do not fit: ${mebibytes} MiB are free`;
      return { rows, steps, stopped };
    }
    await fill(bench, written, sectors);
    written = sectors;
    rows.push(...(await loadRows(bench, sectors)));
    steps.push(await stepOf(bench, sectors));
  }
  return { rows, steps, stopped: null };
}

async function fill(bench: BenchCluster, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += FILL_PIECE) {
    const begunMs = performance.now();
    const next = Math.min(to, at + FILL_PIECE);
    await bench.fillTo(next, FILL_SHAPE);
    const rate = ((next - at) * 1_000) / (performance.now() - begunMs);
    bench.progress(`${next} sectors written, ${rate.toFixed(0)} a second`);
  }
}

async function loadRows(bench: BenchCluster, sectors: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const mode of MODES) {
    const more = { warmUpMs: WARM_UP_FRESH_MS };
    const result = await bench.load(bench.library, mode, shapeOf(DEPTH), bench.pids, null, more);
    rows.push(rowOf(`${sectors} sectors`, mode, DEPTH, result));
  }
  return rows;
}

async function stepOf(bench: BenchCluster, sectors: number): Promise<SectorStep> {
  const { cluster } = bench;
  await sleep(PAUSE_MS);
  const loadedBytes = residentBytes(bench);
  const diskBytes = cluster.ranks.map((rank) => bytesOnDisk(cluster.storageOf(rank)));
  const restarts: Restart[] = [];
  for (const rank of cluster.ranks) {
    bench.progress(`process ${rank} is started again`);
    restarts.push(await restart(bench, rank));
  }
  await sleep(IDLE_MS);
  const idleBytes = residentBytes(bench);
  const idleOwnBytes = bench.pids.map((pid) => memoryOf(pid).anonymousBytes);
  return { sectors, loadedBytes, idleBytes, idleOwnBytes, diskBytes, restarts };
}

export function residentBytes({ pids }: BenchCluster): number[] {
  return pids.map((pid) => memoryOf(pid).residentBytes);
}
