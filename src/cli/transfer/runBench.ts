/** The work of `atdd bench`. */
import type { RecordableHistogram } from 'node:perf_hooks';
import { createHistogram } from 'node:perf_hooks';
import type { Command } from 'commander';
import type { AtomicDiskClient } from '../../client/client.js';
import { AtomicDiskError } from '../../errors.js';
import { benchPatterns, firstTaken, readChooser } from './benchSectors.js';
import { withClient } from '../clientSession.js';
import { writeStdout } from '../standardStreams.js';
import { checkFits, forEachChunk, diskOffset, WINDOW_SECTORS } from './transfer.js';
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';

export interface BenchOptions {
  readonly mode: 'read' | 'write' | 'mix';
  readonly readFraction: number;
  readonly connections: number;
  readonly depth: number;
  readonly seconds: number;
  readonly sectors: number;
  readonly at?: number;
  readonly overwrite?: true;
  readonly json?: true;
}

/** Latencies in milliseconds. */
export interface BenchStats {
  readonly operations: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface BenchResult {
  readonly mode: BenchOptions['mode'];
  readonly connections: number;
  readonly depth: number;
  /** The measured operations; those of the warm-up before are not counted. */
  readonly seconds: number;
  readonly sectors: number;
  readonly at: number;
  readonly reads: BenchStats | null;
  readonly writes: BenchStats | null;
}

type Kind = 'read' | 'write';

/** A histogram of microseconds: from one to an hour, with three digits. */
const HISTOGRAM = { lowest: 1, highest: 3_600_000_000, figures: 3 };

/** The first operations are not counted, because they take longer while connections are made and code is compiled. */
const WARM_UP_FRACTION = 0.2;
const WARM_UP_MS_MAX = 1_000;

export async function bench(command: Command, options: BenchOptions): Promise<void> {
  const { connections, depth } = options;
  const changes = { connections, outstandingPerConnection: depth };
  const result = await withClient(command, changes, async ({ client, config }) => {
    const at = options.at ?? Math.max(0, config.sectors - options.sectors);
    await checkRange(client, at, config.sectors, options);
    return measure(client, at, options);
  });
  await writeStdout(options.json === true ? `${JSON.stringify(result)}\n` : describe(result));
}

/** @throws {AtomicDiskError} if some sectors hold other data, before anything is written. */
async function checkRange(
  client: AtomicDiskClient,
  at: number,
  diskSectors: number,
  { mode, sectors, connections, depth, overwrite }: BenchOptions,
): Promise<void> {
  const range = { at, lengthBytes: sectors * SECTOR_SIZE_BYTES, sectors: diskSectors };
  checkFits(range);
  if (sectors < connections * depth) {
    const text = `${connections} connections x ${depth} need as many sectors, not ${sectors}`;
    throw new AtomicDiskError('ATDD_USAGE', text);
  }
  if (mode === 'read' || overwrite === true) return;
  await forEachChunk(range.lengthBytes, WINDOW_SECTORS, async (chunk) => {
    const taken = firstTaken(await client.read(diskOffset(range, chunk), chunk.lengthBytes));
    if (taken === null) return;
    const sector = at + chunk.offsetBytes / SECTOR_SIZE_BYTES + taken;
    const text = `sector ${sector} holds data: use --at to go elsewhere, or --overwrite`;
    throw new AtomicDiskError('ATDD_USAGE', text);
  });
}

async function measure(client: AtomicDiskClient, at: number, options: BenchOptions): Promise<BenchResult> {
  const { mode, connections, depth, sectors } = options;
  const histograms = { read: createHistogram(HISTOGRAM), write: createHistogram(HISTOGRAM) };
  const patterns = benchPatterns(Math.random);
  const isRead = readChooser({ read: 1, write: 0, mix: options.readFraction }[mode]);
  const workerCount = connections * depth;
  const warmUpMs = Math.min(WARM_UP_MS_MAX, options.seconds * 1_000 * WARM_UP_FRACTION);
  const startMs = performance.now() + warmUpMs;
  const endMs = startMs + options.seconds * 1_000;

  /**
   * One operation after another, on sectors of its own, because a client has only one operation per sector under way.
   */
  const runWorker = async (worker: number): Promise<void> => {
    const ownCount = Math.ceil((sectors - worker) / workerCount);
    for (;;) {
      const sector = at + worker + workerCount * Math.floor(Math.random() * ownCount);
      const kind: Kind = isRead() ? 'read' : 'write';
      const begunMs = performance.now();
      if (begunMs >= endMs) return;
      if (kind === 'read') await client.readSector(sector);
      else await client.writeSector(sector, patterns[sector % patterns.length]);
      const doneMs = performance.now();
      if (begunMs < startMs || doneMs > endMs) continue;
      histograms[kind].record(Math.max(1, Math.round((doneMs - begunMs) * 1_000)));
    }
  };
  await Promise.all(Array.from({ length: workerCount }, (_, worker) => runWorker(worker)));
  return {
    mode,
    connections,
    depth,
    seconds: options.seconds,
    sectors,
    at,
    reads: stats(histograms.read, options.seconds),
    writes: stats(histograms.write, options.seconds),
  };
}

function stats(histogram: RecordableHistogram, seconds: number): BenchStats | null {
  if (histogram.count === 0) return null;
  const ms = (percentile: number): number => histogram.percentile(percentile) / 1_000;
  return {
    operations: histogram.count,
    perSecond: histogram.count / seconds,
    p50: ms(50),
    p90: ms(90),
    p99: ms(99),
    p999: ms(99.9),
    max: histogram.max / 1_000,
  };
}

const COLUMNS = ['ops/s', 'MiB/s', 'p50', 'p90', 'p99', 'p99.9', 'max'];

function describe({ connections, depth, seconds, sectors, at, reads, writes }: BenchResult): string {
  const lines = [
    `${connections} connections x ${depth} outstanding, ${seconds} s, sectors ${at} to ` +
      `${at + sectors - 1}, latencies in ms`,
    `${''.padEnd(8)}${COLUMNS.map((column) => column.padStart(10)).join('')}`,
  ];
  for (const [name, row] of Object.entries({ reads, writes })) {
    if (row !== null) lines.push(describeRow(name, row));
  }
  return `${lines.join('\n')}\n`;
}

function describeRow(name: string, row: BenchStats): string {
  const mebibytes = (row.perSecond * SECTOR_SIZE_BYTES) / 2 ** 20;
  const latencies = [row.p50, row.p90, row.p99, row.p999, row.max];
  const cells = [Math.round(row.perSecond).toString(), mebibytes.toFixed(1), ...latencies.map((ms) => ms.toFixed(2))];
  return `${name.padEnd(8)}${cells.map((cell) => cell.padStart(10)).join('')}`;
}
