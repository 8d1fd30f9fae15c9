/**
 * N replicas and some coordinators of the strict register, made of the production reducers, under a network that may do
 * anything: each request that was ever sent may be handled at any time, any number of times, or never. Its answer is
 * taken in at once, or lost: an answer that is late is a coordinator that acts late. Immutable, so that it can be walked
 * through completely (exhaustive.test.ts), or at random (walks.test.ts).
 */
import type { Rank } from '../../../src/core/rank.js';
import { SECTOR_SIZE_BYTES, ZERO_SECTOR, type SectorData } from '../../../src/core/sector.js';
import { beginTask, stepTask } from '../../../src/core/strict/coordinate.js';
import type { Coordination, CoordinationStep, CoordinatorView } from '../../../src/core/strict/coordination.js';
import { endOf, type SectorRange } from '../../../src/core/strict/range.js';
import { decide, withCopies, type CopyView, type DecidedRequest } from '../../../src/core/strict/replica.js';
import type { RangeData, ReplicaAnswer, ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import { sliceOfData } from '../../../src/core/strict/runs.js';
import type { Task, TaskEvent } from '../../../src/core/strict/task.js';
import {
  STRICT_STAMP_INITIAL,
  VERSION_INITIAL,
  compareStrictStamps,
  laterOf,
  type StrictStamp,
  type Version,
} from '../../../src/core/strict/version.js';
import { acknowledge, begin, isExplained, kill, newMonitor, returned, type Change, type Monitor } from './monitor.js';

export interface PlannedOperation {
  readonly kind: 'read' | 'write' | 'update' | 'heal';
  readonly range: SectorRange;
  /** What the coordinator has heard of before it begins. */
  readonly clock: number;
  /** How many stamps it may use. With more to draw, it stops for ever. */
  readonly stampsMax: number;
}

export interface Plan {
  readonly processCount: number;
  readonly sectorCount: number;
  readonly operations: readonly PlannedOperation[];
  readonly replicaCrashes?: number;
  readonly coordinatorCrashes?: number;
  readonly lostDisks?: number;
  /**
   * No replica is nearer than another: all are asked at once, and for the data. Then worlds that differ only in the
   * places of the replicas have the same future.
   */
  readonly isSymmetric?: boolean;
  /** Rules that are broken on purpose, to see that it is found. */
  readonly broken?: Weakening;
}

/** What a deliberate fault changes. */
export interface Weakening {
  /** Of a replica: what its decisions see in place of the truth. */
  readonly view?: (view: CopyView, request: DecidedRequest) => CopyView;
  /** Of a replica: what it answers in place of the right answer. */
  readonly answer?: (answer: ReplicaAnswer, request: DecidedRequest, replica: Replica) => ReplicaAnswer;
  readonly forgetsPromises?: boolean;
  readonly joiningAnswers?: boolean;
  readonly joinsWithoutPromises?: boolean;
  readonly listsOne?: boolean;
  readonly ignoresIncarnations?: boolean;
}

export interface Replica {
  readonly versions: readonly Version[];
  readonly values: readonly number[];
  /** At least the stamps of the versions. */
  readonly promised: readonly StrictStamp[];
  readonly incarnation: number;
  /** The incarnations of all that it has noted. */
  readonly known: readonly number[];
  /** Whom it has listed while it joins; null: it is a member. */
  readonly listed: readonly Rank[] | null;
}

export interface Coordinator {
  readonly status: 'planned' | 'running' | 'over';
  readonly coordination: Coordination | null;
  readonly clock: bigint;
  readonly stampsLeft: number;
  /** What is still to be handled: for each replica the requests by their texts. */
  readonly sent: readonly ReadonlyMap<string, DecidedRequest>[];
  readonly pauses: readonly SectorRange[];
  readonly hedges: readonly SectorRange[];
  readonly incarnations: readonly number[];
}

export interface World {
  readonly plan: Plan;
  readonly replicas: readonly Replica[];
  readonly coordinators: readonly Coordinator[];
  readonly monitors: readonly Monitor[];
  /** For each sector, the latest stamp and the latest origin that a completed operation has left (P3). */
  readonly completed: readonly Version[];
  readonly replicaCrashes: number;
  readonly coordinatorCrashes: number;
  readonly lostDisks: number;
  readonly violation: string | null;
}

export type Action =
  | { readonly kind: 'begin' | 'crash'; readonly operation: number }
  | {
      readonly kind: 'handle';
      readonly operation: number;
      readonly rank: Rank;
      readonly key: string;
      readonly isLost: boolean;
    }
  | { readonly kind: 'hedge' | 'resume'; readonly operation: number; readonly index: number }
  | { readonly kind: 'restart' | 'loseDisk'; readonly rank: Rank }
  | { readonly kind: 'list'; readonly rank: Rank; readonly from: Rank };

const VALUES: readonly SectorData[] = Array.from({ length: 30 }, (_, value) =>
  value === 0 ? ZERO_SECTOR : new Uint8Array(SECTOR_SIZE_BYTES).fill(value),
);

/** The value that a write puts; unique. */
export const valueOf = (operation: number): number => operation + 1;
/** An update makes this of a value; its results tell which updates are in them. */
const updated = (value: number, operation: number): number => (value + (1 << (operation + 2))) % VALUES.length;

const idOf = (operation: number): string => String(operation + 1).padStart(16, '0');

export function newWorld(plan: Plan): World {
  const { processCount, sectorCount, operations } = plan;
  const each = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
  const changes = operations.map(({ kind }, index): Change => {
    if (kind === 'write') return () => valueOf(index);
    return kind === 'update' ? (value) => updated(value, index) : null;
  });
  return {
    plan,
    replicas: each(processCount, {
      versions: each(sectorCount, VERSION_INITIAL),
      values: each(sectorCount, 0),
      promised: each(sectorCount, STRICT_STAMP_INITIAL),
      incarnation: 0,
      known: each(processCount, 0),
      listed: null,
    }),
    coordinators: operations.map(({ clock, stampsMax }) => ({
      status: 'planned',
      coordination: null,
      clock: BigInt(clock),
      stampsLeft: stampsMax,
      sent: each(processCount, new Map<string, DecidedRequest>()),
      pauses: [],
      hedges: [],
      incarnations: each(processCount, 0),
    })),
    monitors: each(sectorCount, newMonitor(changes)),
    completed: each(sectorCount, VERSION_INITIAL),
    replicaCrashes: plan.replicaCrashes ?? 0,
    coordinatorCrashes: plan.coordinatorCrashes ?? 0,
    lostDisks: plan.lostDisks ?? 0,
    violation: null,
  };
}

/** All that may happen next. */
export function actionsOf(world: World): Action[] {
  const actions: Action[] = [];
  for (const [operation, one] of world.coordinators.entries()) {
    if (one.status === 'planned') actions.push({ kind: 'begin', operation });
    const isRunning = one.status === 'running';
    if (isRunning && world.coordinatorCrashes > 0) actions.push({ kind: 'crash', operation });
    for (const [place, requests] of one.sent.entries()) {
      if (!isAnswering(world, place + 1)) continue;
      for (const key of requests.keys()) {
        if (isRunning) actions.push({ kind: 'handle', operation, rank: place + 1, key, isLost: false });
        if (!key.startsWith('query')) actions.push({ kind: 'handle', operation, rank: place + 1, key, isLost: true });
      }
    }
    if (!isRunning) continue;
    for (const index of one.pauses.keys()) actions.push({ kind: 'resume', operation, index });
    for (const index of one.hedges.keys()) actions.push({ kind: 'hedge', operation, index });
  }
  const joining = world.replicas.findIndex(({ listed }) => listed !== null) + 1;
  for (const [index, { listed }] of world.replicas.entries()) {
    const rank = index + 1;
    if (listed === null) {
      if (world.replicaCrashes > 0) actions.push({ kind: 'restart', rank });
      if (world.lostDisks > 0 && joining === 0) actions.push({ kind: 'loseDisk', rank });
      if (joining > 0 && world.replicas[joining - 1].listed?.includes(rank) === false) {
        actions.push({ kind: 'list', rank: joining, from: rank });
      }
    }
  }
  return actions;
}

function isAnswering({ replicas, plan }: World, rank: Rank): boolean {
  return replicas[rank - 1].listed === null || plan.broken?.joiningAnswers === true;
}

/** @returns the world after that, with requests left out that can change nothing any more. */
export function apply(world: World, action: Action): World {
  const next = perform(world, action);
  if (next === world || next.violation !== null) return next;
  const isUnchecked = next.replicas !== world.replicas || next.completed !== world.completed;
  return pruned(isUnchecked ? checked(next) : next);
}

function perform(world: World, action: Action): World {
  switch (action.kind) {
    case 'begin':
      return beginOperation(world, action.operation);
    case 'crash': {
      const crashed = stopped(world, action.operation);
      return { ...crashed, coordinatorCrashes: world.coordinatorCrashes - 1 };
    }
    case 'handle':
      return handle(world, action);
    case 'hedge': {
      const one = world.coordinators[action.operation];
      const range = one.hedges[action.index];
      const left = { ...one, hedges: one.hedges.filter((_, index) => index !== action.index) };
      return feed(withCoordinator(world, action.operation, left), action.operation, { kind: 'hedge', range });
    }
    case 'resume': {
      const one = world.coordinators[action.operation];
      const range = one.pauses[action.index];
      const left = { ...one, pauses: one.pauses.filter((_, index) => index !== action.index) };
      return feed(withCoordinator(world, action.operation, left), action.operation, { kind: 'resume', range });
    }
    case 'restart':
      return {
        ...withReplica(world, action.rank, restart(world, action.rank)),
        replicaCrashes: world.replicaCrashes - 1,
      };
    case 'loseDisk':
      return { ...withReplica(world, action.rank, lose(world, action.rank)), lostDisks: world.lostDisks - 1 };
    case 'list':
      return list(world, action.rank, action.from);
  }
}

/** A4: what was promised is lost, and `limit`, which is above it, holds in its place. */
function restart(world: World, rank: Rank): Replica {
  const replica = world.replicas[rank - 1];
  if (world.plan.broken?.forgetsPromises === true) {
    return { ...replica, promised: replica.versions.map(({ stamp }) => stamp) };
  }
  const { counter } = replica.promised.reduce(laterOf);
  const limit = { counter: counter + 1n, coordinator: 'z'.repeat(16) };
  return { ...replica, promised: replica.promised.map(() => limit) };
}

/** E1. */
function lose({ replicas, plan }: World, rank: Rank): Replica {
  const incarnation = replicas[rank - 1].incarnation + 1;
  const empty = newWorld(plan).replicas[rank - 1];
  return {
    ...empty,
    incarnation,
    known: empty.known.map((_, index) => (index + 1 === rank ? incarnation : 0)),
    listed: [],
  };
}

/** E2, E3: `from` notes the incarnation before it lists. */
function list(world: World, rank: Rank, from: Rank): World {
  const joining = world.replicas[rank - 1];
  const other = world.replicas[from - 1];
  const noted = { ...other, known: other.known.map((one, index) => (index + 1 === rank ? joining.incarnation : one)) };
  const versions = [...joining.versions];
  const values = [...joining.values];
  const promised = [...joining.promised];
  for (const [sector, version] of other.versions.entries()) {
    if (compareStrictStamps(version.stamp, versions[sector].stamp) > 0) {
      versions[sector] = version;
      values[sector] = other.values[sector];
    }
    if (world.plan.broken?.joinsWithoutPromises !== true) {
      promised[sector] = laterOf(promised[sector], other.promised[sector]);
    }
    promised[sector] = laterOf(promised[sector], versions[sector].stamp);
  }
  const listed = [...(joining.listed ?? []), from];
  const needed = world.plan.broken?.listsOne === true ? 1 : Math.ceil(world.replicas.length / 2);
  const known = joining.known.map((one, index) => Math.max(one, other.known[index]));
  const taken = {
    ...joining,
    versions,
    values,
    promised,
    known,
    listed: listed.length >= needed ? null : listed.sort(),
  };
  return withReplica(withReplica(world, from, noted), rank, taken);
}

function beginOperation(world: World, operation: number): World {
  const { kind, range } = world.plan.operations[operation];
  const data = new Uint8Array(range.count * SECTOR_SIZE_BYTES).fill(valueOf(operation));
  const change = (current: SectorData): SectorData => VALUES[updated(current[0], operation)];
  const tasks: Record<PlannedOperation['kind'], Task> = {
    read: { kind: 'read' },
    write: { kind: 'write', data },
    update: { kind: 'update', change },
    heal: { kind: 'heal' },
  };
  const running = withCoordinator(world, operation, { ...world.coordinators[operation], status: 'running' });
  const begun = kind === 'heal' ? running : judged(running, range, (monitor) => begin(monitor, operation));
  return take(begun, operation, (view) => beginTask(tasks[kind], range, view));
}

type Handle = Action & { readonly kind: 'handle' };

function handle(world: World, { operation, rank, key, isLost }: Handle): World {
  const request = world.coordinators[operation].sent[rank - 1].get(key);
  if (request === undefined) throw new Error(`${key} was not sent to ${rank}`);
  const before = world.replicas[rank - 1];
  const { broken } = world.plan;
  const view = viewOf(before);
  const decision = decide(request, broken?.view?.(view, request) ?? view);
  if (isLost && decision.puts.length === 0 && decision.promises.length === 0) return world;
  let { versions, values, promised } = before;
  for (const range of decision.promises) {
    if (request.kind === 'order')
      promised = promised.map((one, at) => (isIn(range, at) ? laterOf(one, request.stamp) : one));
  }
  for (const { range, stamp, origin, data } of decision.puts) {
    versions = versions.map((one, at) => (isIn(range, at) ? { stamp, origin } : one));
    promised = promised.map((one, at) => (isIn(range, at) ? laterOf(one, stamp) : one));
    if (typeof data === 'object' && 'held' in data) continue;
    values = values.map((one, at) => (isIn(range, at) ? byteOf(data, at - range.first) : one));
  }
  const after = { ...before, versions, values, promised };
  const next = withReplica(world, rank, after);
  if (isLost) return next;
  const copies = decision.loads.flatMap(({ first, count }) =>
    Array.from({ length: count }, (_, at) => ({ count: 1, data: VALUES[before.values[first + at]] })),
  );
  const right = copies.length === 0 ? decision.answer : withCopies(decision.answer, copies);
  const answer = broken?.answer?.(right, request, before) ?? right;
  return receive(next, operation, { kind: 'answer', from: rank, request, answer, incarnation: after.incarnation });
}

function isIn(range: SectorRange, sector: number): boolean {
  return sector >= range.first && sector < endOf(range);
}

function byteOf(data: RangeData, at: number): number {
  return data === 'zeros' ? 0 : data[at * SECTOR_SIZE_BYTES];
}

function viewOf({ versions, promised }: Replica): CopyView {
  return {
    versionOf: (sector) => versions[sector],
    promisedOf: (sector) => promised[sector],
    isDamaged: () => false,
  };
}

/** E4: incarnations come with each answer, before it. */
function receive(world: World, operation: number, event: TaskEvent & { readonly kind: 'answer' }): World {
  const one = world.coordinators[operation];
  const replica = world.replicas[event.from - 1];
  const isIgnored = world.plan.broken?.ignoresIncarnations === true;
  const incarnations = one.incarnations.map((known, index) => (isIgnored ? 0 : Math.max(known, replica.known[index])));
  const heard = withCoordinator(world, operation, { ...one, incarnations, clock: heardIn(event.answer, one.clock) });
  const known = feed(heard, operation, { kind: 'incarnations', known: incarnations });
  return feed(known, operation, event);
}

function heardIn(answer: ReplicaAnswer, clock: bigint): bigint {
  let highest = clock;
  const hear = (stamp: StrictStamp): void => {
    if (stamp.counter > highest) highest = stamp.counter;
  };
  for (const run of answer.runs) {
    if ('promised' in run) hear(run.promised);
    if ('version' in run && run.version !== null) hear(run.version.stamp);
  }
  return highest;
}

function feed(world: World, operation: number, event: TaskEvent): World {
  const { coordination, status } = world.coordinators[operation];
  if (coordination === null || status !== 'running') return world;
  return take(world, operation, (view) => stepTask(coordination, event, view));
}

/** Thrown where a stamp is to be drawn and none is left. */
class OutOfStamps extends Error {}

function take(world: World, operation: number, run: (view: CoordinatorView) => CoordinationStep): World {
  const { processCount } = world.plan;
  const one = world.coordinators[operation];
  let { clock, stampsLeft } = one;
  const view: CoordinatorView = {
    processCount,
    order: Array.from({ length: processCount }, (_, index) => index + 1),
    isUp: () => true,
    draw: () => {
      if (stampsLeft === 0) throw new OutOfStamps();
      stampsLeft -= 1;
      clock += 1n;
      return { counter: clock, coordinator: idOf(operation) };
    },
    incarnations: one.incarnations,
  };
  let step: CoordinationStep;
  try {
    step = run(view);
  } catch (error) {
    if (!(error instanceof OutOfStamps)) throw error;
    return withCoordinator(world, operation, { ...one, status: 'over', coordination: null });
  }
  const before = one.coordination;
  const taken = { ...one, coordination: step.coordination, clock, stampsLeft };
  return carryOut(withCoordinator(world, operation, taken), operation, step, before);
}

function carryOut(world: World, operation: number, { effects }: CoordinationStep, before: Coordination | null): World {
  let next = world;
  for (const { range, effect } of effects) {
    const one = next.coordinators[operation];
    switch (effect.kind) {
      case 'send': {
        const request = world.plan.isSymmetric === true ? withAllData(effect.request) : effect.request;
        next = withCoordinator(next, operation, withRequest(one, effect.to, request));
        break;
      }
      case 'pause':
        next = withCoordinator(next, operation, { ...one, pauses: [...one.pauses, range] });
        break;
      case 'hedgeLater':
        next = withCoordinator(next, operation, { ...one, hedges: [...one.hedges, range] });
        break;
      case 'done':
        next = completed(next, operation, range, effect.data, before);
        break;
      case 'unknown':
        next = judged(next, range, (monitor) => kill(monitor, operation));
        break;
      case 'concluded':
        break;
    }
  }
  if (world.plan.isSymmetric === true) next = hedgedAtOnce(next, operation);
  const one = next.coordinators[operation];
  // What only CONCLUDED waits for is of no interest here.
  const isOver = one.coordination?.parts.every(({ phase }) => phase.kind === 'store' && phase.isDone) === true;
  return isOver && world.plan.operations[operation].kind !== 'heal'
    ? withCoordinator(next, operation, { ...one, status: 'over', coordination: null, pauses: [], hedges: [] })
    : next;
}

function withAllData(request: ReplicaRequest): ReplicaRequest {
  if (request.kind === 'query') return { ...request, wantsData: true };
  return request.kind === 'order' && request.wants === 'versions' ? { ...request, wants: 'data' } : request;
}

function hedgedAtOnce(world: World, operation: number): World {
  const one = world.coordinators[operation];
  const isNarrow = one.coordination?.parts.some(({ phase }) => phase.kind === 'query' && !phase.isWide) === true;
  const range = one.hedges.at(0);
  if (!isNarrow || range === undefined) return world;
  return feed(withCoordinator(world, operation, { ...one, hedges: one.hedges.slice(1) }), operation, {
    kind: 'hedge',
    range,
  });
}

function withRequest(one: Coordinator, to: Rank, request: ReplicaRequest): Coordinator {
  if (request.kind === 'concluded') return one;
  if (one.sent[to - 1].has(requestKey(request))) return one;
  const sent = one.sent.map((requests, index) =>
    index + 1 === to ? new Map(requests).set(requestKey(request), request) : requests,
  );
  return { ...one, sent };
}

function completed(
  world: World,
  operation: number,
  range: SectorRange,
  data: RangeData | null,
  before: Coordination | null,
): World {
  const { kind } = world.plan.operations[operation];
  if (kind === 'heal') return world;
  if (kind === 'read') {
    const values = data ?? 'zeros';
    return judged(world, range, (monitor, at) => returned(monitor, operation, byteOf(values, at - range.first)));
  }
  const after = judged(world, range, (monitor) => acknowledge(monitor, operation));
  return {
    ...after,
    completed: after.completed.map((one, at) => (isIn(range, at) ? newestLeft(one, before, at) : one)),
  };
}

/** P3 holds for the stamp of its STORE, and for the first stamp of a write. */
function newestLeft({ stamp, origin }: Version, before: Coordination | null, sector: number): Version {
  const part = before?.parts.find(({ range }) => isIn(range, sector));
  if (part?.phase.kind !== 'store') return { stamp, origin };
  return {
    stamp: laterOf(stamp, part.phase.version.stamp),
    origin: part.first === null ? origin : laterOf(origin, part.first),
  };
}

/** P3: whichever majority is asked, what a completed operation has left is there, or something newer. */
function checked(world: World): World {
  for (const [sector, { stamp, origin }] of world.completed.entries()) {
    const members = world.replicas.filter(({ listed }) => listed === null).map(({ versions }) => versions[sector]);
    const lacking = members.filter((one) => compareStrictStamps(one.stamp, stamp) < 0);
    const needed = Math.floor(world.replicas.length / 2) + 1;
    if (lacking.length >= needed) return { ...world, violation: 'P3: a completed write is not on a majority' };
    if (newestsOf(members, needed).some((newest) => compareStrictStamps(newest.origin, origin) < 0)) {
      return { ...world, violation: 'P3: a completed write was undone' };
    }
  }
  return world;
}

/** The newest version of each majority: all but those that fewer than a majority are at or below. */
function newestsOf(members: readonly Version[], needed: number): Version[] {
  const sorted = [...members].sort((a, b) => compareStrictStamps(a.stamp, b.stamp));
  return sorted.filter(
    (one) => sorted.filter(({ stamp }) => compareStrictStamps(stamp, one.stamp) <= 0).length >= needed,
  );
}

function judged(world: World, range: SectorRange, change: (monitor: Monitor, sector: number) => Monitor): World {
  const monitors = world.monitors.map((monitor, at) => (isIn(range, at) ? change(monitor, at) : monitor));
  const violation = monitors.every(isExplained) ? world.violation : 'P1, P2: no order explains what was returned';
  return { ...world, monitors, violation };
}

/** Its coordinator is gone; what it has sent may still arrive. */
function stopped(world: World, operation: number): World {
  const one = world.coordinators[operation];
  const gone = { ...one, status: 'over', coordination: null, pauses: [], hedges: [] } as const;
  const { kind, range } = world.plan.operations[operation];
  const without = withCoordinator(world, operation, gone);
  return kind === 'heal' ? without : judged(without, range, (monitor) => killRunning(monitor, operation));
}

function killRunning(monitor: Monitor, operation: number): Monitor {
  return (monitor.running & (1 << operation)) === 0 ? monitor : kill(monitor, operation);
}

/** Leaves out the requests that can change nothing, and that nobody waits for. */
function pruned(world: World): World {
  const isKept = world.lostDisks > 0 || world.replicas.some(({ listed }) => listed !== null);
  const coordinators = world.coordinators.map((one) => {
    let { sent } = one;
    for (const [index, requests] of one.sent.entries()) {
      const matters = (request: DecidedRequest): boolean =>
        isAwaited(one, request, index + 1) || (isKept && request.kind !== 'query') || canChange(world, request, index);
      for (const request of requests.values()) {
        if (matters(request)) continue;
        const left = new Map([...requests].filter(([, other]) => matters(other)));
        sent = sent.map((others, place) => (place === index ? left : others));
        break;
      }
    }
    return sent === one.sent ? one : { ...one, sent };
  });
  return { ...world, coordinators };
}

function canChange({ replicas }: World, request: DecidedRequest, index: number): boolean {
  if (request.kind === 'query') return false;
  const { versions, promised } = replicas[index];
  const { stamp, range } = request;
  for (let sector = range.first; sector < endOf(range); sector += 1) {
    if (request.kind === 'order' && compareStrictStamps(stamp, promised[sector]) > 0) return true;
    if (request.kind === 'learn' && compareStrictStamps(stamp, versions[sector].stamp) > 0) return true;
    if (request.kind === 'store' && compareStrictStamps(stamp, promised[sector]) >= 0) {
      if (compareStrictStamps(stamp, versions[sector].stamp) > 0) return true;
    }
  }
  return false;
}

function isAwaited({ coordination }: Coordinator, request: DecidedRequest, rank: Rank): boolean {
  if (coordination === null) return false;
  return coordination.parts.some(({ phase }) => {
    if (phase.kind === 'pause') return false;
    if (phase.kind === 'query')
      return request.kind === 'query' && (!phase.answers.has(rank) || phase.fetching === rank);
    if (request.kind === 'query') return false;
    if (phase.kind === 'order') {
      const isOf = request.kind === 'order' && compareStrictStamps(request.stamp, phase.stamp) === 0;
      return isOf && (!phase.answers.has(rank) || phase.fetching === rank);
    }
    const isOf = request.kind !== 'order' && compareStrictStamps(request.stamp, phase.version.stamp) === 0;
    return isOf && phase.answers.get(rank)?.outcome !== 'stored';
  });
}

function withCoordinator(world: World, operation: number, one: Coordinator): World {
  return { ...world, coordinators: world.coordinators.map((other, index) => (index === operation ? one : other)) };
}

function withReplica(world: World, rank: Rank, replica: Replica): World {
  return { ...world, replicas: world.replicas.map((other, index) => (index + 1 === rank ? replica : other)) };
}

export const stampKey = ({ counter, coordinator }: StrictStamp): string =>
  counter === 0n ? '0' : `${counter}${coordinator.slice(-1)}`;

function requestKey(request: DecidedRequest): string {
  const where = `${request.range.first}+${request.range.count}`;
  switch (request.kind) {
    case 'query':
      return `query ${where} ${request.wantsData}`;
    case 'order':
      return `order ${where} ${stampKey(request.stamp)} ${request.wants}`;
    case 'store':
    case 'learn': {
      const { data } = request;
      const what = typeof data === 'object' && 'held' in data ? 'held' : byteOf(sliceOfData(data, 0, 1), 0);
      return `${request.kind} ${where} ${stampKey(request.stamp)} ${stampKey(request.origin)} ${what}`;
    }
  }
}
