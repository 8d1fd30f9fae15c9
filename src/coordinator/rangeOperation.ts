/** One operation of a coordinator on a range, from the call of its user to the last message about it. */
import type { Observer } from 'rxjs';
import type { Rank } from '../core/rank.js';
import type { SectorIndex } from '../core/sector.js';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import type { Coordination } from '../core/strict/coordination.js';
import type { SectorRange } from '../core/strict/range.js';
import { endOf, isRange } from '../core/strict/range.js';
import type { RangeData } from '../core/strict/replicaMessage.js';
import { joinData } from '../core/strict/runs.js';
import type { Task } from '../core/strict/task.js';
import { AtomicDiskError } from '../errors.js';
import type { Queued } from './rangeQueue.js';

/**
 * waiting (for earlier operations of its sectors) -> ready (for room in the window) -> running -> concluding (its user
 * has the result, and some replicas have not answered) -> over.
 */
export type Place = 'waiting' | 'ready' | 'running' | 'concluding' | 'over';

/** A part of a range that was healed. */
export interface Healed {
  readonly range: SectorRange;
  /** In order: all other replicas have the version. */
  readonly lacking: readonly Rank[];
}

export interface RangeOperation extends Queued {
  readonly task: Task;
  readonly range: SectorRange;
  /** Of its range: what it counts for in bounds. */
  readonly bytes: number;
  /**
   * Gets what a read, an update or a heal emits, or an AtomicDiskError. Ignores both once it has unsubscribed.
   */
  readonly caller: Observer<RangeData | Healed>;
  place: Place;
  /** null until it runs. */
  coordination: Coordination | null;
  /** A STORE of it was sent: replicas may have its data. */
  hasStored: boolean;
  /** Sectors whose part of the task is done. */
  doneCount: number;
  /** What was read or updated of the parts that are done, in any order. */
  readonly pieces: { readonly first: SectorIndex; readonly count: number; readonly data: RangeData }[];
}

export function createOperation(task: Task, range: SectorRange, caller: RangeOperation['caller']): RangeOperation {
  return {
    task,
    range,
    bytes: range.count * SECTOR_SIZE_BYTES,
    caller,
    blockedBy: 0,
    place: 'waiting',
    coordination: null,
    hasStored: false,
    doneCount: 0,
    pieces: [],
  };
}

/** A part of the task is done. @returns whether all are. */
export function noteDone(operation: RangeOperation, { first, count }: SectorRange, data: RangeData | null): boolean {
  operation.doneCount += count;
  if (data !== null) operation.pieces.push({ first, count, data });
  return operation.doneCount === operation.range.count;
}

/** What was read of the whole range, or stored by an update; null: neither was to be told. */
export function dataRead({ pieces }: RangeOperation): RangeData | null {
  return pieces.length === 0 ? null : joinData(pieces.toSorted((a, b) => a.first - b.first));
}

/** For error messages: whether an operation that was given up may have taken effect. */
export function describeOutcome({ task, range, hasStored }: RangeOperation): string {
  const what = `${task.kind} of ${describeRange(range)}`;
  if (task.kind === 'read' || task.kind === 'heal') return `${what} was not answered`;
  if (hasStored) return `${what} was not answered: it may have taken effect or may still do so`;
  return `${what} was given up before any replica was told to store it: it has no effect`;
}

/** The error of an update of which another write has hidden whether it took effect. */
export function outcomeUnknown({ range }: RangeOperation): AtomicDiskError {
  const text = `another write followed the update of ${describeRange(range)}, which may have taken effect before it`;
  return new AtomicDiskError('ATDD_OUTCOME_UNKNOWN', text);
}

/**
 * @param sectors Size of the disk.
 * @throws {AtomicDiskError} ATDD_INVALID_SECTOR_INDEX or ATDD_RANGE if there can be no such operation.
 */
export function checkOperation(task: Task, range: SectorRange, sectors: number): void {
  if (!isRange(range, sectors)) {
    const { first, count } = range;
    if (count === 1) {
      const text = `sector index ${first} is not a whole number from 0 to ${sectors - 1}`;
      throw new AtomicDiskError('ATDD_INVALID_SECTOR_INDEX', text);
    }
    const text = `${count} sectors from ${first} on are no range of one extent of a disk of ${sectors} sectors`;
    throw new AtomicDiskError('ATDD_RANGE', text);
  }
  if (task.kind !== 'write' || task.data === 'zeros') return;
  checkLength(task.data, range.count);
}

/** @throws {AtomicDiskError} ATDD_RANGE */
export function checkLength(data: Uint8Array, count: number): void {
  if (data.length === count * SECTOR_SIZE_BYTES) return;
  const text = `${count} sectors have ${count * SECTOR_SIZE_BYTES} bytes, not ${data.length}`;
  throw new AtomicDiskError('ATDD_RANGE', text);
}

function describeRange(range: SectorRange): string {
  return range.count === 1 ? `sector ${range.first}` : `sectors ${range.first} to ${endOf(range) - 1}`;
}
