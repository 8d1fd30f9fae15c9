/**
 * Scripted schedules of strict clusters, for what lies too far off for chance. Every request is held until the script
 * lets it through, so a schedule is played the same way whatever the delays are.
 */
import type { World } from '../world.js';
import type { ClientMachine } from './clientMachine.js';
import type { Gate } from './gate.js';
import type { Paths } from './paths.js';
import type { ReplicaMachine } from './replicaMachine.js';

/**
 * Clients are counted from 1. Three processes.
 *
 *   write C [S], read C [S]   client C begins to write, read sector S (0)
 *   query C R, order C R, store C R
 *                             the eldest such request of C that is held gets to process R, and its answer back
 *   die C                     client C dies; what it has sent may still arrive
 *   lose R                    process R has a new disk, and joins
 *   apart R Q, together R Q   processes R and Q do not reach each other; they do again
 *   pass MS                   time passes. A little passes after each step
 *   flow                      everything arrives until every operation has ended
 *
 * A step that is not possible is left out: with the rule whole, things take another course.
 */
export interface Schedule {
  readonly name: string;
  readonly text: string;
  readonly steps: string;
}

/** Longer than any hedge: what was asked of the nearest is asked of all, and then not waited for any more. */
const HEDGES = 'pass 400';

/** A read settles without the write of client 1, whose STORE is on one process. The promise to that is on 2 and 3. */
const SETTLED =
  'write 1 1, flow, write 1, order 1 1, order 1 2, store 1 1, ' +
  `read 2, query 2 2, ${HEDGES}, query 2 3, ${HEDGES}, ${HEDGES}, query 2 2, query 2 3, ${HEDGES}, ` +
  'order 2 2, order 2 3';

export const SCHEDULES: readonly Schedule[] = [
  {
    name: 'new-then-old',
    text: 'a writer dies with its STORE on one process; one read asks the two others, the next asks that one',
    steps:
      `write 1, order 1 1, order 1 2, store 1 2, die 1, read 2, query 2 1, ${HEDGES}, query 2 3, ` +
      'read 3, query 3 1, query 3 2, query 3 3, store 3 1, store 3 3',
  },
  {
    name: 'hidden-promise',
    text: 'a dead writer has its promise behind that to a living one, and its STORE arrives; then that one dies too',
    steps:
      'write 2 1, flow, write 1, order 1 1, order 1 3, die 1, write 2, order 2 2, order 2 3, ' +
      `read 3, query 3 2, ${HEDGES}, query 3 3, store 1 1, die 2, ` +
      `read 4, query 4 1, query 4 3, ${HEDGES}, query 4 1, query 4 3, ${HEDGES}, ` +
      'order 4 1, order 4 3, order 4 1, store 4 1, store 4 3',
  },
  {
    name: 'settled-elsewhere',
    text: 'a process loses its disk, takes in a version that was settled away meanwhile, and then gets its STORE',
    steps: `${SETTLED}, apart 2 3, lose 2, pass 300, store 2 1, together 2 3, pass 300, store 1 2, store 1 2`,
  },
  {
    name: 'answer-of-lost-disk',
    text: 'a process has answered STORE and loses its disk before the majority is complete',
    steps: 'write 1, order 1 1, order 1 2, store 1 1, apart 1 3, lose 1, pass 300, store 1 2, together 1 3, pass 300',
  },
];

export interface Stage {
  readonly world: World;
  readonly gate: Gate;
  readonly paths: Paths;
  readonly replicas: readonly ReplicaMachine[];
  readonly clients: readonly ClientMachine[];
}

const STEP_US = 8_000;
const FLOW_US = 5_000_000;
const APART_MS = 60_000;
const DOWN_MS = 1;

/** @throws {Error} if there is no such schedule, or it has a step of no kind. */
export function scheduleOf(name: string): Schedule {
  const schedule = SCHEDULES.find((one) => one.name === name);
  if (schedule !== undefined) return schedule;
  throw new Error(`there is no schedule "${name}"; there are: ${SCHEDULES.map((one) => one.name).join(', ')}`);
}

export function playSchedule({ steps }: Schedule, stage: Stage): void {
  for (const step of steps.split(', ')) {
    stage.world.trace.note('step', 0, 0, () => step);
    playStep(step, stage);
  }
}

function playStep(step: string, { world, gate, paths, replicas, clients }: Stage): void {
  const [kind, ...rest] = step.split(' ');
  const [first, second = 0] = rest.map(Number);
  const letPass = (us: number): void => {
    world.run(world.nowUs + us);
  };
  const between = (ms: number): void => {
    paths.silence(first, second, ms);
    paths.silence(second, first, ms);
  };
  switch (kind) {
    case 'write':
      clients[first - 1].writeOnce({ first: second, count: 1 });
      break;
    case 'read':
      clients[first - 1].readOnce({ first: second, count: 1 });
      break;
    case 'query':
    case 'order':
    case 'store': {
      const { actor } = clients[first - 1];
      gate.pass(({ client, rank, request }) => client === actor && rank === second && request.kind === kind);
      break;
    }
    case 'die':
      clients[first - 1].kill(null);
      break;
    case 'lose':
      replicas[first - 1].loseDisk(DOWN_MS);
      break;
    case 'apart':
      between(APART_MS);
      break;
    case 'together':
      between(0);
      break;
    case 'pass':
      letPass(first * 1_000);
      break;
    case 'flow':
      gate.open();
      world.run(world.nowUs + FLOW_US, () => clients.every(({ busyCount }) => busyCount === 0));
      gate.isShut = true;
      break;
    default:
      throw new Error(`a schedule has no step "${step}"`);
  }
  letPass(STEP_US);
}
