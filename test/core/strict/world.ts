/**
 * N replicas and some coordinators of the strict register, made of the production reducers, under a network that may do
 * anything: each request that was ever sent may be handled at any time, any number of times, or never. Its answer is
 * taken in at once, or lost: an answer that is late is a coordinator that acts late. Immutable, so that it can be
 * walked through completely (exhaustive.test.ts), or at random (walks.test.ts).
 */
import type { Rank } from '../../../src/core/rank.js';
import { SECTOR_SIZE_BYTES, type SectorData } from '../../../src/core/sector.js';
import { beginTask, stepTask } from '../../../src/core/strict/coordinate.js';
import type { Coordination, CoordinationStep, CoordinatorView } from '../../../src/core/strict/coordination.js';
import type { SectorRange } from '../../../src/core/strict/range.js';
import { decide, withCopies } from '../../../src/core/strict/replica.js';
import type { RangeData, ReplicaAnswer } from '../../../src/core/strict/replicaMessage.js';
import type { Task, TaskEvent } from '../../../src/core/strict/task.js';
import { laterOf, type StrictStamp, type Version } from '../../../src/core/strict/version.js';
import { acknowledge, begin, isExplained, kill, returned, type Monitor } from './monitor.js';
import { restart, lose, list, viewOf, checked } from './worldReplicas.js';
import { withAllData, withRequest, pruned } from './worldRequests.js';
import {
  type PlannedOperation,
  type World,
  type Action,
  VALUES,
  updated,
  valueOf,
  isIn,
  byteOf,
  withCoordinator,
  withReplica,
} from './worldState.js';

const idOf = (operation: number): string => String(operation + 1).padStart(16, '0');

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
    if (request.kind === 'order') {
      promised = promised.map((one, at) => (isIn(range, at) ? laterOf(one, request.stamp) : one));
    }
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
  if (answer.kind === 'listed') return clock;
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
