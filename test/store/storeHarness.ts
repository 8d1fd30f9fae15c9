/** What the tests of the store share: logs, contents, and a store over a simulated disk. */
import { VirtualAction, VirtualTimeScheduler, type Observable } from 'rxjs';
import { SECTOR_SIZE_BYTES, type SectorData } from '../../src/core/sector.js';
import type { Stamp } from '../../src/core/stamp.js';
import type { Version } from '../../src/core/strict/version.js';
import type { Log, LogFields } from '../../src/ports/log.js';
import { strictStampOf } from '../../src/store/baseStamps.js';
import { openSectorStore, type OpenedSectorStore } from '../../src/store/openSectorStore.js';
import { dice, type Dice } from '../helpers/seed.js';
import { SimulatedDisk } from './simulatedDisk.js';

export const BATCH_SECTORS = 16;

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** A log that keeps its lines. */
export function keepingLog(): Log & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}): void => {
      lines.push({ level, message, fields });
    };
  return {
    lines,
    debugEnabled: true,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

export function stampOf(timestamp: bigint | number, writeRank = 1): Stamp {
  return { timestamp: BigInt(timestamp), writeRank };
}

/** The version that a put of the base protocol with that stamp makes. */
export function versionOf(timestamp: bigint | number, writeRank = 1): Version {
  const stamp = strictStampOf(stampOf(timestamp, writeRank));
  return { stamp, origin: stamp };
}

/** Data that differs in every 8 bytes from that of every other name. */
export function dataOf(name: number): SectorData {
  const data = new Uint8Array(SECTOR_SIZE_BYTES);
  const words = new Uint32Array(data.buffer);
  for (let index = 0; index < words.length; index += 2) {
    words[index] = name + 1;
    words[index + 1] = index;
  }
  return data;
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** How an observable ended, or how far it got. */
export interface Outcome<T> {
  readonly values: T[];
  error: unknown;
  isComplete: boolean;
}

export function watch<T>(source$: Observable<T>): Outcome<T> {
  const outcome: Outcome<T> = { values: [], error: undefined, isComplete: false };
  source$.subscribe({
    next: (value) => outcome.values.push(value),
    error: (error: unknown) => {
      outcome.error = error;
    },
    complete: () => {
      outcome.isComplete = true;
    },
  });
  return outcome;
}

export interface Simulation {
  readonly disk: SimulatedDisk;
  readonly scheduler: VirtualTimeScheduler;
  readonly dice: Dice;
  readonly log: ReturnType<typeof keepingLog>;
  /** Starts a process on the disk as it is now. */
  open(): OpenedSectorStore;
  /** Starts it and emits the failure if it does not start. */
  tryOpen(): Outcome<OpenedSectorStore>;
  /** Lets virtual time pass; all that is under way ends if there is no bound. */
  run(milliseconds?: number): void;
  /** Runs an observable to its one value. */
  valueOf<T>(source$: Observable<T>): T;
}

export function simulate(seed: number, batchSectors = BATCH_SECTORS): Simulation {
  const scheduler = new VirtualTimeScheduler(VirtualAction, Number.POSITIVE_INFINITY);
  const random = dice(seed);
  const disk = new SimulatedDisk(random, scheduler);
  const log = keepingLog();
  const run = (milliseconds = Number.POSITIVE_INFINITY): void => {
    scheduler.maxFrames = scheduler.frame + milliseconds;
    // Reaching the bound has to cost time even if nothing happens then.
    if (milliseconds < Number.POSITIVE_INFINITY) scheduler.schedule(() => undefined, milliseconds);
    scheduler.flush();
  };
  const tryOpen = (): Outcome<OpenedSectorStore> => {
    const { slotFile, metadata } = disk.attach();
    const schedulers = { clock: scheduler, turn: scheduler };
    const outcome = watch(openSectorStore({ slotFile, metadata, schedulers, log, batchSectors }));
    run();
    return outcome;
  };
  const first = <T>(outcome: Outcome<T>): T => {
    const [value] = outcome.values;
    if (value === undefined || outcome.values.length !== 1 || !outcome.isComplete) {
      if (outcome.error instanceof Error) throw outcome.error;
      throw new Error('it did not emit exactly once and complete');
    }
    return value;
  };
  return {
    disk,
    scheduler,
    dice: random,
    log,
    run,
    tryOpen,
    open: () => first(tryOpen()),
    valueOf: (source$) => {
      const outcome = watch(source$);
      run();
      return first(outcome);
    },
  };
}
