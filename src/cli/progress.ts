/**
 * Progress of a long transfer, or of anything else that takes long, on standard error: a bar with
 * rate and time left on a terminal, a plain line every few seconds elsewhere. Standard output stays
 * free for data.
 */
import { describeBytes, describeSeconds } from './amounts.js';
import { createRateMeter } from './rateMeter.js';

export interface Progress {
  /** So many bytes more are done. */
  advance(bytes: number): void;
  /** Ends the display. To be called whatever happened. */
  stop(): void;
}

export interface ProgressOptions {
  /** What is being done: "import". */
  readonly label: string;
  readonly totalBytes: number;
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly nowMs: () => number;
  /** Milliseconds between plain lines. */
  readonly lineIntervalMs?: number;
}

const LINE_INTERVAL_MS = 3_000;
const BAR_INTERVAL_MS = 200;

/** What there is to show, in words. */
export type Describe = () => string;

export interface DisplayOptions extends Pick<
  ProgressOptions,
  'label' | 'stream' | 'lineIntervalMs'
> {
  /** How much of it is done, 0 to 1. */
  readonly fraction: () => number;
  readonly describe: Describe;
}

export async function startProgress(options: ProgressOptions): Promise<Progress> {
  const { totalBytes, nowMs } = options;
  const meter = createRateMeter(nowMs());
  let done = 0;
  const describe: Describe = () => {
    meter.note(nowMs(), done);
    const rate = `${describeBytes(meter.bytesPerSecond())}/s`;
    const left = `${describeSeconds(meter.secondsLeft(totalBytes))} left`;
    return `${describeBytes(done)} of ${describeBytes(totalBytes)}, ${rate}, ${left}`;
  };
  const fraction = (): number => (totalBytes === 0 ? 1 : done / totalBytes);
  const stop = await startDisplay({ ...options, fraction, describe });
  return {
    advance(bytes) {
      done += bytes;
    },
    stop,
  };
}

/** @returns ends it; to be called whatever happened. */
export async function startDisplay(options: DisplayOptions): Promise<() => void> {
  return options.stream.isTTY === true ? showBar(options) : showLines(options);
}

async function showBar({ label, stream, fraction, describe }: DisplayOptions): Promise<() => void> {
  const { default: cliProgress } = await import('cli-progress');
  const { Format, SingleBar } = cliProgress;
  const bar = new SingleBar({
    stream,
    // The library's own figures are those of its last redraw, and its rate is one of all time.
    format: (barOptions) => {
      const bar = Format.BarFormat(fraction(), barOptions);
      return `${label} [${bar}] ${Math.floor(fraction() * 100)}% ${describe()}`;
    },
    barsize: 30,
    fps: 1_000 / BAR_INTERVAL_MS,
    // Changes no setting of the terminal, since Ctrl-C would leave it so; long lines are cut.
    linewrap: true,
  });
  bar.start(1, 0);
  const timer = setInterval(() => {
    bar.update(fraction());
  }, BAR_INTERVAL_MS);
  return () => {
    clearInterval(timer);
    bar.update(fraction());
    bar.stop();
  };
}

function showLines(options: DisplayOptions): () => void {
  const { label, stream, fraction, describe, lineIntervalMs = LINE_INTERVAL_MS } = options;
  const timer = setInterval(() => {
    stream.write(`${label}: ${Math.floor(fraction() * 100)}%, ${describe()}\n`);
  }, lineIntervalMs);
  return () => {
    clearInterval(timer);
  };
}
