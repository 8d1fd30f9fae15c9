/** What an operation of a coordinator has come to (src/core/strict/coordinate.ts), and what it sees of the world. */
import type { Rank } from '../rank.js';
import type { SectorRange } from './range.js';
import type { Incarnations, RangeData } from './replicaMessage.js';
import type { Run } from './runs.js';
import type { PartEffect, Task } from './task.js';
import type { StrictStamp, Version } from './version.js';

/** The coordinator, and what it knows of the replicas. */
export interface CoordinatorView {
  readonly processCount: number;
  /** All ranks, nearest first. */
  readonly order: readonly Rank[];
  isUp(rank: Rank): boolean;
  /** A new stamp above all stamps that were heard of in any answer, the one that is being handled included. */
  draw(): StrictStamp;
  /** The highest that were heard of, the answer that is being handled included. */
  readonly incarnations: Incarnations;
}

/** A task and what its parts have come to. It is over when no part is left. */
export interface Coordination {
  readonly task: Task;
  readonly range: SectorRange;
  /** In order, without those that are over. */
  readonly parts: readonly Part[];
}

/** Sectors that have behaved alike until now. */
export interface Part {
  readonly range: SectorRange;
  readonly phase: Phase;
  /** Of a write: the first stamp that a majority has ordered. null: none was. */
  readonly first: StrictStamp | null;
  /** Of an update: the stamps that its results were stored with, oldest first. */
  readonly own: readonly StrictStamp[];
  /** How often a replica has refused. */
  readonly refusalCount: number;
  /** How many delays of `hedgeLater` are not over. */
  readonly hedgeCount: number;
}

export type Phase = QueryPhase | OrderPhase | StorePhase | PausePhase;

/** C1: answers are collected. */
export interface QueryPhase {
  readonly kind: 'query';
  /** Who was asked. */
  readonly asked: ReadonlySet<Rank>;
  readonly answers: Answers;
  /** Who was asked for the data of a version that others hold as well. */
  readonly fetching: Rank | null;
  /** All that are up have been asked. */
  readonly isWide: boolean;
  /** The delay has passed after all were asked: those that have not answered are not waited for. */
  readonly isLate: boolean;
  /** The pause for a living writer is over (C2). */
  readonly isSecond: boolean;
}

/** B1, or the ORDER of B3 and C2. */
export interface OrderPhase {
  readonly kind: 'order';
  readonly stamp: StrictStamp;
  /** B3, C2: the answers say what the replicas hold. */
  readonly isSettle: boolean;
  readonly answers: Answers;
  readonly fetching: Rank | null;
  /** Of a heal: the delay has passed, and those that have not answered are not waited for. */
  readonly isLate: boolean;
}

/** By rank. Runs of an ORDER that asked for nothing are not kept. */
export type Answers = ReadonlyMap<Rank, Answered>;

export interface Answered {
  readonly incarnation: number;
  readonly runs: readonly CopyState[];
}

/** What a replica has said of some sectors. */
export interface CopyState extends Run {
  readonly version: Version;
  readonly promised: StrictStamp;
  readonly data: RangeData | 'damaged' | null;
}

/** A version is brought to a majority, and then to whoever else was asked to store it. */
export interface StorePhase {
  readonly kind: 'store';
  /** `attempt`: STORE of an own stamp (B2, B3, C2). `writeBack`: STORE of C1. `handOver`: LEARN of D1. */
  readonly purpose: 'attempt' | 'writeBack' | 'handOver';
  readonly version: Version;
  /** null: was not fetched, because all that were up held it. */
  readonly data: RangeData | null;
  /** These hold the data with the stamp `held`, and need not get it. */
  readonly holders: ReadonlySet<Rank>;
  readonly held: StrictStamp;
  /** Who was asked, is up, and has not answered. */
  readonly pending: ReadonlySet<Rank>;
  readonly answers: ReadonlyMap<Rank, StoreAnswered>;
  /** The pause that is waited for. What is stored meanwhile counts. */
  readonly pause: 'refused' | 'full' | null;
  /** Not all that were asked have refused it. As long as all have, it is stored nowhere, and never will be. */
  readonly mayBeStored: boolean;
  /** It is not known whether the update took effect: it ends as `unknown`. */
  readonly isOvertaken: boolean;
  /** A majority has it, and the caller knows: only `concluded` is left. */
  readonly isDone: boolean;
}

export interface StoreAnswered {
  readonly incarnation: number;
  readonly outcome: 'stored' | 'refused' | 'full';
}

/** `pause` was asked for, and no answer is waited for. */
export interface PausePhase {
  readonly kind: 'pause';
  readonly then: 'query' | 'order' | 'settle';
}

export interface CoordinationStep {
  readonly coordination: Coordination;
  readonly effects: readonly PartEffect[];
}
