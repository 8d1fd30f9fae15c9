/** C1: QUERY, and what the answers lead to. Clause numbers: docs/strict-register.md. */
import { unreachable } from '../assert.js';
import type { Rank } from '../rank.js';
import type { Answered, CopyState, Part, PausePhase, QueryPhase, StoreAnswered } from './coordination.js';
import {
  calmCount,
  dataAt,
  groupsOf,
  holdersOf,
  holds,
  isSound,
  keyOf,
  newestOf,
  type Group,
  type Verdict,
} from './judge.js';
import {
  beginOrder,
  beginStore,
  emit,
  hedged,
  majority,
  needsData,
  sendQuery,
  setWith,
  slicePart,
  upRanks,
  withEntry,
  type PartOf,
  type StepContext,
} from './phases.js';
import { finishStore } from './storing.js';
import { joinData } from './runs.js';
import type { Version } from './version.js';

type QueryPart = PartOf<QueryPhase>;

interface QueryVerdict extends Verdict {
  readonly kind: 'return' | 'wait' | 'again' | 'fetch' | 'writeBack' | 'handOver' | 'contended';
  /** Of fetch, writeBack and handOver. */
  readonly version: Version | null;
  /** Who holds it. */
  readonly holders: readonly Rank[];
}

const WAIT: QueryVerdict = { kind: 'wait', key: 'wait', data: null, version: null, holders: [] };
/** The newest version is damaged wherever it was found, and nobody is left to ask. */
const AGAIN: QueryVerdict = { kind: 'again', key: 'again', data: null, version: null, holders: [] };
const CONTENDED: QueryVerdict = { kind: 'contended', key: 'contended', data: null, version: null, holders: [] };

export function onState(part: QueryPart, from: Rank, answered: Answered, context: StepContext): readonly Part[] {
  const { phase } = part;
  const answers = withEntry(phase.answers, from, answered);
  const fetching = phase.fetching === from ? null : phase.fetching;
  return judgeQuery({ ...part, phase: { ...phase, answers, fetching } }, context);
}

/** The delay has passed: the others are asked; if all were asked, they are not waited for. */
export function onHedge(part: QueryPart, context: StepContext): readonly Part[] {
  if (!part.phase.isWide) return judgeQuery(widen(part, context), context);
  return judgeQuery({ ...part, phase: { ...part.phase, isLate: true } }, context);
}

export function onUpWhileQuerying(part: QueryPart, rank: Rank, context: StepContext): readonly Part[] {
  const { asked, answers, fetching, isWide } = part.phase;
  if (answers.has(rank)) {
    const left = fetching === rank ? { ...part, phase: { ...part.phase, fetching: null } } : part;
    return judgeQuery(left, context);
  }
  const others = [...asked].filter((other) => other !== rank && (answers.has(other) || context.view.isUp(other)));
  if (!asked.has(rank) && !isWide && others.length >= majority(context)) return [part];
  return [askOthers(part, [rank], context)];
}

export function onDownWhileQuerying(part: QueryPart, rank: Rank, context: StepContext): readonly Part[] {
  const { asked, answers, fetching, isWide } = part.phase;
  const left = { ...part, phase: { ...part.phase, fetching: fetching === rank ? null : fetching } };
  const isMissed = asked.has(rank) && (!answers.has(rank) || fetching === rank);
  return judgeQuery(isMissed && !isWide ? widen(left, context) : left, context);
}

/** E4: what this rank has said counts no longer. */
export function askAgain(part: QueryPart, rank: Rank, context: StepContext): QueryPart {
  const { fetching } = part.phase;
  const forgotten = { ...part, phase: { ...part.phase, fetching: fetching === rank ? null : fetching } };
  return context.view.isUp(rank) ? askOthers(forgotten, [rank], context) : forgotten;
}

function askOthers(part: QueryPart, ranks: readonly Rank[], context: StepContext): QueryPart {
  let { asked } = part.phase;
  for (const rank of ranks) {
    sendQuery(context, part, rank, needsData(context));
    asked = setWith(asked, rank);
  }
  return { ...part, phase: { ...part.phase, asked } };
}

/** "If some lack m, the remaining replicas are asked before anything is written." */
function widen(part: QueryPart, context: StepContext): QueryPart {
  const remaining = upRanks(context).filter((rank) => !part.phase.asked.has(rank));
  const asked = askOthers(part, remaining, context);
  return hedged({ ...asked, phase: { ...asked.phase, isWide: true } }, context) as QueryPart;
}

function judgeQuery(part: QueryPart, context: StepContext): readonly Part[] {
  const { answers, isLate } = part.phase;
  if (answers.size < majority(context)) return [part];
  const isHeard = isLate || upRanks(context).every((rank) => answers.has(rank));
  const judge = context.task.kind === 'heal' ? judgeHeal : judgeRead;
  const groups = groupsOf(answers, part.range.count, (copies, ranks) => judge(copies, ranks, isHeard, context));
  return groups.flatMap((group) => {
    const next = carryOut(slicePart(part, group.from, group.count) as QueryPart, group, context);
    return next === null ? [] : [next];
  });
}

/** C1. The majority that holds m and the majority that has promised nothing above it need not be the same. */
function judgeRead(
  copies: readonly CopyState[],
  ranks: readonly Rank[],
  isHeard: boolean,
  context: StepContext,
): QueryVerdict {
  const settled = settledAmong(copies, majority(context));
  if (settled !== null) {
    const data = dataAt(copies, settled.stamp);
    if (data === null) return fetch(copies, ranks, settled, context);
    return { kind: 'return', key: 'return', data, version: null, holders: [] };
  }
  if (!isHeard) return WAIT;
  const version = newestOf(copies, majority(context));
  if (version === null) return AGAIN;
  if (calmCount(copies, version.stamp) < majority(context)) return CONTENDED;
  const data = dataAt(copies, version.stamp);
  if (data === null) return fetch(copies, ranks, version, context);
  const holders = holdersOf(copies, ranks, version.stamp);
  return { kind: 'writeBack', key: keyOf('writeBack', version, holders), data, version, holders };
}

/**
 * C1, and D1 for what is settled. A copy above m that no majority holds is in the way of LEARN: it is settled too. So
 * is a promise above m, of whichever replica: D1 leaves it, and only a STORE above it ends it (A3).
 */
function judgeHeal(
  copies: readonly CopyState[],
  ranks: readonly Rank[],
  isHeard: boolean,
  context: StepContext,
): QueryVerdict {
  if (!isHeard) return WAIT;
  const settled = settledAmong(copies, majority(context));
  if (settled === null) return judgeRead(copies, ranks, isHeard, context);
  if (calmCount(copies, settled.stamp) < copies.length) return CONTENDED;
  const holders = holdersOf(copies, ranks, settled.stamp);
  const data = dataAt(copies, settled.stamp);
  const isLacking = upRanks(context).some((rank) => !holders.includes(rank));
  if (isLacking && data === null) return fetch(copies, ranks, settled, context);
  return { kind: 'handOver', key: keyOf('handOver', settled, holders), data, version: settled, holders };
}

function settledAmong(copies: readonly CopyState[], needed: number): Version | null {
  for (const copy of copies) {
    if (!isSound(copy)) continue;
    const { version } = copy;
    let holderCount = 0;
    for (const other of copies) if (holds(other, version.stamp)) holderCount += 1;
    if (holderCount >= needed && calmCount(copies, version.stamp) >= needed) return version;
  }
  return null;
}

/** Nobody has sent the data yet: the nearest one that holds it is asked. */
function fetch(
  copies: readonly CopyState[],
  ranks: readonly Rank[],
  version: Version,
  context: StepContext,
): QueryVerdict {
  const holders = holdersOf(copies, ranks, version.stamp);
  const nearest = upRanks(context).find((rank) => holders.includes(rank));
  if (nearest === undefined) return WAIT;
  return { kind: 'fetch', key: `fetch ${nearest}`, data: null, version, holders: [nearest] };
}

/** @returns null: the part is over. */
function carryOut(part: QueryPart, { verdict, pieces }: Group<QueryVerdict>, context: StepContext): Part | null {
  const { kind, version, holders } = verdict;
  switch (kind) {
    case 'return':
      emit(context, part, { kind: 'done', data: joinData(pieces) });
      return null;
    case 'wait':
      return part.phase.isWide ? part : widen(part, context);
    case 'fetch':
      return fetchFrom(part, holders[0], context);
    case 'writeBack':
    case 'handOver':
      return version === null ? part : storeTo(part, kind, version, verdictData(pieces), holders, context);
    case 'contended':
      return part.phase.isSecond ? beginOrder(part, true, context) : askLater(part, context);
    case 'again':
      return askLater(part, context);
    default:
      return unreachable(kind);
  }
}

const verdictData = (pieces: Group<QueryVerdict>['pieces']) => (pieces.length === 0 ? null : joinData(pieces));

function fetchFrom(part: QueryPart, rank: Rank, context: StepContext): QueryPart {
  if (part.phase.fetching !== null) return part;
  sendQuery(context, part, rank, true);
  return { ...part, phase: { ...part.phase, fetching: rank } };
}

/** C1, D1: those that hold the version need not get it. */
function storeTo(
  part: QueryPart,
  purpose: 'writeBack' | 'handOver',
  version: Version,
  data: StoreData,
  holders: readonly Rank[],
  context: StepContext,
): Part | null {
  const answers = new Map<Rank, StoreAnswered>();
  for (const rank of holders) {
    const incarnation = part.phase.answers.get(rank)?.incarnation ?? 0;
    answers.set(rank, { incarnation, outcome: 'stored' });
  }
  return finishStore(beginStore(part, { purpose, version, data, answers }, context), context);
}

type StoreData = ReturnType<typeof verdictData>;

/** C2: its writer may live, so it gets some time before the range is settled. */
function askLater(part: QueryPart, context: StepContext): Part {
  const refusalCount = part.refusalCount + 1;
  emit(context, part, { kind: 'pause', reason: 'living', attempt: refusalCount });
  const phase: PausePhase = { kind: 'pause', then: 'query' };
  return { ...part, phase, refusalCount };
}
