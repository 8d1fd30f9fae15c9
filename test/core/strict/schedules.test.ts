/**
 * Rules of docs/strict-register.md that are broken on purpose, and schedules that show it: for those that lie too far
 * from the start for a search or for chance (exhaustive.test.ts has the others). With the rule whole, the same schedule
 * is harmless.
 */
import test from 'ava';
import { STRICT_STAMP_INITIAL } from '../../../src/core/strict/version.js';
import { actionsOf, apply } from './world.js';
import { newWorld, type Action, type Plan, type PlannedOperation, type Weakening } from './worldState.js';

const operation = (kind: PlannedOperation['kind'], clock: number, stampsMax: number): PlannedOperation => ({
  kind,
  range: { first: 0, count: 1 },
  clock,
  stampsMax,
});

/** Whether the action is what the words say: of a request its kind is enough, and its answer arrives. */
function isSaid(action: Action, words: readonly string[]): boolean {
  const [kind, first, second] = words;
  switch (action.kind) {
    case 'handle':
      return (
        action.key.startsWith(`${kind} `) &&
        String(action.operation) === first &&
        String(action.rank) === second &&
        !action.isLost
      );
    case 'list':
      return kind === 'list' && String(action.rank) === first && String(action.from) === second;
    case 'restart':
    case 'loseDisk':
      return kind === action.kind && String(action.rank) === first;
    default:
      return kind === action.kind && String(action.operation) === first;
  }
}

/** Plays the steps; those that are not possible are left out. */
function violationOf(plan: Plan, steps: string): string | null {
  let world = newWorld(plan);
  for (const step of steps.split(', ')) {
    const action = actionsOf(world).find((one) => isSaid(one, step.split(' ')));
    if (action !== undefined) world = apply(world, action);
    if (world.violation !== null) return world.violation;
  }
  return null;
}

interface Schedule {
  readonly name: string;
  readonly plan: Omit<Plan, 'processCount' | 'sectorCount' | 'isSymmetric'>;
  readonly broken: Weakening;
  readonly steps: string;
}

/** A read settles without the write 0, whose STORE is under way. Replica 2 has promised to refuse it. */
const SETTLED =
  'begin 0, order 0 1, order 0 2, begin 1, query 1 1, query 1 2, query 1 3, resume 1, ' +
  'query 1 1, query 1 2, query 1 3, order 1 1, order 1 2';

const SCHEDULES: readonly Schedule[] = [
  {
    name: 'promises are forgotten at a restart',
    plan: { operations: [operation('write', 0, 1), operation('read', 0, 1)], replicaCrashes: 1 },
    broken: { forgetsPromises: true },
    steps: `${SETTLED}, restart 2, store 0 2, store 0 3, store 1 1, store 1 3`,
  },
  {
    name: 'a joining replica takes no promises',
    plan: { operations: [operation('write', 0, 1), operation('read', 0, 1)], lostDisks: 1 },
    broken: { joinsWithoutPromises: true },
    steps: `${SETTLED}, loseDisk 2, list 2 1, list 2 3, store 0 2, store 0 3, store 1 1, store 1 3`,
  },
  {
    name: 'ORDER is granted below the promise',
    plan: { operations: [operation('write', 5, 1), operation('write', 0, 2), operation('read', 0, 0)] },
    broken: {
      view: (view, request) => (request.kind === 'order' ? { ...view, promisedOf: () => STRICT_STAMP_INITIAL } : view),
    },
    steps:
      'begin 0, order 0 1, order 0 2, store 0 1, store 0 2, begin 1, order 1 1, order 1 2, store 1 1, ' +
      'resume 1, order 1 1, order 1 2, store 1 1, store 1 2, begin 2, query 2 1, query 2 2',
  },
];

for (const { name, plan, broken, steps } of SCHEDULES) {
  test(`deliberate fault: ${name}`, (t) => {
    const whole: Plan = { processCount: 3, sectorCount: 1, isSymmetric: true, ...plan };
    t.not(violationOf({ ...whole, broken }, steps), null);
    t.is(violationOf(whole, steps), null);
  });
}
