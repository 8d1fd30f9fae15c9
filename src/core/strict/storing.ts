/** STORE and LEARN, and what the answers lead to: B2, B3, C1, C2 and D1 of docs/strict-register.md. */
import { assert } from '../assert.js';
import type { Rank } from '../rank.js';
import type { Part, StoreAnswered, StorePhase } from './coordination.js';
import {
  beginOrder,
  beginQuery,
  emit,
  majority,
  needsData,
  send,
  sendStore,
  settleAgain,
  setWith,
  setWithout,
  slicePart,
  withEntry,
  without,
  type PartOf,
  type StepContext,
} from './phases.js';
import type { StoredRun } from './replicaMessage.js';
import { compareStrictStamps } from './version.js';

type StorePart = PartOf<StorePhase>;

/** @param runs cover exactly the part. It is divided where they differ. */
export function onStored(
  part: StorePart,
  from: Rank,
  incarnation: number,
  runs: readonly StoredRun[],
  context: StepContext,
): readonly Part[] {
  const parts: Part[] = [];
  let first = 0;
  for (let index = 0; index < runs.length;) {
    const { outcome } = runs[index];
    let next = first;
    while (index < runs.length && runs[index].outcome === outcome) {
      next += runs[index].count;
      index += 1;
    }
    const piece = slicePart(part, first, next - first) as StorePart;
    parts.push(...orNone(onOutcome(piece, from, incarnation, outcome, context)));
    first = next;
  }
  return parts;
}

const orNone = (part: Part | null): readonly Part[] => (part === null ? [] : [part]);

/** @returns null: the part is over. */
function onOutcome(
  part: StorePart,
  from: Rank,
  incarnation: number,
  outcome: StoredRun['outcome'],
  context: StepContext,
): Part | null {
  const { phase } = part;
  const pending = setWithout(phase.pending, from);
  if (outcome === 'lacks') {
    const holders = setWithout(phase.holders, from);
    return storeAgain({ ...part, phase: { ...phase, pending, holders } }, from, context);
  }
  const answers = withEntry<Rank, StoreAnswered>(phase.answers, from, { incarnation, outcome });
  const mayBeStored = phase.mayBeStored || outcome !== 'refused';
  const answered: StorePart = { ...part, phase: { ...phase, pending, answers, mayBeStored } };
  if (outcome === 'stored') return finishStore(answered, context);
  if (outcome === 'refused' && phase.isDone) return finishStore(learnInstead(answered, from, context), context);
  if (phase.isDone) return finishStore(answered, context);
  return outcome === 'refused' ? onRefused(answered, context) : onFull(answered, context);
}

/**
 * B2, B3, C1, C2: REFUSED. The answers that come during the pause count still: if they are a majority, the refusal is
 * one that was taken in late.
 */
function onRefused(part: StorePart, context: StepContext): StorePart {
  const { phase } = part;
  const refused: StorePart = { ...part, phase: { ...phase, pause: 'refused' } };
  if (phase.pause !== null) return refused;
  const refusalCount = part.refusalCount + 1;
  const reason = phase.purpose === 'attempt' ? 'contention' : 'living';
  emit(context, part, { kind: 'pause', reason, attempt: refusalCount });
  return { ...refused, refusalCount };
}

function onFull(part: StorePart, context: StepContext): StorePart {
  if (part.phase.pause !== null) return part;
  emit(context, part, { kind: 'pause', reason: 'full', attempt: 1 });
  return { ...part, phase: { ...part.phase, pause: 'full' } };
}

/** The pause is over. */
export function onResumeStore(part: StorePart, context: StepContext): Part | null {
  const { phase } = part;
  if (phase.isDone || phase.pause === null) return part;
  if (phase.pause === 'full') {
    let again: StorePart = { ...part, phase: { ...phase, pause: null } };
    for (const [rank, { outcome }] of phase.answers) {
      if (outcome !== 'full') continue;
      again = { ...again, phase: { ...again.phase, answers: without(again.phase.answers, rank) } };
      if (!context.view.isUp(rank)) continue;
      const next = storeAgain(again, rank, context);
      if (next?.phase.kind !== 'store') return next;
      again = next as StorePart;
    }
    return again;
  }
  // The writer may have lived, and has had its time: C2 begins with its second QUERY.
  return phase.purpose === 'attempt' ? settleAgain(withoutVoid(part), context) : beginQuery(part, true, context);
}

/** F2: a stamp that all have refused to store is no own stamp. */
function withoutVoid(part: StorePart): StorePart {
  const { pending, mayBeStored, version } = part.phase;
  if (mayBeStored || pending.size > 0) return part;
  return { ...part, own: part.own.filter((stamp) => compareStrictStamps(stamp, version.stamp) !== 0) };
}

/**
 * A rank is up, or does not hold what it was to hold, or what it has said counts no longer (E4). If there is no data
 * for it, the range is settled anew, because those that have it may not come back.
 */
export function storeAgain(part: StorePart, rank: Rank, context: StepContext): Part | null {
  const { phase } = part;
  if (phase.answers.get(rank)?.outcome === 'stored') return part;
  if (sendStore(context, part, rank)) {
    return { ...part, phase: { ...phase, pending: setWith(phase.pending, rank), mayBeStored: true } };
  }
  if (phase.isDone) return finishStore(part, context);
  return phase.pause === 'refused' ? part : beginOrder(part, true, context);
}

export function onUpWhileStoring(part: StorePart, rank: Rank, context: StepContext): Part | null {
  return part.phase.isDone ? part : storeAgain(part, rank, context);
}

/** Nothing is kept for a replica that is down: it is lacking. */
export function onDownWhileStoring(part: StorePart, rank: Rank, context: StepContext): Part | null {
  const { phase } = part;
  const mayBeStored = phase.mayBeStored || phase.pending.has(rank);
  return finishStore({ ...part, phase: { ...phase, pending: setWithout(phase.pending, rank), mayBeStored } }, context);
}

/** D1: a healed version is handed to those that have promised more. */
function learnInstead(part: StorePart, rank: Rank, context: StepContext): StorePart {
  const { range, phase } = part;
  const { version, data } = phase;
  if (context.task.kind !== 'heal' || data === null) return part;
  send(context, part, rank, { kind: 'learn', range, ...version, data });
  return { ...part, phase: { ...phase, pending: setWith(phase.pending, rank) } };
}

/** Done when a majority has it; over when nobody is waited for any more. @returns null: over. */
export function finishStore(part: StorePart, context: StepContext): Part | null {
  const stored = [...part.phase.answers].flatMap(([rank, { outcome }]) => (outcome === 'stored' ? [rank] : []));
  let left = part;
  if (!part.phase.isDone) {
    if (stored.length < majority(context)) return part;
    left = announce(part, context);
  }
  return left.phase.pending.size > 0 ? left : conclude(left, context);
}

function announce(part: StorePart, context: StepContext): StorePart {
  const { phase } = part;
  const data = needsData(context) ? phase.data : null;
  assert(!needsData(context) || data !== null, `a ${context.task.kind} has stored data that it does not know`);
  emit(context, part, phase.isOvertaken ? { kind: 'unknown' } : { kind: 'done', data });
  let done: StorePart = { ...part, phase: { ...phase, isDone: true } };
  for (const [rank, { outcome }] of phase.answers) {
    if (outcome === 'refused') done = learnInstead(done, rank, context);
  }
  return done;
}

/** Says who may not have the version. */
export function conclude(part: StorePart, context: StepContext): null {
  const { version, answers } = part.phase;
  const lacking = Array.from({ length: context.view.processCount }, (_, index) => index + 1).filter(
    (rank) => answers.get(rank)?.outcome !== 'stored',
  );
  emit(context, part, { kind: 'concluded', stamp: version.stamp, lacking });
  return null;
}
