/**
 * What goes wrong in a run, and when: made from the seed before anything runs, as data, so that a run can be repeated
 * with some of it left out.
 */
import type { Dice } from '../helpers/seed.js';
import type { Rank } from '../../src/core/rank.js';
import { FULL_RETRY_MS } from '../../config/limits.js';
import { DISK_PARTS, type DiskPart } from '../store/simulatedDisk.js';
import type { Fault, FaultKind } from './fault.js';
import { KEEP_ALIVE_MS_END, KEEP_ALIVE_MS_MIN } from './network.js';
import type { PlanLine } from './run.js';

export interface PlannedFault {
  /** Counted from 1: names it in `--only`. */
  readonly number: number;
  readonly atMs: number;
  readonly fault: Fault;
}

export interface PlanOptions {
  readonly seconds: number;
  readonly processCount: number;
  readonly clientCount: number;
  /** The first so many of them send again what has no answer. */
  readonly stubbornCount: number;
  /** The foreign process, or 0: its program keeps its registers in memory. */
  readonly foreignRank: Rank;
}

/** Milliseconds between two faults, at most. */
const GAP_MS_END = 500;

/** How often each kind comes, against the others. */
const WEIGHTS: readonly (readonly [FaultKind, number])[] = [
  ['kill', 5],
  ['powerLoss', 6],
  ['blackout', 2],
  ['stop', 2],
  ['stall', 4],
  ['partition', 4],
  ['oneWayPartition', 3],
  ['slowLink', 4],
  ['slowSender', 5],
  ['halfWrite', 3],
  ['lossBehindFlush', 2],
  ['severedPeers', 5],
  ['severedClient', 5],
  ['slowDisk', 3],
  ['fullDisk', 3],
  ['failedFlush', 1],
  ['failedRead', 1],
  ['rot', 2],
  ['diskLoss', 2],
  ['replayedHello', 3],
  ['wrongList', 2],
];

/** One run in so many has a fault that lasts longer than everything else. */
const LONG_ONE_IN = 6;
const LONG_KINDS = ['longStall', 'isolation'] as const;
const LONG_MS_MIN = 11_000;
const LONG_MS_END = 24_000;
/** Before what is not to be disturbed. */
const CALM_BEFORE_MS = 500;
/** A process that was ended shortly before may be down when the long fault begins. */
const LONG_CALM_MS = 2_000;

export const FAULT_KINDS: readonly FaultKind[] = [...WEIGHTS.map(([kind]) => kind), ...LONG_KINDS];

/** When the last fault of a plan is over that goes on when all others are healed. */
export function endOfLongMs(plan: readonly PlannedFault[]): number {
  return plan.reduce((latest, { atMs, fault }) => {
    const isLong = fault.kind === 'longStall' || fault.kind === 'isolation';
    return isLong ? Math.max(latest, atMs + fault.ms) : latest;
  }, 0);
}

export function makePlan(options: PlanOptions, dice: Dice): PlannedFault[] {
  const all: PlannedFault[] = [];
  const endMs = options.seconds * 1_000;
  // Copies that rot on more than a minority may be all there are.
  const rotting = shuffledRanks(options.processCount, dice).slice(0, Math.floor((options.processCount - 1) / 2));
  for (let atMs = dice.below(GAP_MS_END); atMs < endMs; atMs += dice.below(GAP_MS_END)) {
    const fault = makeFault(pickKind(WEIGHTS, dice), options, rotting, dice);
    if (fault !== null) all.push({ number: all.length + 1, atMs, fault });
  }
  const plan = undisturbed(all);
  if (dice.below(LONG_ONE_IN) > 0) return plan;
  const fault = makeFault(dice.pick(LONG_KINDS), options, rotting, dice);
  return fault === null ? plan : withLong({ number: 0, atMs: dice.below(endMs), fault }, plan);
}

/** What needs several processes to do one thing after the other comes to nothing among others. */
function undisturbed(plan: readonly PlannedFault[]): PlannedFault[] {
  const first = plan.find(({ fault }) => fault.kind === 'lossBehindFlush');
  if (first?.fault.kind !== 'lossBehindFlush') return [...plan];
  const fromMs = first.atMs - CALM_BEFORE_MS;
  const toMs = first.atMs + first.fault.lossAfterMs + first.fault.extraMs;
  const left = plan.filter((one) => one === first || one.atMs < fromMs || one.atMs >= toMs);
  return left.map((planned, index) => ({ ...planned, number: index + 1 }));
}

/** What would end the program of the process concerned would end the long fault as well. */
function withLong(long: PlannedFault, plan: readonly PlannedFault[]): PlannedFault[] {
  const { fault: longFault, atMs } = long;
  if (!('rank' in longFault)) return [...plan];
  const { rank } = longFault;
  const ends = ({ fault }: PlannedFault): boolean => {
    if (fault.kind === 'blackout') return fault.ranks.includes(rank);
    if (fault.kind === 'lossBehindFlush') return fault.lost === rank;
    const kinds: readonly FaultKind[] = ['kill', 'powerLoss', 'stop', 'failedFlush', 'diskLoss'];
    return kinds.includes(fault.kind) && 'rank' in fault && fault.rank === rank;
  };
  const left = plan.filter((planned) => planned.atMs < atMs - LONG_CALM_MS || !ends(planned));
  return [...left, long].map((planned, index) => ({ ...planned, number: index + 1 }));
}

function pickKind(weights: typeof WEIGHTS, dice: Dice): FaultKind {
  let left = dice.below(weights.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [kind, weight] of weights) {
    if (left < weight) return kind;
    left -= weight;
  }
  throw new Error('the weights do not add up');
}

/** @returns null where the kind makes no sense in this cluster. */
function makeFault(
  kind: FaultKind,
  { processCount, clientCount, stubbornCount, foreignRank }: PlanOptions,
  rotting: readonly Rank[],
  dice: Dice,
): Fault | null {
  const rank = 1 + dice.below(processCount);
  const ofTwo = shuffledRanks(processCount, dice);
  const [from = rank, to = rank] = ofTwo;
  const ms = dice.between(50, 2_000);
  const downMs = dice.below(3) === 0 ? dice.below(60) : dice.below(2_000);
  switch (kind) {
    case 'kill':
    case 'powerLoss':
      return { kind, rank, steps: 1 + dice.below(80), downMs };
    case 'blackout': {
      const count = dice.between(Math.ceil(processCount / 2), processCount + 1);
      const ranks = ofTwo.slice(0, count);
      return { kind, ranks, downMs: ranks.map(() => dice.below(1_000)) };
    }
    case 'stop':
      return { kind, rank, downMs };
    case 'stall':
      return { kind, rank, ms };
    case 'partition': {
      const ranks = ofTwo.slice(0, dice.between(1, Math.max(2, processCount)));
      return { kind, ranks, cutsClients: dice.below(2) === 0, ms };
    }
    case 'oneWayPartition':
      return from === to ? null : { kind, from, to, ms };
    case 'slowLink':
      return from === to
        ? null
        : {
            kind,
            from,
            to,
            extraMs: dice.between(2, 300),
            bytesPerMs: dice.between(20, 4_000),
            ms,
          };
    case 'slowSender':
      return { kind, from, except: rank, extraMs: dice.between(20, 600), ms };
    case 'halfWrite': {
      if (from === to || from === foreignRank) return null;
      const killAfterMs = dice.between(5, 150);
      const extraMs = dice.between(100, 400);
      return { kind, rank: from, except: to, extraMs, killAfterMs, downMs: dice.below(100), ms };
    }
    case 'lossBehindFlush': {
      const [lost = rank] = rotting;
      if (rotting.length === 0 || foreignRank !== 0) return null;
      const writer = ofTwo.find((one) => one !== lost) ?? rank;
      const noRoom = dice.pick(['here', 'there'] as const);
      // What was refused is tried again before the disk is lost.
      const lossAfterMs = noRoom === 'here' ? 2 * FULL_RETRY_MS : dice.between(100, 300);
      const extraMs = dice.between(600, 1_500);
      return {
        kind,
        rank: writer,
        lost,
        noRoom,
        lossAfterMs,
        extraMs,
        downMs: dice.below(40),
      };
    }
    case 'severedPeers':
      return from === to ? null : { kind, a: from, b: to, isOneWay: dice.below(2) === 0 };
    case 'severedClient':
      return { kind, client: dice.below(clientCount), rank, isToldByProcess: dice.below(6) > 0 };
    case 'slowDisk':
      return { kind, rank, parts: someParts(dice), extraMs: slownessMs(dice), ms };
    case 'fullDisk':
      return { kind, rank, oneIn: 1 + dice.below(4), ms };
    case 'failedFlush':
      return { kind, rank };
    case 'longStall':
      return { kind, rank, steps: 1 + dice.below(80), ms: dice.between(LONG_MS_MIN, LONG_MS_END) };
    case 'isolation': {
      const keepAliveMs = (): number => dice.between(KEEP_ALIVE_MS_MIN, KEEP_ALIVE_MS_END);
      return {
        kind,
        rank,
        client: dice.below(stubbornCount),
        cutAfterMs: dice.between(50, 800),
        clientMs: keepAliveMs(),
        processMs: keepAliveMs(),
        // Longer than a client's keep-alive takes at best.
        ms: dice.between(KEEP_ALIVE_MS_MIN, LONG_MS_END),
      };
    }
    case 'replayedHello':
      return from === to ? null : { kind, from, to };
    case 'wrongList': {
      if (rank === foreignRank) return null;
      const list = wrongList(processCount, rank, dice);
      return list === null ? null : { kind, rank, list, downMs, ms };
    }
    case 'failedRead':
    case 'diskLoss':
    case 'rot': {
      if (rotting.length === 0) return null;
      const rotten = dice.pick(rotting);
      if (rotten === foreignRank) return null;
      if (kind === 'failedRead') return { kind, rank: rotten };
      // With a foreign member there may be too few of this implementation to join, and it goes on counting what a lost
      // disk has acknowledged: docs/adr/0013-membership.md.
      if (kind === 'diskLoss') return foreignRank === 0 ? { kind, rank: rotten, downMs } : null;
      return { kind, rank: rotten, choice: dice.below(1_000_000) };
    }
  }
}

/** All parts of a disk are slow, or one. */
function someParts(dice: Dice): readonly DiskPart[] {
  return dice.below(2) === 0 ? DISK_PARTS : [dice.pick(DISK_PARTS)];
}

/** A list in which that rank has its own place; null: there is no other than the right one. */
function wrongList(processCount: number, rank: Rank, dice: Dice): Rank[] | null {
  const right = Array.from({ length: processCount }, (_, index) => index + 1);
  if (dice.below(2) === 0 && rank < processCount) {
    return right.slice(0, dice.between(rank, processCount));
  }
  const others = right.filter((one) => one !== rank);
  if (others.length < 2) return null;
  const moved = [...others.slice(1), others[0]];
  return right.map((one) => (one === rank ? rank : moved[others.indexOf(one)]));
}

/** Sometimes for as long as it takes others to notice. */
function slownessMs(dice: Dice): number {
  return dice.below(3) === 0 ? dice.between(200, 1_500) : dice.between(5, 200);
}

function shuffledRanks(processCount: number, dice: Dice): Rank[] {
  const left = Array.from({ length: processCount }, (_, index) => index + 1);
  return Array.from({ length: processCount }, () => left.splice(dice.below(left.length), 1)[0]);
}

export function describeFault({ number, atMs, fault }: PlanLine): string {
  const { kind, ...rest } = fault;
  const details = Object.entries(rest).map(([name, value]) => `${name} ${String(value)}`);
  return `${number}. at ${atMs} ms: ${kind}, ${details.join(', ')}`;
}
