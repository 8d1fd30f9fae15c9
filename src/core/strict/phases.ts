/**
 * How the phases of a part begin, and what all of them share. What answers lead to is in reader, settle and storing.
 */
import { unreachable } from '../assert.js';
import { majorityOf } from '../quorum.js';
import type { Rank } from '../rank.js';
import type {
  Answers,
  Answered,
  CoordinatorView,
  OrderPhase,
  Part,
  Phase,
  QueryPhase,
  StoreAnswered,
  StorePhase,
} from './coordination.js';
import type { SectorRange } from './range.js';
import type { ReplicaRequest } from './replicaMessage.js';
import { clipRuns, sliceOfData } from './runs.js';
import type { PartEffect, Task, TaskEffect } from './task.js';

/** One step: what it sees, and the effects that it has had so far. */
export interface StepContext {
  readonly task: Task;
  /** Of the whole task. */
  readonly range: SectorRange;
  readonly view: CoordinatorView;
  readonly effects: PartEffect[];
}

export function emit({ effects }: StepContext, { range }: Pick<Part, 'range'>, effect: TaskEffect): void {
  effects.push({ range, effect });
}

export function send(context: StepContext, part: Pick<Part, 'range'>, to: Rank, request: ReplicaRequest): void {
  emit(context, part, { kind: 'send', to, request });
}

export function majority({ view }: StepContext): number {
  return majorityOf(view.processCount);
}

/** Who is up, nearest first. */
export function upRanks({ view }: StepContext): readonly Rank[] {
  return view.order.filter((rank) => view.isUp(rank));
}

/** Whether the task wants to know the data that is there. */
export function needsData({ task }: StepContext): boolean {
  return task.kind === 'read' || task.kind === 'update';
}

export function newPart(range: SectorRange): Omit<Part, 'phase'> {
  return { range, first: null, own: [], refusalCount: 0, hedgeCount: 0 };
}

/** C1. A heal asks all, because it is about those that lack something. */
export function beginQuery(part: Omit<Part, 'phase'>, isSecond: boolean, context: StepContext): Part {
  const up = upRanks(context);
  const isHeal = context.task.kind === 'heal';
  const asked = isHeal ? up : up.slice(0, majority(context));
  for (const [index, rank] of asked.entries()) sendQuery(context, part, rank, !isHeal && index === 0);
  const phase: QueryPhase = {
    kind: 'query',
    asked: new Set(asked),
    answers: new Map(),
    fetching: null,
    isWide: isHeal,
    isLate: false,
    isSecond,
  };
  return hedged({ ...part, phase }, context);
}

export function sendQuery(context: StepContext, part: Pick<Part, 'range'>, to: Rank, wantsData: boolean): void {
  send(context, part, to, { kind: 'query', range: part.range, wantsData });
}

/** The part, with a delay asked for. */
export function hedged(part: Part, context: StepContext): Part {
  emit(context, part, { kind: 'hedgeLater' });
  return { ...part, hedgeCount: part.hedgeCount + 1 };
}

/** B1, and the ORDER of B3 and C2. */
export function beginOrder(part: Omit<Part, 'phase'>, isSettle: boolean, context: StepContext): Part {
  const phase: OrderPhase = {
    kind: 'order',
    stamp: context.view.draw(),
    isSettle,
    answers: new Map(),
    fetching: null,
    isLate: false,
  };
  const begun = { ...part, phase };
  for (const [index, rank] of upRanks(context).entries()) {
    sendOrder(context, begun, rank, index === 0 && needsData(context));
  }
  return context.task.kind === 'heal' ? hedged(begun, context) : begun;
}

/** B3, C2 after a pause. A heal asks first: if another one has settled the range meanwhile, nothing is left to do. */
export function settleAgain(part: Omit<Part, 'phase'>, context: StepContext): Part {
  return context.task.kind === 'heal' ? beginQuery(part, true, context) : beginOrder(part, true, context);
}

export function sendOrder(
  context: StepContext,
  { range, phase }: Part & { readonly phase: OrderPhase },
  to: Rank,
  wantsData: boolean,
): void {
  let wants: 'nothing' | 'versions' | 'data' = 'nothing';
  if (phase.isSettle) wants = wantsData ? 'data' : 'versions';
  send(context, { range }, to, { kind: 'order', range, stamp: phase.stamp, wants });
}

export type StoreStart = Pick<StorePhase, 'purpose' | 'version' | 'data'> &
  Partial<Pick<StorePhase, 'holders' | 'held' | 'answers' | 'isOvertaken' | 'isDone'>>;

/** B2, B3, C1, C2, D1: to all that are up and are not known to have the version. */
export function beginStore(part: Omit<Part, 'phase'>, start: StoreStart, context: StepContext): PartOf<StorePhase> {
  const phase: StorePhase = {
    kind: 'store',
    holders: new Set(),
    held: start.version.stamp,
    answers: new Map<Rank, StoreAnswered>(),
    mayBeStored: false,
    isOvertaken: false,
    isDone: false,
    ...start,
    pending: new Set(),
    pause: null,
  };
  const pending = new Set<Rank>();
  const begun = { ...part, phase };
  for (const rank of upRanks(context)) {
    if (phase.answers.has(rank)) continue;
    if (sendStore(context, begun, rank)) pending.add(rank);
  }
  return { ...begun, phase: { ...phase, pending } };
}

export type PartOf<P extends Phase> = Part & { readonly phase: P };

/** @returns whether there was something to send: null data is for holders only. */
export function sendStore(context: StepContext, { range, phase }: PartOf<StorePhase>, to: Rank): boolean {
  const { purpose, version, data, holders, held } = phase;
  if (purpose === 'attempt' && holders.has(to)) {
    send(context, { range }, to, { kind: 'store', range, ...version, data: { held } });
    return true;
  }
  if (data === null) return false;
  send(context, { range }, to, { kind: purpose === 'handOver' ? 'learn' : 'store', range, ...version, data });
  return true;
}

/** The part of the part that begins at its `from`th sector. */
export function slicePart(part: Part, from: number, count: number): Part {
  if (from === 0 && count === part.range.count) return part;
  const range = { first: part.range.first + from, count };
  const { phase } = part;
  switch (phase.kind) {
    case 'query':
    case 'order':
      return { ...part, range, phase: { ...phase, answers: sliceAnswers(phase.answers, from, count) } };
    case 'store': {
      const data = phase.data === null ? null : sliceOfData(phase.data, from, count);
      return { ...part, range, phase: { ...phase, data } };
    }
    case 'pause':
      return { ...part, range };
    default:
      return unreachable(phase);
  }
}

function sliceAnswers(answers: Answers, from: number, count: number): Answers {
  const sliced = new Map<Rank, Answered>();
  for (const [rank, { incarnation, runs }] of answers) {
    sliced.set(rank, { incarnation, runs: runs.length === 0 ? runs : clipRuns(runs, from, count) });
  }
  return sliced;
}

/** A map with one more entry. */
export function withEntry<K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> {
  return new Map(map).set(key, value);
}

/** A map or set without an entry. */
export function without<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}

export function setWith<T>(set: ReadonlySet<T>, value: T): ReadonlySet<T> {
  return set.has(value) ? set : new Set(set).add(value);
}

export function setWithout<T>(set: ReadonlySet<T>, value: T): ReadonlySet<T> {
  if (!set.has(value)) return set;
  const rest = new Set(set);
  rest.delete(value);
  return rest;
}
