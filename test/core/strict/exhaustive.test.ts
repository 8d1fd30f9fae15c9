/**
 * Every order of events there is, for three replicas and few operations: the production reducers, walked through
 * completely. Requests may be handled late, twice, in any order, or not at all; the same is told of their answers. After
 * that, rules of docs/strict-register.md are broken on purpose, and the same search has to find it.
 */
import test from 'ava';
import type { OrderedRun, ReplicaAnswer } from '../../../src/core/strict/replicaMessage.js';
import { STRICT_STAMP_INITIAL, compareStrictStamps } from '../../../src/core/strict/version.js';
import { explore } from './explore.js';
import type { Plan, PlannedOperation, Weakening } from './world.js';

const operation = (kind: PlannedOperation['kind'], clock: number, stampsMax: number): PlannedOperation => ({
  kind,
  range: { first: 0, count: 1 },
  clock,
  stampsMax,
});
const write = (clock: number, stampsMax: number): PlannedOperation => operation('write', clock, stampsMax);
const update = (clock: number, stampsMax: number): PlannedOperation => operation('update', clock, stampsMax);
const read = (stampsMax: number): PlannedOperation => operation('read', 0, stampsMax);

const plan = (operations: readonly PlannedOperation[], more: Partial<Plan> = {}): Plan => ({
  processCount: 3,
  sectorCount: 1,
  isSymmetric: true,
  operations,
  ...more,
});

/** Those that are larger than this are not walked through to the end: they are here for what is near. */
const WORLDS_MAX = 12_000;

interface Scenario {
  readonly name: string;
  readonly plan: Plan;
  readonly isComplete: boolean;
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'two writers', plan: plan([write(0, 1), write(1, 1)]), isComplete: true },
  { name: 'a writer and a reader that settles', plan: plan([write(0, 1), read(1)]), isComplete: true },
  {
    name: 'a writer that may crash, and a reader that settles',
    plan: plan([write(0, 1), read(1)], { coordinatorCrashes: 1 }),
    isComplete: true,
  },
  {
    name: 'a writer, a reader, and a replica that crashes',
    plan: plan([write(0, 1), read(1)], { replicaCrashes: 1 }),
    isComplete: false,
  },
  {
    name: 'a writer that may crash, and two readers',
    plan: plan([write(0, 1), read(1), read(0)], { coordinatorCrashes: 1 }),
    isComplete: false,
  },
  { name: 'a writer with two stamps, and an update', plan: plan([write(0, 2), update(3, 1)]), isComplete: true },
  { name: 'a writer, and a lost disk', plan: plan([write(0, 1)], { lostDisks: 1 }), isComplete: false },
];

for (const { name, plan: scenario, isComplete } of SCENARIOS) {
  test(`${name}: strictly linearizable`, (t) => {
    const result = explore(scenario, WORLDS_MAX);
    t.log(`${result.worldCount} worlds, ${result.finishedCount} with every operation over`);
    t.is(result.violation, null, result.steps.join('\n'));
    t.is(result.isComplete, isComplete);
    t.true(result.finishedCount > 0);
  });
}

/** A replica that lets ORDER below its promise pass. */
const ordersBelow: Weakening = {
  view: (view, request) =>
    request.kind === 'order' ? { ...view, promisedOf: (sector) => view.versionOf(sector).stamp } : view,
};

/** A replica that does not look at its promise when it stores. */
const storesBelow: Weakening = {
  view: (view, request) =>
    request.kind === 'store' ? { ...view, promisedOf: (sector) => view.versionOf(sector).stamp } : view,
};

/** C1 sees no promises. */
const ignoresPromises: Weakening = {
  answer: (answer) =>
    answer.kind === 'state'
      ? { ...answer, runs: answer.runs.map((run) => ({ ...run, promised: run.version.stamp })) }
      : answer,
};

/** B3 sees no origins. */
const hasNoOrigins: Weakening = {
  answer: (answer) => {
    if (answer.kind !== 'ordered') return answer;
    const without = (run: OrderedRun): OrderedRun =>
      run.outcome === 'granted' && run.version !== null
        ? { ...run, version: { stamp: run.version.stamp, origin: STRICT_STAMP_INITIAL } }
        : run;
    return { ...answer, runs: answer.runs.map(without) };
  },
};

/** A STORE is acknowledged below the promise, where what is held has that stamp. */
const acknowledgesHeld: Weakening = {
  answer: (answer, request, { versions }): ReplicaAnswer => {
    if (answer.kind !== 'stored' || request.kind !== 'store') return answer;
    const isHeld = compareStrictStamps(versions[0].stamp, request.stamp) === 0;
    return isHeld ? { ...answer, runs: [{ outcome: 'stored', count: 1 }] } : answer;
  },
};

interface Fault {
  readonly name: string;
  readonly plan: Plan;
  readonly broken: Weakening;
}

const FAULTS: readonly Fault[] = [
  { name: 'ORDER is granted below the promise', plan: plan([write(5, 1), write(0, 2), read(0)]), broken: ordersBelow },
  { name: 'STORE is taken below the promise', plan: plan([write(0, 1), read(1), read(0)]), broken: storesBelow },
  { name: 'C1 ignores promises', plan: plan([write(0, 1), read(0), read(0)]), broken: ignoresPromises },
  { name: 'no origin', plan: plan([write(0, 2), read(1), write(2, 1)]), broken: hasNoOrigins },
  {
    name: 'promises are forgotten at a restart',
    plan: plan([write(0, 1), read(1), read(0)], { replicaCrashes: 1 }),
    broken: { forgetsPromises: true },
  },
  {
    name: 'a joining replica answers',
    plan: plan([write(0, 1), read(0)], { lostDisks: 1 }),
    broken: { joiningAnswers: true },
  },
  {
    name: 'a joining replica lists one other',
    plan: plan([write(0, 1), read(0)], { lostDisks: 1 }),
    broken: { listsOne: true },
  },
  {
    name: 'a joining replica takes no promises',
    plan: plan([write(0, 1), read(1)], { lostDisks: 1 }),
    broken: { joinsWithoutPromises: true },
  },
  {
    name: 'answers have no incarnations',
    plan: plan([write(0, 1), read(0)], { lostDisks: 1 }),
    broken: { ignoresIncarnations: true },
  },
];

for (const { name, plan: scenario, broken } of FAULTS) {
  test(`deliberate fault: ${name}`, (t) => {
    const result = explore({ ...scenario, broken }, 60_000);
    t.log(`${result.worldCount} worlds: ${String(result.violation)}, ${result.steps.length} steps`);
    t.not(result.violation, null);
  });
}

test('deliberate fault that needs more than this: a held stamp is acknowledged below the promise', (t) => {
  // Found only with a lost disk, at more worlds than fit here: that it changes nothing without one is all that is seen.
  const result = explore({ ...plan([write(0, 1), read(1)]), broken: acknowledgesHeld }, WORLDS_MAX);
  t.is(result.violation, null);
});
