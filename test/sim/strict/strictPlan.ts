/** What goes wrong in a run of a strict cluster, and when: made from the seed before anything runs, as data. */
import type { Rank } from '../../../src/core/rank.js';
import type { Dice } from '../../helpers/seed.js';
import type { HostNumber } from './paths.js';

export type StrictFault =
  /** SIGKILL of a replica after so many of its steps. */
  | { readonly kind: 'kill'; readonly rank: Rank; readonly steps: number; readonly downMs: number }
  /** The power of several hosts goes at one instant, with the clients that they have. */
  | { readonly kind: 'blackout'; readonly hosts: readonly HostNumber[]; readonly downMs: readonly number[] }
  /** A client dies. What it has sent comes up to so much later. */
  | { readonly kind: 'clientKill'; readonly client: number; readonly lateMs: number; readonly downMs: number }
  /** SIGSTOP and SIGCONT. */
  | { readonly kind: 'stall'; readonly rank: Rank; readonly ms: number }
  | { readonly kind: 'clientStall'; readonly client: number; readonly ms: number }
  /** Nothing gets through between these hosts and others. Connections break after so long; null: they do not. */
  | {
      readonly kind: 'silence';
      readonly hosts: readonly HostNumber[];
      readonly ms: number;
      readonly noticeMs: number | null;
    }
  | {
      readonly kind: 'oneWaySilence';
      readonly from: HostNumber;
      readonly to: HostNumber;
      readonly ms: number;
      readonly noticeMs: number | null;
    }
  | {
      readonly kind: 'slowWay';
      readonly from: HostNumber;
      readonly to: HostNumber;
      readonly extraMs: number;
      readonly ms: number;
    }
  /** What a client sends reaches one replica at once and the others late, and the client dies meanwhile. */
  | {
      readonly kind: 'halfWrite';
      readonly client: number;
      readonly except: Rank;
      readonly extraMs: number;
      readonly killAfterMs: number;
      readonly downMs: number;
    }
  | { readonly kind: 'cut'; readonly client: number; readonly rank: Rank }
  | { readonly kind: 'slowDisk'; readonly rank: Rank; readonly extraMs: number; readonly ms: number }
  | { readonly kind: 'fullDisk'; readonly rank: Rank; readonly oneIn: number; readonly ms: number }
  /** A new disk, an empty one. */
  | { readonly kind: 'diskLoss'; readonly rank: Rank; readonly downMs: number };

export interface PlannedStrictFault {
  /** Counted from 1: names it in `--only`. */
  readonly number: number;
  readonly atMs: number;
  readonly fault: StrictFault;
}

export interface StrictPlanOptions {
  readonly seconds: number;
  readonly processCount: number;
  readonly hostsOfClients: readonly HostNumber[];
}

const GAP_MS_END = 350;

const WEIGHTS: readonly (readonly [StrictFault['kind'], number])[] = [
  ['kill', 6],
  ['blackout', 2],
  ['clientKill', 5],
  ['stall', 4],
  ['clientStall', 2],
  ['silence', 4],
  ['oneWaySilence', 3],
  ['slowWay', 6],
  ['halfWrite', 6],
  ['cut', 6],
  ['slowDisk', 4],
  ['fullDisk', 1],
  ['diskLoss', 2],
];

export const STRICT_FAULT_KINDS = WEIGHTS.map(([kind]) => kind);

export function makeStrictPlan(options: StrictPlanOptions, dice: Dice): PlannedStrictFault[] {
  const plan: PlannedStrictFault[] = [];
  const endMs = options.seconds * 1_000;
  for (let atMs = dice.below(GAP_MS_END); atMs < endMs; atMs += dice.below(GAP_MS_END)) {
    plan.push({ number: plan.length + 1, atMs, fault: makeFault(pickKind(dice), options, dice) });
  }
  return plan;
}

function pickKind(dice: Dice): StrictFault['kind'] {
  let left = dice.below(WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [kind, weight] of WEIGHTS) {
    if (left < weight) return kind;
    left -= weight;
  }
  throw new Error('the weights do not add up');
}

function makeFault(
  kind: StrictFault['kind'],
  { processCount, hostsOfClients }: StrictPlanOptions,
  dice: Dice,
): StrictFault {
  const rank = 1 + dice.below(processCount);
  const client = dice.below(hostsOfClients.length);
  const ranks = shuffled(
    Array.from({ length: processCount }, (_, index) => index + 1),
    dice,
  );
  const hosts = [...new Set([...ranks, ...hostsOfClients])];
  const ms = dice.between(50, 1_500);
  const downMs = dice.below(3) === 0 ? dice.below(30) : dice.below(1_500);
  const noticeMs = dice.below(3) === 0 ? null : dice.below(800);
  switch (kind) {
    case 'kill':
      return { kind, rank, steps: 1 + dice.below(40), downMs };
    case 'blackout': {
      const dark = dice.below(2) === 0 ? ranks : ranks.slice(0, dice.between(1, processCount + 1));
      return { kind, hosts: dark, downMs: dark.map(() => dice.below(800)) };
    }
    case 'clientKill':
      return { kind, client, lateMs: dice.between(1, 2_500), downMs };
    case 'stall':
      return { kind, rank, ms };
    case 'clientStall':
      return { kind, client, ms };
    case 'silence':
      return { kind, hosts: [dice.pick(hosts), ...ranks.slice(0, dice.below(processCount - 1))], ms, noticeMs };
    case 'oneWaySilence':
      return { kind, from: dice.pick(hosts), to: dice.pick(hosts), ms, noticeMs };
    case 'slowWay':
      return { kind, from: dice.pick(hosts), to: dice.pick(hosts), extraMs: dice.between(2, 200), ms };
    case 'halfWrite': {
      const extraMs = dice.between(10, 600);
      return { kind, client, except: rank, extraMs, killAfterMs: dice.between(3, 150), downMs };
    }
    case 'cut':
      return { kind, client, rank };
    case 'slowDisk':
      return { kind, rank, extraMs: dice.between(5, 400), ms };
    case 'fullDisk':
      return { kind, rank, oneIn: 1 + dice.below(4), ms };
    case 'diskLoss':
      return { kind, rank, downMs };
  }
}

function shuffled<Item>(items: readonly Item[], dice: Dice): Item[] {
  const left = [...items];
  return items.map(() => left.splice(dice.below(left.length), 1)[0]);
}
