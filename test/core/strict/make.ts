/** Short forms of the values that tests of the strict register are made of. */
import type { Rank } from '../../../src/core/rank.js';
import { SECTOR_SIZE_BYTES } from '../../../src/core/sector.js';
import { beginTask, stepTask } from '../../../src/core/strict/coordinate.js';
import type { Coordination, CoordinatorView } from '../../../src/core/strict/coordination.js';
import type { SectorRange } from '../../../src/core/strict/range.js';
import type { CopyView } from '../../../src/core/strict/replica.js';
import type { RangeData, ReplicaAnswer, ReplicaRequest, StateRun } from '../../../src/core/strict/replicaMessage.js';
import type { PartEffect, Task, TaskEffect, TaskEvent } from '../../../src/core/strict/task.js';
import { STRICT_STAMP_INITIAL, laterOf, type StrictStamp, type Version } from '../../../src/core/strict/version.js';

export const stamp = (counter: number, name = 'c'): StrictStamp => ({
  counter: BigInt(counter),
  coordinator: counter === 0 ? STRICT_STAMP_INITIAL.coordinator : name.padStart(16, '.'),
});

export const version = (of: StrictStamp, origin = of): Version => ({ stamp: of, origin });

export const range = (first: number, count: number): SectorRange => ({ first, count });

/** Sectors full of one byte. */
export const bytes = (byte: number, count = 1): Uint8Array => new Uint8Array(count * SECTOR_SIZE_BYTES).fill(byte);

/** Sectors, each full of its own byte. */
export const mixed = (...values: number[]): Uint8Array => {
  const data = new Uint8Array(values.length * SECTOR_SIZE_BYTES);
  for (const [index, value] of values.entries()) {
    data.fill(value, index * SECTOR_SIZE_BYTES, (index + 1) * SECTOR_SIZE_BYTES);
  }
  return data;
};

/**
 * The copies of a replica: [version, promised if it is higher, whether damaged] by sector; others were never written.
 */
export function copies(
  ...list: readonly { readonly of: Version; readonly promised?: StrictStamp; readonly isDamaged?: boolean }[]
): CopyView {
  const none: Version = { stamp: STRICT_STAMP_INITIAL, origin: STRICT_STAMP_INITIAL };
  const versionOf = (sector: number): Version => list.at(sector)?.of ?? none;
  return {
    versionOf,
    promisedOf: (sector) => laterOf(versionOf(sector).stamp, list.at(sector)?.promised ?? STRICT_STAMP_INITIAL),
    isDamaged: (sector) => list.at(sector)?.isDamaged === true,
  };
}

export function stateRun(of: Version, data: StateRun['data'] = null, count = 1, promised = of.stamp): StateRun {
  return { count, version: of, promised, data };
}

/** A coordinator with its world, fed by hand. */
export class Operation {
  readonly down = new Set<Rank>();
  incarnations: number[];
  coordination: Coordination;
  /** Of the last event. */
  effects: readonly PartEffect[];
  /** All requests so far, latest last. */
  readonly sent: { to: Rank; request: ReplicaRequest }[] = [];
  #counter: number;
  readonly #coordinator: string;

  constructor(
    task: Task,
    where: SectorRange,
    { processCount = 3, counter = 10, down = [] as readonly Rank[], coordinator = 'c' } = {},
  ) {
    this.#counter = counter;
    this.#coordinator = coordinator;
    this.incarnations = Array.from({ length: processCount }, () => 0);
    for (const rank of down) this.down.add(rank);
    const { coordination, effects } = beginTask(task, where, this.#view(processCount));
    this.coordination = coordination;
    this.effects = effects;
    this.#note();
  }

  feed(event: TaskEvent): this {
    const step = stepTask(this.coordination, event, this.#view(this.incarnations.length));
    this.coordination = step.coordination;
    this.effects = step.effects;
    this.#note();
    return this;
  }

  /** An answer to the latest request that was sent to that replica. */
  answer(from: Rank, answer: ReplicaAnswer, incarnation = 0): this {
    const request = this.sent.findLast(({ to }) => to === from)?.request;
    if (request === undefined) throw new Error(`nothing was sent to ${from}`);
    return this.feed({ kind: 'answer', from, request, answer, incarnation });
  }

  state(from: Rank, ...runs: readonly StateRun[]): this {
    return this.answer(from, { kind: 'state', runs });
  }

  granted(from: Rank, of: Version | null = null, data: RangeData | 'damaged' | null = null, count = 1): this {
    return this.answer(from, { kind: 'ordered', runs: [{ outcome: 'granted', count, version: of, data }] });
  }

  refused(from: Rank, promised: StrictStamp, count = 1): this {
    const kind = this.sent.findLast(({ to }) => to === from)?.request.kind === 'order' ? 'ordered' : 'stored';
    this.hear(promised);
    return this.answer(from, { kind, runs: [{ outcome: 'refused', count, promised }] });
  }

  stored(from: Rank, count = 1): this {
    return this.answer(from, { kind: 'stored', runs: [{ outcome: 'stored', count }] });
  }

  resume(where = this.coordination.range): this {
    return this.feed({ kind: 'resume', range: where });
  }

  hedge(where = this.coordination.range): this {
    return this.feed({ kind: 'hedge', range: where });
  }

  /** The last event's requests, as short texts. */
  get requests(): string[] {
    return this.effects.flatMap(({ effect }) =>
      effect.kind === 'send' ? [`${effect.to} ${short(effect.request)}`] : [],
    );
  }

  /** The last event's other effects, as short texts. */
  get outcomes(): string[] {
    return this.effects.flatMap(({ range: where, effect }) =>
      effect.kind === 'send' || effect.kind === 'hedgeLater'
        ? []
        : [`${where.first}+${where.count} ${outcome(effect)}`],
    );
  }

  /** Stamps are above what it has heard of. */
  hear({ counter }: StrictStamp): void {
    this.#counter = Math.max(this.#counter, Number(counter));
  }

  #note(): void {
    for (const { effect } of this.effects) {
      if (effect.kind === 'send') this.sent.push({ to: effect.to, request: effect.request });
    }
  }

  #view(processCount: number): CoordinatorView {
    return {
      processCount,
      order: Array.from({ length: processCount }, (_, index) => index + 1),
      isUp: (rank) => !this.down.has(rank),
      draw: () => {
        this.#counter += 1;
        return stamp(this.#counter, this.#coordinator);
      },
      incarnations: this.incarnations,
    };
  }
}

export const name = ({ counter, coordinator }: StrictStamp): string =>
  counter === 0n ? '0' : `${counter}${coordinator.slice(-1)}`;

/** The bytes of sectors; of more than three the first, and how many. */
export function contentOf(data: RangeData | { readonly held: StrictStamp } | 'damaged' | null): string {
  if (data === null || typeof data === 'string') return String(data);
  if ('held' in data) return `held ${name(data.held)}`;
  const values = Array.from({ length: data.length / SECTOR_SIZE_BYTES }, (_, index) => data[index * SECTOR_SIZE_BYTES]);
  return values.length > 3 && new Set(values).size === 1 ? `${values[0]} x${values.length}` : values.join(' ');
}

export function short(request: ReplicaRequest): string {
  const { first, count } = request.range;
  const where = `${first}+${count}`;
  switch (request.kind) {
    case 'list':
      return `LIST ${first}`;
    case 'query':
      return `QUERY ${where}${request.wantsData ? ' data' : ''}`;
    case 'order':
      return `ORDER ${where} ${name(request.stamp)}${request.wants === 'nothing' ? '' : ` ${request.wants}`}`;
    case 'store':
    case 'learn':
      return [
        request.kind.toUpperCase(),
        where,
        `${name(request.stamp)}/${name(request.origin)}`,
        contentOf(request.data),
      ].join(' ');
    case 'concluded':
      return `CONCLUDED ${where} ${name(request.stamp)} lacking [${request.lacking.join()}]`;
  }
}

export function outcome(effect: Exclude<TaskEffect, { readonly kind: 'send' | 'hedgeLater' }>): string {
  switch (effect.kind) {
    case 'pause':
      return `pause ${effect.reason} ${effect.attempt}`;
    case 'done':
      return effect.data === null ? 'done' : `done ${contentOf(effect.data)}`;
    case 'unknown':
      return 'unknown';
    case 'concluded':
      return `concluded ${name(effect.stamp)} lacking [${effect.lacking.join()}]`;
  }
}
