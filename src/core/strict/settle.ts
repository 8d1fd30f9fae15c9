/**
 * ORDER, and what the answers lead to: B1, B3 and C2 of docs/strict-register.md, and updates, which are B3 with data
 * that is computed from m. B3 and C2 are one routine.
 */
import { assert } from '../assert.js';
import type { Rank } from '../rank.js';
import { SECTOR_SIZE_BYTES, ZERO_SECTOR } from '../sector.js';
import type { Answered, CopyState, OrderPhase, Part, PausePhase } from './coordination.js';
import { dataAt, groupsOf, holdersOf, keyOf, newestOf, type Group, type Verdict } from './judge.js';
import {
  beginOrder,
  beginStore,
  emit,
  majority,
  needsData,
  sendOrder,
  slicePart,
  upRanks,
  withEntry,
  type PartOf,
  type StepContext,
} from './phases.js';
import type { RangeData } from './replicaMessage.js';
import { joinData, sliceOfData } from './runs.js';
import { compareStrictStamps, type StrictStamp, type Version } from './version.js';

type OrderPart = PartOf<OrderPhase>;

interface SettleVerdict extends Verdict {
  /** `keep`: m gets the new stamp. `write`: the own data does. */
  readonly kind: 'wait' | 'again' | 'fetch' | 'keep' | 'write';
  /** Of fetch, keep and write: m. */
  readonly newest: Version | null;
  /** Who holds m. */
  readonly holders: readonly Rank[];
}

const WAIT: SettleVerdict = { kind: 'wait', key: 'wait', data: null, newest: null, holders: [] };
/** The newest version is damaged wherever it was found, and nobody is left to ask. */
const AGAIN: SettleVerdict = { ...WAIT, kind: 'again', key: 'again' };

/** A majority of these, and the stamp is ordered. */
export function onGranted(part: OrderPart, from: Rank, answered: Answered, context: StepContext): readonly Part[] {
  const { phase } = part;
  const answers = withEntry(phase.answers, from, answered);
  const fetching = phase.fetching === from ? null : phase.fetching;
  return judgeOrder({ ...part, phase: { ...phase, answers, fetching } }, context);
}

/**
 * B1, B3, C2: again, above what was promised. The refused stamp was stored nowhere, so the whole part takes the next
 * one. The first refusal may only say that this coordinator had not heard of the others: no pause.
 */
export function onRefusedOrder(part: OrderPart, context: StepContext): Part {
  const { isSettle } = part.phase;
  // A heal has asked before, so the other is at work now, and may be about to settle the range.
  const mayKnowLess = part.refusalCount === 0 && context.task.kind !== 'heal';
  if (mayKnowLess) return beginOrder({ ...part, refusalCount: 1 }, isSettle, context);
  return orderLater(part, context);
}

function orderLater(part: OrderPart, context: StepContext): Part {
  const refusalCount = part.refusalCount + 1;
  emit(context, part, { kind: 'pause', reason: 'contention', attempt: refusalCount });
  const phase: PausePhase = { kind: 'pause', then: part.phase.isSettle ? 'settle' : 'order' };
  return { ...part, phase, refusalCount };
}

/** A rank is up, or what it has said counts no longer (E4). */
export function orderAgain(part: OrderPart, rank: Rank, context: StepContext): OrderPart {
  const { fetching, answers } = part.phase;
  if (!answers.has(rank)) sendOrder(context, part, rank, needsData(context) && answers.size === 0);
  return fetching === rank ? { ...part, phase: { ...part.phase, fetching: null } } : part;
}

export function onDownWhileOrdering(part: OrderPart, rank: Rank, context: StepContext): readonly Part[] {
  const { fetching } = part.phase;
  return judgeOrder({ ...part, phase: { ...part.phase, fetching: fetching === rank ? null : fetching } }, context);
}

/** The delay has passed: a heal waits no longer for those that have not answered. */
export function onLateOrder(part: OrderPart, context: StepContext): readonly Part[] {
  return judgeOrder({ ...part, phase: { ...part.phase, isLate: true } }, context);
}

export function judgeOrder(part: OrderPart, context: StepContext): readonly Part[] {
  const { answers, isSettle, stamp, isLate } = part.phase;
  if (answers.size < majority(context)) return [part];
  // Nobody waits for a heal. If all say that they hold m, no data has to be moved.
  const isHeard = isLate || upRanks(context).every((rank) => answers.has(rank));
  if (context.task.kind === 'heal' && !isHeard) return [part];
  // B1. `first` never was a stamp that was refused.
  if (!isSettle) return [storeOwn({ ...part, first: stamp }, stamp, ownData(part, context), context)];
  const groups = groupsOf(answers, part.range.count, (copies, ranks) => judge(part, copies, ranks, context));
  return groups.map((group) => carryOut(slicePart(part, group.from, group.count) as OrderPart, group, context));
}

/** B3: m.origin tells a writer whether its own write was rolled forward, or is behind a newer one. */
function judge(
  part: OrderPart,
  copies: readonly CopyState[],
  ranks: readonly Rank[],
  context: StepContext,
): SettleVerdict {
  const newest = newestOf(copies, majority(context));
  if (newest === null) return upRanks(context).every((rank) => ranks.includes(rank)) ? AGAIN : WAIT;
  if (context.task.kind === 'write' && (part.first === null || compareStrictStamps(newest.origin, part.first) < 0)) {
    return { kind: 'write', key: 'write', data: null, newest, holders: [] };
  }
  const holders = holdersOf(copies, ranks, newest.stamp);
  const data = dataAt(copies, newest.stamp);
  const up = upRanks(context);
  if (data === null && (needsData(context) || up.some((rank) => !holders.includes(rank)))) {
    const nearest = up.find((rank) => holders.includes(rank));
    if (nearest === undefined) return WAIT;
    return { kind: 'fetch', key: `fetch ${nearest}`, data: null, newest, holders: [nearest] };
  }
  return { kind: 'keep', key: keyOf('keep', newest, holders), data, newest, holders };
}

function carryOut(part: OrderPart, { verdict, pieces }: Group<SettleVerdict>, context: StepContext): Part {
  const { kind, newest, holders } = verdict;
  if (kind === 'again') return orderLater(part, context);
  if (kind === 'wait' || newest === null) return part;
  if (kind === 'fetch') return fetchFrom(part, holders[0], context);
  const { stamp } = part.phase;
  if (kind === 'write') return storeOwn(part, part.first ?? stamp, ownData(part, context), context);
  const data = pieces.length === 0 ? null : joinData(pieces);
  if (context.task.kind === 'update') return update(part, newest, data, holders, context);
  return keep(part, newest, data, holders, false, context);
}

/** B2, B3. */
function storeOwn(part: OrderPart, origin: StrictStamp, data: RangeData, context: StepContext): Part {
  const version = { stamp: part.phase.stamp, origin };
  return beginStore(part, { purpose: 'attempt', version, data }, context);
}

/** STORE(s, m.origin, m.data): those that hold m need not get the data. */
function keep(
  part: OrderPart,
  newest: Version,
  data: RangeData | null,
  holders: readonly Rank[],
  isOvertaken: boolean,
  context: StepContext,
): Part {
  const version = { stamp: part.phase.stamp, origin: newest.origin };
  const held = newest.stamp;
  return beginStore(part, { purpose: 'attempt', version, data, held, holders: new Set(holders), isOvertaken }, context);
}

/**
 * F1, F2, F3. An update keeps the origin of what it has changed. With an origin of its own it would tell a writer that
 * was ordered before, and is not part of what it has changed, that its write is over: that write would be lost. So it
 * knows its own results by their stamps: if m is one of them, it is rolled forward. If m is older than all of them,
 * none took effect, and none that is still there can be taken for more than one of them. If m is newer than the first
 * and none of them, it is unknown.
 */
function update(
  part: OrderPart,
  newest: Version,
  data: RangeData | null,
  holders: readonly Rank[],
  context: StepContext,
): Part {
  const { task } = context;
  assert(task.kind === 'update' && data !== null, `an update without the data of ${task.kind}`);
  const isOwn = part.own.some((stamp) => compareStrictStamps(stamp, newest.stamp) === 0);
  const isBehind = part.own.length > 0 && compareStrictStamps(newest.stamp, part.own[0]) > 0;
  if (isOwn) return keep(withOwn(part), newest, data, holders, false, context);
  if (isBehind) return keep(part, newest, data, holders, true, context);
  const changed = task.change(data === 'zeros' ? ZERO_SECTOR : data);
  assert(changed.length === SECTOR_SIZE_BYTES, `an update made ${changed.length} bytes of ${SECTOR_SIZE_BYTES}`);
  return storeOwn(withOwn(part), newest.origin, changed, context);
}

/** With the stamp of this ORDER as one that a result of the update is stored with. */
function withOwn(part: OrderPart): OrderPart {
  return { ...part, own: [...part.own, part.phase.stamp] };
}

function ownData({ range }: OrderPart, { task, range: whole }: StepContext): RangeData {
  assert(task.kind === 'write', `a ${task.kind} has no data to write`);
  return sliceOfData(task.data, range.first - whole.first, range.count);
}

/** A2 grants an ORDER again: it is repeated to one that holds m, for its data. */
function fetchFrom(part: OrderPart, rank: Rank, context: StepContext): OrderPart {
  if (part.phase.fetching !== null) return part;
  sendOrder(context, part, rank, true);
  return { ...part, phase: { ...part.phase, fetching: rank } };
}
