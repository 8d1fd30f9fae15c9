/** Cases, one after the other, of everything that decodes in this process. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { dice, seedOf } from '../helpers/seed.js';
import { clientSubject } from './clientSubject.js';
import type { Experiment, Piece, Subject } from './experiment.js';
import { faultOf, shrink } from './experiment.js';
import { measureMemory } from './memory.js';
import { nbdSubject } from './nbdSubject.js';
import { processSubject } from './processSubject.js';
import { report } from './report.js';
import { packSubject, portSubject } from './strictSubject.js';
import { wireSubject } from './wireSubject.js';

const SUBJECTS: readonly Subject[] = [wireSubject, clientSubject, packSubject, portSubject, nbdSubject, processSubject];

/** Cases are dealt to the subjects by their weights. */
const DEAL = SUBJECTS.flatMap((subject) => new Array<Subject>(subject.weight).fill(subject));

const SHRINK_MS_MAX = 30_000;

export interface Finding {
  readonly caseNumber: number;
  readonly subject: string;
  readonly fault: string;
  /** As few and as short as were found to fail. */
  readonly pieces: readonly Piece[];
}

export interface DecodersOptions {
  readonly seed: number;
  readonly firstCase?: number;
  readonly mayGoOn: (casesDone: number) => boolean;
  /** Called now and then. */
  readonly progress?: (summary: string) => void;
}

export interface DecodersResult {
  readonly finding: Finding | null;
  readonly summary: string;
}

const PROGRESS_MS = 30_000;

/** Until the first case that fails. */
export async function fuzzDecoders(options: DecodersOptions): Promise<DecodersResult> {
  const { seed, firstCase = 0 } = options;
  const tally = new Tally();
  let finding: Finding | null = null;
  let reportAt = performance.now() + PROGRESS_MS;
  for (let done = 0; finding === null && options.mayGoOn(done); done += 1) {
    const caseNumber = firstCase + done;
    const { subject, experiment } = caseOf(seed, caseNumber);
    const fault = tally.time(subject.name, experiment, () => faultOf(experiment));
    if (fault !== null) finding = explain(caseNumber, subject.name, experiment, fault);
    if (performance.now() < reportAt) continue;
    reportAt = performance.now() + PROGRESS_MS;
    options.progress?.(tally.summary());
    // Signals are taken between turns.
    await nextTurn();
  }
  return { finding, summary: tally.summary() };
}

function caseOf(seed: number, caseNumber: number): { subject: Subject; experiment: Experiment } {
  const subject = DEAL[caseNumber % DEAL.length];
  return { subject, experiment: subject.make(dice(seedOf(seed, subject.name, caseNumber))) };
}

function explain(caseNumber: number, subject: string, experiment: Experiment, fault: string): Finding {
  const pieces = shrink(experiment, SHRINK_MS_MAX);
  return { caseNumber, subject, fault: faultOf(experiment, pieces) ?? fault, pieces };
}

export function reportOf(seed: number, { caseNumber, subject, fault, pieces }: Finding): string {
  const bytes = pieces.map((piece) => piece.bytes);
  return report({ target: 'decoders', seed, caseNumber, fault: `${subject}: ${fault}`, bytes });
}

/** @returns what keeps more than it may, or null. */
export function fuzzMemory(seed: number, garbageMebibytes: number): { fault: string | null; summary: string } {
  const results = measureMemory(dice(seedOf(seed, 'memory')), garbageMebibytes);
  const text = results.map(
    ({ name, keptBytes, boundBytes }) => `${name}: ${inKibibytes(keptBytes)} kept, ${inKibibytes(boundBytes)} at most`,
  );
  const tooMuch = results.findIndex(({ keptBytes, boundBytes }) => keptBytes > boundBytes);
  return { fault: tooMuch === -1 ? null : text[tooMuch], summary: text.join('\n') };
}

const inKibibytes = (bytes: number): string => `${Math.round(bytes / 1_024)} KiB`;

class Tally {
  private readonly bySubject = new Map<string, { cases: number; bytes: number; ms: number }>();

  time<Value>(name: string, { pieces }: Experiment, run: () => Value): Value {
    const began = performance.now();
    const value = run();
    const { cases, bytes, ms } = this.bySubject.get(name) ?? { cases: 0, bytes: 0, ms: 0 };
    this.bySubject.set(name, {
      cases: cases + 1,
      bytes: pieces.reduce((sum, piece) => sum + piece.bytes.length, bytes),
      ms: ms + performance.now() - began,
    });
    return value;
  }

  summary(): string {
    const parts = [...this.bySubject].map(([name, { cases, bytes, ms }]) => {
      const rate = ms === 0 ? 0 : Math.round(cases / (ms / 1_000));
      return `${name} ${cases} cases, ${Math.round(bytes / 2 ** 20)} MiB, ${rate}/s`;
    });
    return parts.join('; ');
  }
}
