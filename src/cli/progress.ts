/**
 * Shows the progress of a transfer, or of other long work, on standard error: on a terminal a bar with the rate and the
 * time left, elsewhere a plain line every few seconds. Standard output is for data.
 */
import { describeBytes, describeSeconds } from './amounts.js';
import { createRateMeter } from './rateMeter.js';

export interface Progress {
  /** So many more bytes are done. */
  advance(bytes: number): void;
  /** Shows why there is no progress; null: it goes on again. */
  readonly stand: (why: string | null) => void;
  /** Ends the display. To be called in any case. */
  stop(): void;
}

export interface ProgressOptions {
  /** The name of the work: "import". */
  readonly label: string;
  /** Null: the total is not known. */
  readonly totalBytes: number | null;
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly nowMs: () => number;
  /** Milliseconds between plain lines. */
  readonly lineIntervalMs?: number;
}

const LINE_INTERVAL_MS = 3_000;
const BAR_INTERVAL_MS = 200;

/** The parts of the text to show, in order. As many are shown as there is room for. */
export type Describe = () => readonly string[];

export interface DisplayOptions extends Pick<ProgressOptions, 'label' | 'stream' | 'lineIntervalMs'> {
  /** The fraction that is done, 0 to 1; null: not known. */
  readonly fraction: () => number | null;
  /** The last part is the most important one: it is dropped last when there is no room. */
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

/** @returns a function that ends the display. */
export function startDisplay(options: DisplayOptions): Promise<() => void> | (() => void) {
  return options.stream.isTTY === true ? showBar(options) : showLines(options);
}

/** Columns of a stream that does not tell its own. */
const COLUMNS_DEFAULT = 80;
const BAR_COLUMNS = { min: 10, max: 30 } as const;

export interface LineOptions {
  readonly label: string;
  readonly fraction: number | null;
  readonly parts: readonly string[];
  readonly columns: number;
  /** Draws a bar of so many columns. */
  readonly bar: (columns: number) => string;
}

/**
 * The line of the bar, never longer than the terminal is wide. The bar shrinks first. Then the first parts of the text
 * are dropped, then the bar, and at last the rest is cut.
 */
export function progressLine({ label, fraction, parts, columns, bar }: LineOptions): string {
  const percent = fraction === null ? '' : ` ${Math.floor(fraction * 100)}%`;
  // The last column stays free, because a terminal may go to the next line after it.
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
    // The library's own values are those of its last redraw, and its rate is the average of the whole transfer.
    format: (barOptions) =>
      progressLine({
        label,
        fraction: fraction(),
        parts: describe(),
        columns: stream.columns ?? COLUMNS_DEFAULT,
        bar: (barsize) => Format.BarFormat(fraction() ?? 0, { ...barOptions, barsize }),
      }),
    fps: 1_000 / BAR_INTERVAL_MS,
    // The setting of the terminal is not changed, because Ctrl-C would leave it so, and no line is that long.
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
