/**
 * Every order of events there is, for three replicas and few operations: the production reducers, walked through
 * completely. Requests may be handled late, twice, in any order, or not at all; the same is told of their answers.
 * After that, rules of docs/strict-register.md are broken on purpose, and the same search has to find it.
 */
import test from 'ava';
import type { OrderedRun } from '../../../src/core/strict/replicaMessage.js';
import { STRICT_STAMP_INITIAL } from '../../../src/core/strict/version.js';
import { explore, walk } from './explore.js';
import type { Plan, PlannedOperation, Weakening } from './worldState.js';

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
  { name: 'a writer, and a lost disk', plan: plan([write(0, 1)], { lostDisks: 1 }), isComplete: true },
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

interface Fault {
  readonly name: string;
  readonly plan: Plan;
  readonly broken: Weakening;
}

/** Found by the search. */
const FAULTS: readonly Fault[] = [
  { name: 'STORE is taken below the promise', plan: plan([write(0, 1), read(1), read(0)]), broken: storesBelow },
  {
    name: 'C1 ignores promises',
    plan: plan([write(0, 1), read(0), read(0)], { coordinatorCrashes: 1 }),
    broken: ignoresPromises,
  },
  { name: 'no origin', plan: plan([write(0, 2), read(1), write(2, 1)]), broken: hasNoOrigins },
];

for (const { name, plan: scenario, broken } of FAULTS) {
  test(`deliberate fault: ${name}`, (t) => {
    const result = explore({ ...scenario, broken }, WORLDS_MAX);
    t.log(`${result.worldCount} worlds: ${String(result.violation)}, ${result.steps.length} steps`);
    t.not(result.violation, null);
  });
}

/** Too far from the start for the search: found by histories at random. */
const LOST_DISKS = plan([write(0, 2), read(2), read(2)], { lostDisks: 1, isSymmetric: false });
const FAULTS_OF_WALKS: readonly Fault[] = [
  { name: 'a joining replica answers', plan: LOST_DISKS, broken: { joiningAnswers: true } },
  { name: 'a joining replica lists one other', plan: LOST_DISKS, broken: { listsOne: true } },
  { name: 'answers have no incarnations', plan: LOST_DISKS, broken: { ignoresIncarnations: true } },
];

for (const { name, plan: scenario, broken } of FAULTS_OF_WALKS) {
  test(`deliberate fault: ${name}`, (t) => {
    let seed = 1;
    while (seed <= 1000 && walk({ ...scenario, broken }, seed, 300).violation === null) seed += 1;
    t.log(`found by seed ${seed}`);
    t.true(seed <= 1000);
  });
}
