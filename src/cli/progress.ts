/**
 * Progress of a long transfer, or of anything else that takes long, on standard error: a bar with rate and time left on
 * a terminal, a plain line every few seconds elsewhere. Standard output stays free for data.
 */
import { describeBytes, describeSeconds } from './amounts.js';
import { createRateMeter } from './rateMeter.js';

export interface Progress {
  /** So many bytes more are done. */
  advance(bytes: number): void;
  /** Why nothing moves; null: it does again. */
  readonly stand: (why: string | null) => void;
  /** Ends the display. To be called whatever happened. */
  stop(): void;
}

export interface ProgressOptions {
  /** What is being done: "import". */
  readonly label: string;
  /** Null: nobody knows how much there is. */
  readonly totalBytes: number | null;
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly nowMs: () => number;
  /** Milliseconds between plain lines. */
  readonly lineIntervalMs?: number;
}

const LINE_INTERVAL_MS = 3_000;
const BAR_INTERVAL_MS = 200;

/** What there is to show, in words: one thing after another, as far as there is room. */
export type Describe = () => readonly string[];

export interface DisplayOptions extends Pick<ProgressOptions, 'label' | 'stream' | 'lineIntervalMs'> {
  /** How much of it is done, 0 to 1; null: nobody knows. */
  readonly fraction: () => number | null;
  /** The last is the most important: it goes last where there is no room. */
  readonly describe: Describe;
}

export async function startProgress(options: ProgressOptions): Promise<Progress> {
  const { totalBytes, nowMs } = options;
  const meter = createRateMeter(nowMs());
  let done = 0;
  let standstill: string | null = null;
  const describe: Describe = () => {
    meter.record(nowMs(), done);
    const total = totalBytes === null ? '' : ` of ${describeBytes(totalBytes)}`;
    const amount = `${describeBytes(done)}${total}`;
    if (standstill !== null) return [amount, standstill];
    const rate = `${describeBytes(meter.bytesPerSecond())}/s`;
    if (totalBytes === null) return [rate, amount];
    return [amount, rate, `${describeSeconds(meter.secondsLeft(totalBytes))} left`];
  };
  const fraction = (): number | null => {
    if (totalBytes === null) return null;
    return totalBytes === 0 ? 1 : done / totalBytes;
  };
  const stop = await startDisplay({ ...options, fraction, describe });
  return {
    advance(bytes) {
      done += bytes;
    },
    stand(why) {
      standstill = why;
    },
    stop,
  };
}

/** @returns what ends the display. */
export function startDisplay(options: DisplayOptions): Promise<() => void> | (() => void) {
  return options.stream.isTTY === true ? showBar(options) : showLines(options);
}

/** Where the stream does not tell. */
const COLUMNS_DEFAULT = 80;
const BAR_COLUMNS = { min: 10, max: 30 } as const;

export interface LineOptions {
  readonly label: string;
  readonly fraction: number | null;
  readonly parts: readonly string[];
  readonly columns: number;
  /** A bar of so many columns. */
  readonly bar: (columns: number) => string;
}

/**
 * The line of the bar, never longer than the terminal is wide: the bar shrinks first, then what is said first goes,
 * then the bar, and at last the rest is cut.
 */
export function progressLine({ label, fraction, parts, columns, bar }: LineOptions): string {
  const percent = fraction === null ? '' : ` ${Math.floor(fraction * 100)}%`;
  // The last column stays free: a terminal may go to the next line after it.
  const room = columns - 1;
  for (let first = 0; first < parts.length; first += 1) {
    const text = parts.slice(first).join(', ');
    if (fraction === null) {
      const line = `${label}: ${text}`;
      if (line.length <= room) return line;
      continue;
    }
    const left = room - `${label} []${percent} ${text}`.length;
    if (left < BAR_COLUMNS.min) continue;
    return `${label} [${bar(Math.min(left, BAR_COLUMNS.max))}]${percent} ${text}`;
  }
  return `${label}${percent} ${parts.at(-1) ?? ''}`.slice(0, Math.max(0, room));
}

async function showBar({ label, stream, fraction, describe }: DisplayOptions): Promise<() => void> {
  const { default: cliProgress } = await import('cli-progress');
  const { Format, SingleBar } = cliProgress;
  const bar = new SingleBar({
    stream,
    // The library's own figures are those of its last redraw, and its rate is one of all time.
    format: (barOptions) =>
      progressLine({
        label,
        fraction: fraction(),
        parts: describe(),
        columns: stream.columns ?? COLUMNS_DEFAULT,
        bar: (barsize) => Format.BarFormat(fraction() ?? 0, { ...barOptions, barsize }),
      }),
    fps: 1_000 / BAR_INTERVAL_MS,
    // Changes no setting of the terminal, because Ctrl-C would leave it so; no line is that long.
    linewrap: true,
  });
  bar.start(1, 0);
  const timer = setInterval(() => {
    bar.update(fraction() ?? 0);
  }, BAR_INTERVAL_MS);
  return () => {
    clearInterval(timer);
    bar.update(fraction() ?? 0);
    bar.stop();
  };
}

function showLines(options: DisplayOptions): () => void {
  const { label, stream, fraction, describe, lineIntervalMs = LINE_INTERVAL_MS } = options;
  const timer = setInterval(() => {
    const done = fraction();
    const percent = done === null ? [] : [`${Math.floor(done * 100)}%`];
    stream.write(`${label}: ${[...percent, ...describe()].join(', ')}\n`);
  }, lineIntervalMs);
  return () => {
    clearInterval(timer);
  };
}
