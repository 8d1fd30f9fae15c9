/**
 * Judges the history of one sector while it happens: all orders of the operations that explain what they have returned
 * until now. The crash of a coordinator is an event of the history: its operation took effect before it or never.
 * Immutable.
 */

/** What an operation does to the value of the sector, a small number; null: it reads. */
export type Change = ((value: number) => number) | null;

/** One order that explains the history. */
interface Explanation {
  readonly value: number;
  /** A bit for each operation that has taken effect. */
  readonly effective: number;
  /** For each operation that reads and runs, a bit for each value that it may return. */
  readonly seen: readonly number[];
}

export interface Monitor {
  readonly changes: readonly Change[];
  /** Bits of operations. */
  readonly running: number;
  /** Those that can take effect no longer: crashed, or over without having been acknowledged. */
  readonly dead: number;
  readonly explanations: readonly Explanation[];
}

export function newMonitor(changes: readonly Change[]): Monitor {
  const seen = changes.map(() => 0);
  return { changes, running: 0, dead: 0, explanations: [{ value: 0, effective: 0, seen }] };
}

export function hasBegun({ running }: Monitor, operation: number): boolean {
  return (running & (1 << operation)) !== 0;
}

export function begin(monitor: Monitor, operation: number): Monitor {
  const bit = 1 << operation;
  const isRead = monitor.changes[operation] === null;
  const explanations = monitor.explanations.map((one) => ({
    ...one,
    seen: isRead ? one.seen.map((values, index) => (index === operation ? 1 << one.value : values)) : one.seen,
  }));
  return closed({ ...monitor, running: monitor.running | bit, explanations });
}

/** A write or an update was acknowledged. No explanation is left: it cannot have been. */
export function acknowledge(monitor: Monitor, operation: number): Monitor {
  const bit = 1 << operation;
  const explanations = monitor.explanations.filter(({ effective }) => (effective & bit) !== 0);
  return { ...monitor, running: monitor.running & ~bit, explanations };
}

/** A read has returned. */
export function returned(monitor: Monitor, operation: number, value: number): Monitor {
  const explanations = monitor.explanations
    .filter(({ seen }) => (seen[operation] & (1 << value)) !== 0)
    .map((one) => ({ ...one, seen: one.seen.map((values, index) => (index === operation ? 0 : values)) }));
  return closed({ ...monitor, running: monitor.running & ~(1 << operation), explanations });
}

/** Its coordinator has crashed, or does not know what became of it: it took effect before, or never. */
export function kill(monitor: Monitor, operation: number): Monitor {
  const bit = 1 << operation;
  const explanations = monitor.explanations.map((one) => ({
    ...one,
    seen: one.seen.map((values, index) => (index === operation ? 0 : values)),
  }));
  return closed({ ...monitor, running: monitor.running & ~bit, dead: monitor.dead | bit, explanations });
}

export function isExplained({ explanations }: Monitor): boolean {
  return explanations.length > 0;
}

/** Whatever runs may take effect now. */
function closed(monitor: Monitor): Monitor {
  const { changes, running } = monitor;
  const found = new Map<string, Explanation[]>();
  const stack = [...monitor.explanations];
  for (let one = stack.pop(); one !== undefined; one = stack.pop()) {
    if (!add(found, one)) continue;
    for (const [index, change] of changes.entries()) {
      const bit = 1 << index;
      if (change === null || (running & bit) === 0 || (one.effective & bit) !== 0) continue;
      const value = change(one.value);
      const seen = one.seen.map((values) => (values === 0 ? 0 : values | (1 << value)));
      stack.push({ value, effective: one.effective | bit, seen });
    }
  }
  return { ...monitor, explanations: [...found.values()].flat() };
}

/** @returns false: one that allows at least as much is there. */
function add(found: Map<string, Explanation[]>, one: Explanation): boolean {
  const key = `${one.value} ${one.effective}`;
  const others = found.get(key) ?? [];
  const isWithin = (a: Explanation, b: Explanation): boolean =>
    a.seen.every((values, index) => (values & ~b.seen[index]) === 0);
  if (others.some((other) => isWithin(one, other))) return false;
  found.set(key, [...others.filter((other) => !isWithin(other, one)), one]);
  return true;
}

/** The same text for monitors that judge the future alike. */
export function monitorKey({ running, dead, explanations }: Monitor): string {
  const texts = explanations.map(({ value, effective, seen }) => `${value}.${effective}.${seen.join('.')}`);
  return `${running}/${dead}/${texts.sort().join()}`;
}
