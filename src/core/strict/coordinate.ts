/**
 * The coordinator of the strict register as a reducer: reads, writes, updates and heals of ranges, clauses B1 to B3,
 * C1, C2, D1 and E4 of docs/strict-register.md. Sectors of a range are one part as long as they behave alike.
 */
import { unreachable } from '../assert.js';
import type { Rank } from '../rank.js';
import type { Coordination, CoordinationStep, CoordinatorView, OrderPhase, Part } from './coordination.js';
import type { CopyState, QueryPhase, StorePhase } from './coordination.js';
import { beginOrder, beginQuery, newPart, settleAgain, without, type PartOf, type StepContext } from './phases.js';
import { intersectionOf, overlap, type SectorRange } from './range.js';
import { askAgain, onDownWhileQuerying, onHedge, onState, onUpWhileQuerying } from './reader.js';
import type { Incarnations, OrderedRun } from './replicaMessage.js';
import { clipRuns } from './runs.js';
import { judgeOrder, onDownWhileOrdering, onGranted, onLateOrder, onRefusedOrder, orderAgain } from './settle.js';
import {
  conclude,
  finishStore,
  onDownWhileStoring,
  onResumeStore,
  onStored,
  onUpWhileStoring,
  storeAgain,
} from './storing.js';
import type { Task, TaskEvent } from './task.js';
import { compareStrictStamps, type StrictStamp } from './version.js';

/** @param range of an update: one sector. */
export function beginTask(task: Task, range: SectorRange, view: CoordinatorView): CoordinationStep {
  const context: StepContext = { task, range, view, effects: [] };
  const part = beginPart(context);
  return { coordination: { task, range, parts: [part] }, effects: context.effects };
}

function beginPart(context: StepContext): Part {
  const part = newPart(context.range);
  switch (context.task.kind) {
    case 'read':
    case 'heal':
      return beginQuery(part, false, context);
    case 'write':
      return beginOrder(part, false, context);
    case 'update':
      return beginOrder(part, true, context);
    default:
      return unreachable(context.task);
  }
}

export function stepTask(
  { task, range, parts }: Coordination,
  event: TaskEvent,
  view: CoordinatorView,
): CoordinationStep {
  const context: StepContext = { task, range, view, effects: [] };
  const next = parts.flatMap((part) => stepPart(part, event, context));
  return { coordination: { task, range, parts: next }, effects: context.effects };
}

/** Nothing is left to do, and nothing is waited for. */
export function isOver({ parts }: Coordination): boolean {
  return parts.length === 0;
}

type AnswerEvent = TaskEvent & { readonly kind: 'answer' };

function stepPart(part: Part, event: TaskEvent, context: StepContext): readonly Part[] {
  switch (event.kind) {
    case 'answer':
      return onAnswer(part, event, context);
    case 'incarnations':
      return dropOutdated(part, event.known, context);
    case 'up':
      return onUp(part, event.rank, context);
    case 'down':
      return onDown(part, event.rank, context);
    case 'hedge':
      return overlap(part.range, event.range) ? onDelay(part, context) : [part];
    case 'resume':
      return overlap(part.range, event.range) ? onResume(part, context) : [part];
    case 'conclude':
      return part.phase.kind === 'store' && part.phase.isDone ? left(conclude(part as StorePart, context)) : [part];
    default:
      return unreachable(event);
  }
}

type QueryPart = PartOf<QueryPhase>;
type OrderPart = PartOf<OrderPhase>;
type StorePart = PartOf<StorePhase>;

const left = (part: Part | null): readonly Part[] => (part === null ? [] : [part]);

/** Answers that do not belong to the present phase change nothing. Nor do those of an earlier incarnation (E4). */
function onAnswer(part: Part, event: AnswerEvent, context: StepContext): readonly Part[] {
  const { from, request, answer, incarnation } = event;
  const { phase, range } = part;
  const common = intersectionOf(range, request.range);
  if (common === null || incarnation < latestOf(context.view.incarnations, from)) return [part];
  // A part is never wider than a request of its present phase.
  if (common.count < range.count) return [part];
  const offset = range.first - request.range.first;
  if (phase.kind === 'query' && request.kind === 'query' && answer.kind === 'state') {
    const runs = clipRuns(answer.runs, offset, range.count);
    return onState(part as QueryPart, from, { incarnation, runs }, context);
  }
  if (phase.kind === 'order' && request.kind === 'order' && answer.kind === 'ordered') {
    if (!isSame(request.stamp, phase.stamp)) return [part];
    const runs = clipRuns(answer.runs, offset, range.count);
    return onOrdered(part as OrderPart, from, incarnation, runs, context);
  }
  const isStore = request.kind === 'store' || request.kind === 'learn';
  if (phase.kind === 'store' && isStore && answer.kind === 'stored') {
    if (!isSame(request.stamp, phase.version.stamp)) return [part];
    return onStored(part as StorePart, from, incarnation, clipRuns(answer.runs, offset, range.count), context);
  }
  return [part];
}

function onOrdered(
  part: OrderPart,
  from: Rank,
  incarnation: number,
  runs: readonly OrderedRun[],
  context: StepContext,
): readonly Part[] {
  const { stamp, isSettle } = part.phase;
  const copies: CopyState[] = [];
  for (const run of runs) {
    if (run.outcome === 'refused') return [onRefusedOrder(part, context)];
    if (!isSettle) continue;
    if (run.version === null) return [part];
    copies.push({ count: run.count, version: run.version, promised: stamp, data: run.data });
  }
  return onGranted(part, from, { incarnation, runs: copies }, context);
}

function latestOf(incarnations: Incarnations, rank: Rank): number {
  return incarnations.at(rank - 1) ?? 0;
}

const isSame = (a: StrictStamp, b: StrictStamp): boolean => compareStrictStamps(a, b) === 0;

/** E4: answers that were counted in this phase are dropped too, and asked for again. */
function dropOutdated(part: Part, known: Incarnations, context: StepContext): readonly Part[] {
  const { phase } = part;
  if (phase.kind === 'pause') return [part];
  let current: Part | null = part;
  for (const [rank, { incarnation }] of phase.answers) {
    if (incarnation >= latestOf(known, rank) || current === null) continue;
    current = dropAnswer(current, rank, context);
  }
  return left(current);
}

function dropAnswer(part: Part, rank: Rank, context: StepContext): Part | null {
  const { phase } = part;
  const isUp = context.view.isUp(rank);
  switch (phase.kind) {
    case 'query':
      return askAgain({ ...part, phase: { ...phase, answers: without(phase.answers, rank) } }, rank, context);
    case 'order': {
      const dropped = { ...part, phase: { ...phase, answers: without(phase.answers, rank) } };
      return isUp ? orderAgain(dropped, rank, context) : dropped;
    }
    case 'store': {
      const holders = new Set([...phase.holders].filter((other) => other !== rank));
      const dropped = { ...part, phase: { ...phase, answers: without(phase.answers, rank), holders } };
      if (phase.isDone) return finishStore(dropped, context);
      return isUp ? storeAgain(dropped, rank, context) : dropped;
    }
    case 'pause':
      return part;
    default:
      return unreachable(phase);
  }
}

function onUp(part: Part, rank: Rank, context: StepContext): readonly Part[] {
  switch (part.phase.kind) {
    case 'query':
      return onUpWhileQuerying(part as QueryPart, rank, context);
    case 'order':
      return judgeOrder(orderAgain(part as OrderPart, rank, context), context);
    case 'store':
      return left(onUpWhileStoring(part as StorePart, rank, context));
    case 'pause':
      return [part];
    default:
      return unreachable(part.phase);
  }
}

function onDown(part: Part, rank: Rank, context: StepContext): readonly Part[] {
  switch (part.phase.kind) {
    case 'query':
      return onDownWhileQuerying(part as QueryPart, rank, context);
    case 'order':
      return onDownWhileOrdering(part as OrderPart, rank, context);
    case 'store':
      return left(onDownWhileStoring(part as StorePart, rank, context));
    case 'pause':
      return [part];
    default:
      return unreachable(part.phase);
  }
}

/** Only the last delay that was asked for counts. */
function onDelay(part: Part, context: StepContext): readonly Part[] {
  const delayed = { ...part, hedgeCount: Math.max(0, part.hedgeCount - 1) };
  if (delayed.hedgeCount > 0) return [delayed];
  if (delayed.phase.kind === 'order') return onLateOrder(delayed as OrderPart, context);
  return delayed.phase.kind === 'query' ? onHedge(delayed as QueryPart, context) : [delayed];
}

function onResume(part: Part, context: StepContext): readonly Part[] {
  const { phase } = part;
  if (phase.kind === 'store') return left(onResumeStore(part as StorePart, context));
  if (phase.kind !== 'pause') return [part];
  if (phase.then === 'query') return [beginQuery(part, true, context)];
  return [phase.then === 'settle' ? settleAgain(part, context) : beginOrder(part, false, context)];
}
