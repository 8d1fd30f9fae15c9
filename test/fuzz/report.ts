/** What was found, and how to find it again. */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Target } from './options.js';

export interface Report {
  readonly target: Target;
  readonly seed: number;
  /** Of the decoders. */
  readonly caseNumber: number | null;
  readonly fault: string;
  /** What was sent: it is written to a file. */
  readonly bytes: readonly Buffer[];
}

/** The text of the report, which names the file. */
export function report({ target, seed, caseNumber, fault, bytes }: Report): string {
  const ofCase = caseNumber === null ? '' : `, case ${caseNumber}`;
  const lines = [`FAILED: ${fault}`, `seed ${seed}${ofCase}`];
  if (bytes.length > 0) {
    const name = ['atdd-fuzz', target, seed, caseNumber ?? process.pid].join('-');
    const file = path.join(tmpdir(), `${name}.hex`);
    writeFileSync(file, bytes.map((piece) => `${piece.toString('hex')}\n`).join(''));
    lines.push(`what was sent, a line for each piece: ${file}`);
  }
  const again = `npm run fuzz -- --only ${target} --seed ${seed}`;
  lines.push(`again: ${again}${caseNumber === null ? '' : ` --case ${caseNumber}`}`);
  return lines.join('\n');
}
