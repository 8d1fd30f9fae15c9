/**
 * Attacks on running processes, one after the other, again and again. After each of them every process has exactly the
 * descriptors that it had before; and the memory that it has in use is, within a slack, what it was after the same
 * attack in the first lap, and does not grow from lap to lap.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Descriptors, Levels, Measured } from '../helpers/levels.js';
import { descriptorsBack, descriptorsOf, levelsOf } from '../helpers/levels.js';
import { HANG_MS } from '../helpers/hang.js';
import { within } from '../helpers/within.js';

export interface Attack {
  readonly name: string;
  /** Attacks for so long; resolves when everything that it has opened is closed again. */
  run(ms: number, lap: number): Promise<void>;
}

export interface LapsOptions {
  readonly attacks: readonly Attack[];
  readonly measured: readonly Measured[];
  readonly attackMs: number;
  /** What a process may ever have had resident at once. */
  readonly peakBytesMax: number;
  /**
   * What it may have resident beyond the most of the first lap: V8 and the allocator keep for a while what they have
   * got.
   */
  readonly residentSlackBytes: number;
  /** Asked before each lap. */
  readonly mayGoOn: (lapsDone: number) => boolean;
  /** Whether those who behave are served: @throws if not. Called after each attack. */
  readonly check: (attack: Attack) => Promise<void>;
  readonly log: (line: string) => void;
}

const MEBIBYTE = 2 ** 20;
/** Between two looks at what is in use. */
const REST_MS = 500;
/** Objects and buffers: as much as it was, but for what happens to be under way. */
const USED_SLACK_BYTES = 4 * MEBIBYTE;
/** Between the second third of the laps and the last, when there are enough of them. */
const USED_GROWTH_BYTES_MAX = MEBIBYTE;
const LAPS_FOR_TREND = 6;

/** @returns how many laps there were, the first included. */
export async function runLaps(options: LapsOptions): Promise<number> {
  const { attacks, measured, attackMs } = options;
  const before = await Promise.all(measured.map(({ pid }) => descriptorsOf(pid)));
  const history = new History(options.residentSlackBytes);
  let lap = 0;
  for (; options.mayGoOn(lap); lap += 1) {
    for (const attack of attacks) {
      const end = await within(attackMs + HANG_MS, attack.run(attackMs, lap));
      if (end === 'too late') throw new Error(`the attack "${attack.name}" does not end`);
      for (const [index, one] of measured.entries()) await settle(one, before[index]);
      await options.check(attack);
      const levels = await restingLevels(attack, measured, history);
      history.add(attack, measured, levels);
      for (const [index, { peakBytes }] of levels.entries()) {
        if (peakBytes <= options.peakBytesMax) continue;
        throw new Error(`${measured[index].name} had ${inMebibytes(peakBytes)} resident`);
      }
    }
    options.log(`lap ${lap}: ${history.summary()}`);
  }
  history.assertNoGrowth();
  return lap;
}

async function settle(measured: Measured, before: Descriptors): Promise<void> {
  const { name, pid } = measured;
  const left = await descriptorsBack(pid, before, HANG_MS);
  if (left === null) return;
  const [had, has] = [before, left].map(({ sockets, others }) => `${sockets} + ${others}`);
  throw new Error(`${name} had ${had} descriptors (sockets + others) before, and has ${has} now`);
}

/** Operations of connections that are gone have memory in use until they end: some seconds, on a busy machine. */
async function restingLevels(attack: Attack, measured: readonly Measured[], history: History): Promise<Levels[]> {
  const levels = (): Promise<Levels[]> => Promise.all(measured.map(levelsOf));
  let latest = await levels();
  const isAtRest = (): boolean => latest.every((one, index) => history.isInOrder(attack, measured[index], one));
  for (let waitedMs = 0; waitedMs < HANG_MS && !isAtRest(); waitedMs += REST_MS) {
    await sleep(REST_MS);
    latest = await levels();
  }
  return latest;
}

class History {
  /** For each attack and process, lap by lap. */
  private readonly levels = new Map<string, Levels[]>();
  /** Of each process the most that was ever resident in the first lap. */
  private readonly peakBytes = new Map<string, number>();
  private latest: readonly Levels[] = [];

  constructor(private readonly residentSlackBytes: number) {}

  /** Whether the process has no more in use than it should have after that attack. */
  isInOrder(attack: Attack, { name }: Measured, { usedBytes }: Levels): boolean {
    const series = this.levels.get(keyOf(attack, name)) ?? [];
    return series.length === 0 || usedBytes <= series[0].usedBytes + USED_SLACK_BYTES;
  }

  add(attack: Attack, measured: readonly Measured[], levels: readonly Levels[]): void {
    this.latest = levels;
    for (const [index, { name }] of measured.entries()) {
      const now = levels[index];
      const key = keyOf(attack, name);
      const series = this.levels.get(key) ?? [];
      this.levels.set(key, [...series, now]);
      const peak = this.peakBytes.get(name) ?? 0;
      if (series.length === 0) {
        this.peakBytes.set(name, Math.max(peak, now.peakBytes));
        continue;
      }
      assertAtMost(`${key}: in use`, now.usedBytes, series[0].usedBytes, USED_SLACK_BYTES);
      assertAtMost(`${key}: resident`, now.residentBytes, peak, this.residentSlackBytes);
    }
  }

  summary(): string {
    return this.latest
      .map(({ descriptors: { sockets, others }, usedBytes, residentBytes, peakBytes }) => {
        const [used, resident, peak] = [usedBytes, residentBytes, peakBytes].map(inMebibytes);
        const memory = `${used} in use, ${resident} resident (at most ${peak})`;
        return `${sockets}+${others} descriptors, ${memory}`;
      })
      .join('; ');
  }

  assertNoGrowth(): void {
    for (const [key, series] of this.levels) {
      const after = series.slice(1);
      const used = after.map(({ usedBytes }) => usedBytes);
      assertLevel(`${key}: in use`, used, USED_GROWTH_BYTES_MAX);
      const resident = after.map(({ residentBytes }) => residentBytes);
      assertLevel(`${key}: resident`, resident, this.residentSlackBytes / 2);
    }
  }
}

/** The second third and the last, if there are enough to tell: in the first, steps are usual. */
function assertLevel(what: string, series: readonly number[], growthMax: number): void {
  if (series.length < LAPS_FOR_TREND) return;
  const third = Math.floor(series.length / 3);
  const growth = median(series.slice(-third)) - median(series.slice(-2 * third, -third));
  if (growth <= growthMax) return;
  throw new Error(`${what} grows from lap to lap: ${series.map(inMebibytes).join(', ')}`);
}

function assertAtMost(what: string, now: number, first: number, slack: number): void {
  if (now <= first + slack) return;
  const [is, was, may] = [now, first, slack].map(inMebibytes);
  throw new Error(`${what} ${is}, in the first lap ${was}; ${may} more would be in order`);
}

const keyOf = (attack: Attack, name: string): string => `${name} after "${attack.name}"`;

const inMebibytes = (bytes: number): string => `${(bytes / MEBIBYTE).toFixed(1)} MiB`;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
