/**
 * What the clients of a load tell of each operation, one line each: kind, sector, when it began and ended, in
 * milliseconds of the monotonic clock (one for all programs of a machine), and the name that it wrote or read, "-" for
 * zeros. The end is "-" of an operation that had not ended, and "!" with the error of one that failed.
 */
import type { Operation } from '../linearizability/history.js';

export interface Seen {
  readonly kind: 'read' | 'write';
  readonly sector: number;
  readonly beganAt: number;
  /** Null: it had not ended when the load was stopped, or it failed. */
  readonly endedAt: number | null;
  /** Null: it did not fail. */
  readonly error: string | null;
  readonly name: string | null;
}

const LINE = /^(read|write) (\d+) (\d+\.\d+) (?:(\d+\.\d+)|(-)|!(\S+)) (.+)$/;

export function lineOf({ kind, sector, beganAt, endedAt, error, name }: Seen): string {
  const end = error !== null ? `!${error}` : endedAt === null ? '-' : endedAt.toFixed(3);
  return `${kind} ${sector} ${beganAt.toFixed(3)} ${end} ${name ?? '-'}`;
}

/** @throws if a line is not one. The last may be cut off where the program was killed; then it is left out. */
export function operationsOf(output: string): Seen[] {
  const lines = output.slice(0, output.lastIndexOf('\n') + 1).split('\n');
  return lines.slice(0, -1).map((line) => {
    const found = LINE.exec(line);
    if (found === null) throw new Error(`found "${line}", expected a line of an operation`);
    const [, kind, sector, beganAt, endedAt, , error, name] = found as (string | undefined)[];
    return {
      kind: kind === 'read' ? 'read' : 'write',
      sector: Number(sector),
      beganAt: Number(beganAt),
      endedAt: endedAt === undefined ? null : Number(endedAt),
      error: error ?? null,
      name: name === undefined || name === '-' ? null : name,
    };
  });
}

/** The same for the checker of histories. A read that failed says nothing; a write that failed may have happened. */
export function historyOf(client: string, seen: readonly Seen[]): Operation[] {
  return seen.map(({ kind, sector, beganAt, endedAt, name }) => ({
    ...{ client, sector, kind, value: name },
    invoke: beganAt,
    return: endedAt,
  }));
}

export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
