/** What is printed of runs. */
import type { Counts } from './counts.js';
import { describeFault, FAULT_KINDS } from './plan.js';
import type { RunOptions, RunResult } from './run.js';
import { STRICT_FAULT_KINDS } from './strict/strictPlan.js';
import type { TraceLine } from './trace.js';

/** Lines of a trace shown around a failure. */
const EXCERPT_LINES = 60;

/** What has to happen in any two hundred runs; what never does is not simulated, whatever the plan says. */
const EXPECTED: readonly string[] = [
  ...FAULT_KINDS,
  'writes answered',
  'reads answered',
  'outcomes unknown',
  'writes sent again',
  'writes held',
  'reads hedged',
  'processes left by clients',
  'clients that left unanswered',
  'puts that found no room',
  'torn sectors',
  'lost sectors',
  'damaged sectors noticed',
  'processes ended by their disk',
  'messages sent again',
  'receipts given to a foreign process',
];

/** The same of strict clusters. */
const EXPECTED_STRICT: readonly string[] = [
  ...STRICT_FAULT_KINDS,
  'writes answered',
  'reads answered',
  'updates answered',
  'updates with unknown outcome',
  'crashes of clients in operations',
  'disks taken in',
];

export const RUNS_THAT_EXERCISE_ALL = 200;

/** Kinds of things that never happened. */
export function missingFrom(counts: Counts, isStrict = false): string[] {
  return (isStrict ? EXPECTED_STRICT : EXPECTED).filter((name) => counts.of(name) === 0);
}

export function commandFor(options: RunOptions): string {
  const { seed, processCount, seconds, only, isBlackBox, extension, workers = 0, isStrict, schedule } = options;
  const parts = [`--seed ${seed}`, `--processes ${processCount}`, `--seconds ${seconds}`];
  if (isStrict !== true) parts.push('--members open');
  if (schedule !== undefined) parts.push(`--schedule ${schedule}`);
  if (only !== undefined) parts.push(`--only ${[...only].join(',')}`);
  if (isBlackBox === true) parts.push('--black-box');
  if (extension !== undefined) parts.push(`--extension ${extension}`);
  if (workers !== 0) parts.push(`--workers ${workers}`);
  return `npm run simulate -- ${parts.join(' ')}`;
}

export function describeCounts(counts: Counts): string {
  const rows = [...counts.byName].sort(([a], [b]) => (a < b ? -1 : 1));
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, count]) => `  ${name.padEnd(width)}  ${count}`).join('\n');
}

/** Everything about a run that failed; it has to have been recorded. */
export function describeFailure(result: RunResult, only?: ReadonlySet<number>): string {
  const { finding, plan, lines } = result;
  if (finding === null) return 'nothing was found';
  const faults = plan.filter(({ number }) => only?.has(number) ?? true);
  return [
    `${finding.check}: ${finding.text}`,
    `at ${(finding.atUs / 1_000).toFixed(3)} ms`,
    '',
    'What went wrong on purpose:',
    ...faults.map((fault) => `  ${describeFault(fault)}`),
    '',
    'What happened around it:',
    ...excerptOf(result, lines).map(describeLine),
  ].join('\n');
}

function excerptOf({ finding }: RunResult, lines: readonly TraceLine[]): readonly TraceLine[] {
  const excerpt = finding?.excerpt;
  if (excerpt === undefined) return lines.slice(-EXCERPT_LINES);
  const { sector, fromUs, toUs } = excerpt;
  const about = new RegExp(`sector ${sector}\\b|^(?:fault|kill|power lost|boot|ready|stop|stall) `);
  return lines.filter(({ atUs, text }) => atUs >= fromUs && atUs <= toUs && about.test(text)).slice(-EXCERPT_LINES * 4);
}

export function describeLine({ atUs, text }: TraceLine): string {
  return `${(atUs / 1_000).toFixed(3).padStart(12)}  ${text}`;
}
