/** What a world of the strict register is made of (world.ts). */
import type { Rank } from '../../../src/core/rank.js';
import { SECTOR_SIZE_BYTES, ZERO_SECTOR, type SectorData } from '../../../src/core/sector.js';
import type { Coordination } from '../../../src/core/strict/coordination.js';
import { endOf, type SectorRange } from '../../../src/core/strict/range.js';
import type { DecidedAnswer, CopyView, DecidedRequest } from '../../../src/core/strict/replica.js';
import type { RangeData } from '../../../src/core/strict/replicaMessage.js';
import {
  STRICT_STAMP_INITIAL,
  VERSION_INITIAL,
  type StrictStamp,
  type Version,
} from '../../../src/core/strict/version.js';
import { newMonitor, type Change, type Monitor } from './monitor.js';

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
  readonly answer?: (answer: DecidedAnswer, request: DecidedRequest, replica: Replica) => DecidedAnswer;
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

export const VALUES: readonly SectorData[] = Array.from({ length: 30 }, (_, value) =>
  value === 0 ? ZERO_SECTOR : new Uint8Array(SECTOR_SIZE_BYTES).fill(value),
);

/** The value that a write puts; unique. */
export const valueOf = (operation: number): number => operation + 1;
/** An update makes this of a value; its results tell which updates are in them. */
export const updated = (value: number, operation: number): number => (value + (1 << (operation + 2))) % VALUES.length;

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

export function isIn(range: SectorRange, sector: number): boolean {
  return sector >= range.first && sector < endOf(range);
}

export function byteOf(data: RangeData, at: number): number {
  return data === 'zeros' ? 0 : data[at * SECTOR_SIZE_BYTES];
}

export function withCoordinator(world: World, operation: number, one: Coordinator): World {
  return { ...world, coordinators: world.coordinators.map((other, index) => (index === operation ? one : other)) };
}

export function withReplica(world: World, rank: Rank, replica: Replica): World {
  return { ...world, replicas: world.replicas.map((other, index) => (index + 1 === rank ? replica : other)) };
}

export const stampKey = ({ counter, coordinator }: StrictStamp): string =>
  counter === 0n ? '0' : `${counter}${coordinator.slice(-1)}`;
