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
  /**
   * When the client crashed, without an answer: a write took effect before that, or never does (Aguilera and Frølund,
   * "Strict linearizability and the power of aborting", 2003). Absent: it did not crash, or strictness is not judged.
   */
  readonly crash?: number;
  /**
   * Of a write that is an update: the value that it found and replaced, with no other value in between. Absent: of any
   * other write, and of an update that nobody knows this of.
   */
  readonly found?: Value;
}

/** When an operation that took effect had done so at the latest. */
export function latestEffect(operation: Operation): number {
  return operation.return ?? operation.crash ?? Infinity;
}

/** Real-time order of operations that took effect: `a` was over before `b` was asked. At equal times: concurrent. */
export function precedes(a: Operation, b: Operation): boolean {
  return latestEffect(a) < b.invoke;
}

/** One operation as text, for explanations. */
export function describeOperation(operation: Operation): string {
  const { client, kind, value, invoke, crash, found } = operation;
  const unknown = crash === undefined ? 'outcome unknown' : `crashed at ${crash}`;
  const end = operation.return === null ? unknown : `answered at ${operation.return}`;
  const over = found === undefined ? '' : ` over ${describeValue(found)}`;
  const verb = kind === 'read' ? 'read' : 'wrote';
  return `${client} ${verb} ${describeValue(value)}${over} (asked at ${invoke}, ${end})`;
}

export function describeValue(value: Value): string {
  return value === null ? 'the initial value' : `"${value}"`;
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
  /** By client: what ends each of its operations that are under way without an answer. */
  private readonly underWay = new Map<string, Set<EndWithout>>();

  constructor(private readonly now: () => number) {}

  /** Notes that an operation was asked for now; call the result when its outcome is known. */
  begin(client: string, sector: number, kind: 'read' | 'write', written: Value = null): Pending {
    const invoke = this.now();
    if (kind === 'write') this.written.set(written, written);
    const ofClient = this.underWay.get(client) ?? new Set();
    this.underWay.set(client, ofClient);
    const settle = (found: Value, end: Pick<Operation, 'return' | 'crash'>): void => {
      if (!ofClient.delete(without)) throw new Error(`an operation of ${client} was settled twice`);
      if (ofClient.size === 0) this.underWay.delete(client);
      const value = this.written.get(found) ?? found;
      this.operations.push({ client, sector, kind, value, invoke, ...end });
    };
    const without: EndWithout = (end) => {
      settle(written, end);
    };
    ofClient.add(without);
    return {
      answered: (value = written) => {
        settle(value, { return: this.now() });
      },
      unknown: () => {
        settle(written, { return: null });
      },
    };
  }

  /** The client crashed now: none of its operations gets an answer any more. Its next life has another name. */
  crash(client: string): void {
    const crash = this.now();
    for (const end of [...(this.underWay.get(client) ?? [])]) end({ return: null, crash });
  }

  /** What is under way never ends. */
  closeAll(): void {
    for (const ends of [...this.underWay.values()]) for (const end of [...ends]) end({ return: null });
  }
}

type EndWithout = (end: { readonly return: null; readonly crash?: number }) => void;

export interface Pending {
  /** The answer is here; `value` is what a read returned. */
  answered(value?: Value): void;
  /** There will be no answer. */
  unknown(): void;
}
