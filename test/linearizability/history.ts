/**
 * What clients saw of the registers: the input of the checkers in this folder. Times may be on any scale as long as all
 * of them come from one clock.
 */

/** A value that some write wrote, or null: the value of a sector that was never written. */
export type Value = string | null;

export interface Operation {
  readonly client: string;
  readonly sector: number;
  readonly kind: 'read' | 'write';
  /** What was written, or what the read returned (of no meaning if its outcome is unknown). */
  readonly value: Value;
  /** When the client asked. */
  readonly invoke: number;
  /**
   * When the client had the answer. Null: it never got one, so a write may have taken effect at any time after
   * `invoke`, or may still do so, or never.
   */
  readonly return: number | null;
}

/** Real-time order: `a` had its answer before `b` was asked. At equal times they are concurrent. */
export function precedes(a: Operation, b: Operation): boolean {
  return a.return !== null && a.return < b.invoke;
}

/** One operation as text, for explanations. */
export function describeOperation(operation: Operation): string {
  const { client, kind, value, invoke } = operation;
  const end = operation.return === null ? 'outcome unknown' : `answered at ${operation.return}`;
  const what = value === null ? 'the initial value' : `"${value}"`;
  return `${client} ${kind === 'read' ? 'read' : 'wrote'} ${what} (asked at ${invoke}, ${end})`;
}

/** The operations of each sector. Sectors are registers of their own, so each is judged alone. */
export function bySector(history: readonly Operation[]): Map<number, Operation[]> {
  const sectors = new Map<number, Operation[]>();
  for (const operation of history) {
    const ofSector = sectors.get(operation.sector);
    if (ofSector === undefined) sectors.set(operation.sector, [operation]);
    else ofSector.push(operation);
  }
  return sectors;
}

/** Gathers a history while it happens. */
export class HistoryRecorder {
  readonly operations: Operation[] = [];
  /** So that all reads of a value share one string: histories may have a million operations. */
  private readonly written = new Map<Value, Value>();

  constructor(private readonly now: () => number) {}

  /** Notes that an operation was asked for now; call the result when its outcome is known. */
  begin(client: string, sector: number, kind: 'read' | 'write', written: Value = null): Pending {
    const invoke = this.now();
    if (kind === 'write') this.written.set(written, written);
    let settled = false;
    const settle = (found: Value, returned: number | null): void => {
      if (settled) throw new Error(`an operation of ${client} was settled twice`);
      settled = true;
      const value = this.written.get(found) ?? found;
      this.operations.push({ client, sector, kind, value, invoke, return: returned });
    };
    return {
      answered: (value = written) => {
        settle(value, this.now());
      },
      unknown: () => {
        settle(written, null);
      },
    };
  }
}

export interface Pending {
  /** The answer is here; `value` is what a read returned. */
  answered(value?: Value): void;
  /** There will be no answer. */
  unknown(): void;
}
