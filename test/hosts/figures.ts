/** What the operations of a load come to. Pure; times are milliseconds on one clock. */
import type { Seen } from './operationLine.js';

/**
 * What a time may come to at most: this, or, on a machine that is busy with other work, twice what the same load has
 * needed before anything was done to it.
 */
export function timeBound(ms: number, undisturbedMs: number): number {
  return Math.max(ms, rounded(2 * undisturbedMs));
}

/** An operation that takes longer counts as late. */
export const LATE_MS = 1_000;

export interface SilenceMarks {
  /** The first operation was done. */
  readonly startedAt: number;
  readonly silentAt: number;
  readonly backAt: number;
  /** No operation began after that. */
  readonly stoppedAt: number;
  /** Operations that had not ended by then are taken to end then. */
  readonly closedAt: number;
}

export interface SilenceFigures {
  readonly operations: number;
  readonly longestMs: number;
  /** Of those that had ended before the silence. */
  readonly longestBeforeMs: number;
  /** Took longer than LATE_MS. */
  readonly late: number;
  readonly unfinished: number;
  readonly failed: number;
  /** Operations a second. */
  readonly before: number;
  readonly during: number;
  readonly after: number;
}

export function silenceFigures(seen: readonly Seen[], marks: SilenceMarks): SilenceFigures {
  const { startedAt, silentAt, backAt, stoppedAt, closedAt } = marks;
  const tookMs = seen.map(({ beganAt, endedAt, error }) => (error === null ? (endedAt ?? closedAt) - beganAt : 0));
  return {
    operations: seen.length,
    longestMs: rounded(largest(tookMs)),
    longestBeforeMs: rounded(largest(tookMs.filter((_, index) => (seen[index].endedAt ?? closedAt) < silentAt))),
    late: tookMs.filter((ms) => ms > LATE_MS).length,
    unfinished: seen.filter(({ endedAt, error }) => endedAt === null && error === null).length,
    failed: seen.filter(({ error }) => error !== null).length,
    before: rateOf(seen, startedAt, silentAt),
    during: rateOf(seen, silentAt, backAt),
    after: rateOf(seen, backAt, stoppedAt),
  };
}

/** Operations that were done a second, in that time. */
export function rateOf(seen: readonly Seen[], from: number, to: number): number {
  return rounded((1_000 * doneIn(seen, from, to).length) / (to - from));
}

/** The longest time in which no operation was done, of that time. */
export function longestGapMs(seen: readonly Seen[], from: number, to: number): number {
  const ends = doneIn(seen, from, to).toSorted((one, other) => one - other);
  const marks = [from, ...ends, to];
  return rounded(largest(marks.slice(1).map((mark, index) => mark - marks[index])));
}

export interface ContentionFigures {
  /** Operations a second, of all clients. */
  readonly throughput: number;
  readonly fastest: number;
  readonly slowest: number;
  /** The slowest by the fastest; 0 if the fastest has done nothing. */
  readonly fairness: number;
  readonly longestMs: number;
}

/** Of the operations of each client, in the time in which all of them were at work. */
export function contentionFigures(clients: readonly (readonly Seen[])[], from: number, to: number): ContentionFigures {
  const counts = clients.map((seen) => doneIn(seen, from, to).length);
  const [most, least] = [Math.max(...counts), Math.min(...counts)];
  const perSecond = (count: number): number => rounded((1_000 * count) / (to - from));
  const took = clients.flat().map(({ beganAt, endedAt }) => (endedAt ?? to) - beganAt);
  return {
    throughput: perSecond(counts.reduce((sum, count) => sum + count, 0)),
    fastest: perSecond(most),
    slowest: perSecond(least),
    fairness: most === 0 ? 0 : Math.round((1_000 * least) / most) / 1_000,
    longestMs: rounded(largest(took)),
  };
}

/** How many places hold something else. @throws if they are not as many. */
export function differenceCount(one: readonly string[], other: readonly string[]): number {
  if (one.length !== other.length) throw new Error(`found ${one.length} and ${other.length} sectors`);
  return one.filter((name, place) => name !== other[place]).length;
}

/**
 * How many sectors do not hold what was acknowledged last, or something that was written after it. Names end in a
 * number that grows from write to write, and begin with what is the same for all writes of one client.
 * @param found The name in each sector.
 */
export function lostCount(written: readonly Seen[], found: readonly string[]): number {
  const last = new Map<number, string>();
  for (const { sector, endedAt, name } of written) {
    if (endedAt !== null && name !== null) last.set(sector, name);
  }
  return [...last].filter(([sector, name]) => {
    const [client, count] = splitName(name);
    const [foundClient, foundCount] = splitName(found[sector]);
    return foundClient !== client || foundCount < count;
  }).length;
}

function splitName(name: string): [client: string, count: number] {
  const at = name.lastIndexOf(':');
  return [name.slice(0, Math.max(at, 0)), Number(name.slice(at + 1))];
}

function doneIn(seen: readonly Seen[], from: number, to: number): number[] {
  return seen.map(({ endedAt }) => endedAt).filter((end): end is number => end !== null && end >= from && end < to);
}

const rounded = (value: number): number => Math.round(10 * value) / 10;
/** Without spreading: there may be a million. */
const largest = (values: readonly number[]): number => values.reduce((most, value) => Math.max(most, value), 0);
