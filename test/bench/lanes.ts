/** Steady load: so many operations under way all the time, and how long each took. */
import { createHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { benchPatterns } from '../../src/cli/transfer/benchSectors.js';
import type { LoadMode, LoadSpec } from './loadSpec.js';

/** What load is put on. */
export interface Target {
  /** @param lane Which of the operations that are under way at a time it is, from 0. */
  read(item: number, lane: number): Promise<void>;
  write(item: number, data: Uint8Array, lane: number): Promise<void>;
  close(): Promise<void>;
}

export interface LoadWindow<T> {
  readonly operations: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly longestGapMs: number;
  /** What `look` said when it began, and when it was over. */
  readonly before: T;
  readonly after: T;
}

/** Microseconds: from one to an hour, to three digits. */
const HISTOGRAM = { lowest: 1, highest: 3_600_000_000, figures: 3 };

const PATTERNS = benchPatterns(Math.random);

/** Writes every item from `from` on once, so many at a time. */
export async function fill(target: Target, { connections, depth, from, items }: LoadSpec): Promise<void> {
  let next = from;
  const lane = async (number: number): Promise<void> => {
    while (next < items) {
      const item = next;
      next += 1;
      await target.write(item, PATTERNS[item % PATTERNS.length], number);
    }
  };
  const lanes = Array.from({ length: connections * depth }, (_, number) => lane(number));
  await Promise.all(lanes);
}

/**
 * Measures between two looks. Throughput is what was done between them. Latencies are those of all operations begun
 * between them, however long they took: one that hangs is not left out.
 */
export async function runLanes<T>(
  target: Target,
  { mode, connections, depth, seconds, warmUpMs, items }: LoadSpec,
  look: () => Promise<T>,
  begun: () => void,
): Promise<LoadWindow<T>> {
  const laneCount = connections * depth;
  if (items < laneCount) throw new Error(`${laneCount} lanes need as many items, not ${items}`);
  const histogram = createHistogram(HISTOGRAM);
  let startMs = Infinity;
  let endMs = Infinity;
  let operations = 0;
  let lastDoneMs = Infinity;
  let longestGapMs = 0;

  /** One operation after another, on items of its own: a client has one per sector under way. */
  const run = async (lane: number): Promise<void> => {
    const ownCount = Math.ceil((items - lane) / laneCount);
    for (let count = 0; ; count += 1) {
      const item = lane + laneCount * Math.floor(Math.random() * ownCount);
      const begunMs = performance.now();
      if (begunMs >= endMs) return;
      if (isRead(mode, count + lane)) await target.read(item, lane);
      else await target.write(item, PATTERNS[item % PATTERNS.length], lane);
      const doneMs = performance.now();
      if (doneMs < startMs) continue;
      longestGapMs = Math.max(longestGapMs, doneMs - lastDoneMs);
      lastDoneMs = doneMs;
      if (doneMs <= endMs) operations += 1;
      if (begunMs < startMs) continue;
      histogram.record(Math.max(1, Math.round((doneMs - begunMs) * 1_000)));
    }
  };

  const lanes = Promise.all(Array.from({ length: laneCount }, (_, lane) => run(lane)));
  const measured = async () => {
    await sleep(warmUpMs);
    const before = await look();
    startMs = performance.now();
    lastDoneMs = startMs;
    begun();
    await sleep(seconds * 1_000);
    endMs = performance.now();
    return { before, after: await look() };
  };
  // A lane that fails ends all of it.
  const [looks] = await Promise.all([measured(), lanes]);
  const ms = (percentile: number): number => histogram.percentile(percentile) / 1_000;
  return {
    operations,
    perSecond: (operations * 1_000) / (endMs - startMs),
    p50Ms: ms(50),
    p99Ms: ms(99),
    maxMs: histogram.max / 1_000,
    longestGapMs,
    ...looks,
  };
}

/** In a mix, every other one. */
function isRead(mode: LoadMode, count: number): boolean {
  return mode === 'read' || (mode === 'mix' && count % 2 === 0);
}
