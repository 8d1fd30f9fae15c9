/** What a flush costs where the processes have their data: the floor of every write. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const BLOCK_SIZE_BYTES = 4_096;
const COUNT = 300;

export interface FlushCost {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Writes 4 KiB into a file that has its blocks already, and flushes; many times. */
export function probeFlush(folder: string): FlushCost {
  const file = join(folder, 'flush-probe');
  const descriptor = openSync(file, 'w');
  const block = Buffer.alloc(BLOCK_SIZE_BYTES, 1);
  const tookMs: number[] = [];
  try {
    for (let index = 0; index < COUNT; index += 1) {
      writeSync(descriptor, block, 0, block.length, index * block.length);
    }
    fdatasyncSync(descriptor);
    for (let index = 0; index < COUNT; index += 1) {
      const begunMs = performance.now();
      writeSync(descriptor, block, 0, block.length, index * block.length);
      fdatasyncSync(descriptor);
      tookMs.push(performance.now() - begunMs);
    }
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
  tookMs.sort((one, other) => one - other);
  const at = (fraction: number): number => tookMs[Math.floor(fraction * (COUNT - 1))];
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
