/** Shows the progress of work that processes do by themselves, in sectors of a total that may still change. */
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';
import { describeBytes, describeSeconds } from '../amounts.js';
import type { ProgressOptions } from '../progress.js';
import { startDisplay } from '../progress.js';
import { createRateMeter } from '../rateMeter.js';

export interface SectorsDone {
  readonly done: number;
  /** 0: the total is not known, or there is nothing to do. */
  readonly total: number;
  /** A remark to be shown as well; may be empty. */
  readonly remark: string;
}

export interface SectorProgress {
  moveTo(sectors: SectorsDone): void;
  /** Ends the display. To be called in any case. */
  stop(): void;
}

export async function startSectorProgress(options: Omit<ProgressOptions, 'totalBytes'>): Promise<SectorProgress> {
  const { nowMs } = options;
  const meter = createRateMeter(nowMs());
  let now: SectorsDone = { done: 0, total: 0, remark: 'waits for answers' };
  const describe = (): string[] => {
    const { done, total, remark } = now;
    meter.record(nowMs(), done * SECTOR_SIZE_BYTES);
    // A process that starts again counts from 0.
    const bytesPerSecond = Math.max(0, Math.round(meter.bytesPerSecond()));
    const secondsLeft = meter.secondsLeft(total * SECTOR_SIZE_BYTES);
    const left = describeSeconds(secondsLeft < 0 ? Infinity : secondsLeft);
    const figures =
      total === 0 ? [] : [`${done} of ${total} sectors`, `${describeBytes(bytesPerSecond)}/s`, `${left} left`];
    return [...figures, ...(remark === '' ? [] : [remark])];
  };
  const stop = await startDisplay({
    ...options,
    fraction: () => (now.total === 0 ? 0 : now.done / now.total),
    describe,
  });
  return {
    moveTo(sectors) {
      now = sectors;
    },
    stop,
  };
}
