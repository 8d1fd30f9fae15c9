/** Walks through worlds of the strict register: all of them, or at random. */
import { actionsOf, apply } from './world.js';
import { newWorld, type Action, type Plan, type World } from './worldState.js';
import { worldKey } from './worldKey.js';

export interface Exploration {
  readonly worldCount: number;
  /** Worlds in which every operation is over. */
  readonly finishedCount: number;
  readonly violation: string | null;
  /** What led there. */
  readonly steps: readonly string[];
  /** Whether nothing was left out. */
  readonly isComplete: boolean;
}

/** Two hashes of 32 bits as one number: texts of millions of worlds would not fit into memory. */
function hashOf(text: string): number {
  let a = 0x81_1c_9d_c5;
  let b = 0x9e_37_79_b9;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    a = Math.imul(a ^ code, 0x01_00_01_93);
    b = Math.imul(b ^ code, 0x85_eb_ca_6b);
    b ^= b >>> 13;
  }
  return (b & 0x1f_ff_ff) * 0x1_00_00_00_00 + (a >>> 0);
}

interface Entry {
  readonly world: World;
  readonly action: Action | null;
  readonly before: Entry | null;
}

/** Every world that the plan can lead to, depth first, up to `worldsMax`. Ends at the first violation. */
export function explore(plan: Plan, worldsMax: number): Exploration {
  const first = newWorld(plan);
  const seen = new Set([hashOf(worldKey(first))]);
  const stack: Entry[] = [{ world: first, action: null, before: null }];
  let finishedCount = 0;
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { world } = entry;
    if (world.coordinators.every(({ status }) => status === 'over')) finishedCount += 1;
    for (const action of actionsOf(world)) {
      const next = apply(world, action);
      if (next === world) continue;
      const reached = { world: next, action, before: entry };
      if (next.violation !== null) {
        return {
          worldCount: seen.size,
          finishedCount,
          violation: next.violation,
          steps: stepsTo(reached),
          isComplete: false,
        };
      }
      const hash = hashOf(worldKey(next));
      if (seen.has(hash)) continue;
      if (seen.size >= worldsMax) {
        return { worldCount: seen.size, finishedCount, violation: null, steps: [], isComplete: false };
      }
      seen.add(hash);
      stack.push(reached);
    }
  }
  return { worldCount: seen.size, finishedCount, violation: null, steps: [], isComplete: true };
}

function stepsTo(entry: Entry): string[] {
  const steps: string[] = [];
  for (let at: Entry | null = entry; at?.action != null; at = at.before) steps.push(describeAction(at.action));
  return steps.reverse();
}

/** A generator of numbers from 0 to below `bound`; the same for the same seed. */
export function randomFrom(seed: number): (bound: number) => number {
  let state = Math.imul(seed + 1, 0x9e_37_79_b9) >>> 0;
  return (bound) => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

/** One history at random. What loses or ends something is drawn less often, so that something is left to lose. */
export function walk(plan: Plan, seed: number, stepsMax: number): Exploration {
  const random = randomFrom(seed);
  let world = newWorld(plan);
  const steps: string[] = [];
  for (let step = 0; step < stepsMax; step += 1) {
    const all = actionsOf(world);
    const likely = random(8) === 0 ? all : all.filter(isLikely);
    const actions = likely.length > 0 ? likely : all;
    if (actions.length === 0) break;
    const action = actions[random(actions.length)];
    steps.push(describeAction(action));
    world = apply(world, action);
    if (world.violation !== null) break;
  }
  const isFinished = world.coordinators.every(({ status }) => status === 'over');
  return {
    worldCount: steps.length,
    finishedCount: isFinished ? 1 : 0,
    violation: world.violation,
    steps,
    isComplete: false,
  };
}

function isLikely(action: Action): boolean {
  return action.kind === 'handle'
    ? !action.isLost
    : action.kind === 'begin' || action.kind === 'resume' || action.kind === 'list';
}

export function describeAction(action: Action): string {
  const { kind, ...rest } = action;
  return `${kind} ${Object.values(rest).join(' ')}`;
}
