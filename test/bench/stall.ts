/** The longest time in which a client got nothing done. Pure. */

export interface Stall {
  /** Between two operations that were done one after the other. */
  readonly gapMs: number;
  /** Of one operation. */
  readonly latencyMs: number;
}

/** Of fio's log: lines of milliseconds since its start, nanoseconds it took, and more. */
export function stallOfLog(log: string): Stall {
  const doneMs: number[] = [];
  let latencyNs = 0;
  for (const line of log.split('\n')) {
    if (line === '') continue;
    const [done, took] = line.split(',').map(Number);
    doneMs.push(done);
    latencyNs = Math.max(latencyNs, took);
  }
  // Lines of reads and writes come in blocks of their own.
  doneMs.sort((one, other) => one - other);
  let gapMs = 0;
  for (let index = 1; index < doneMs.length; index += 1) {
    gapMs = Math.max(gapMs, doneMs[index] - doneMs[index - 1]);
  }
  return { gapMs, latencyMs: latencyNs / 1e6 };
}

export function worst(stalls: readonly Stall[]): Stall {
  return {
    gapMs: Math.max(0, ...stalls.map(({ gapMs }) => gapMs)),
    latencyMs: Math.max(0, ...stalls.map(({ latencyMs }) => latencyMs)),
  };
}

const HEAD = ['longest stall of a client at kill -9, ms', 'gap', 'latency', 'baseline'];

/** Cells; the baseline is that of the latency. */
export function stallTable(
  stalls: Readonly<Record<string, Stall>>,
  baseline: Readonly<Record<string, Stall>>,
): string[][] {
  const lines = Object.entries(stalls).map(([name, { gapMs, latencyMs }]) => [
    name,
    gapMs.toFixed(0),
    latencyMs.toFixed(0),
    (baseline[name] as Stall | undefined)?.latencyMs.toFixed(0) ?? '-',
  ]);
  return [HEAD, ...lines];
}
