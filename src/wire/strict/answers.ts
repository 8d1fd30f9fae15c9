/** The answers in a pack (docs/strict-wire.md): reader and writer of each. */
import { assert, unreachable } from '../../core/assert.js';
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';
import type { SectorRange } from '../../core/strict/range.js';
import type { OrderedRun, RangeData, ReplicaAnswer, StateRun, StoredRun } from '../../core/strict/replicaMessage.js';
import type { StrictStamp, Version } from '../../core/strict/version.js';
import { compareStrictStamps } from '../../core/strict/version.js';
import * as layout from './layout.js';
import { readListed, writeListed } from './listed.js';
import type { PackBuilder } from './packBuilder.js';
import { MessageSize } from './packBuilder.js';
import type { MessageHead, PackReader } from './packReader.js';

export interface NumberedAnswer {
  /** That of the request. */
  readonly number: number;
  /** That of the request: the runs of the answer cover exactly these sectors. */
  readonly range: SectorRange;
  readonly answer: ReplicaAnswer;
}

/** The flags of a run of STATE and ORDERED: two bits for the data … */
const DATA_MASK = 3;
const DATA_ABSENT = 0;
const DATA_FOLLOWS = 1;
const DATA_ZEROS = 2;
const DATA_DAMAGED = 3;
/** … and one for each stamp that follows. The stamp of the version follows always in STATE. */
const HAS_ORIGIN = 4;
const HAS_PROMISED = 8;
/** Of ORDERED: granted, with the version; or refused. */
const HAS_VERSION = 16;
const IS_REFUSED = 32;

/** The flags of a run of STORED are an index in this list. `promised` follows if it was refused. */
const STORED_OUTCOMES = ['stored', 'refused', 'full', 'lacks'] as const;

type RunData = RangeData | 'damaged' | null;

/** @returns null if something is wrong, which the reader has noted. */
export function readAnswer(reader: PackReader, head: MessageHead): ReplicaAnswer | null {
  switch (head.kind) {
    case layout.KIND_STATE: {
      const runs = readRuns(reader, head, 'STATE', readStateRun);
      return runs && { kind: 'state', runs };
    }
    case layout.KIND_ORDERED: {
      const runs = readRuns(reader, head, 'ORDERED', readOrderedRun);
      return runs && { kind: 'ordered', runs };
    }
    case layout.KIND_STORED: {
      const runs = readRuns(reader, head, 'STORED', readStoredRun);
      return runs && { kind: 'stored', runs };
    }
    case layout.KIND_LISTED:
      return readListed(reader, head);
    default:
      return reader.refuse(`there is no answer of the kind ${head.kind}`);
  }
}

type ReadRun<Run> = (reader: PackReader, count: number, flags: number, end: number) => Run | null;

/** The runs, which cover the range of the head exactly. */
function readRuns<Run>(reader: PackReader, head: MessageHead, name: string, readRun: ReadRun<Run>): Run[] | null {
  const { end, range } = head;
  if (head.flags !== 0) return reader.refuse(`${name} has the flags ${head.flags}, which are unknown`);
  const runs: Run[] = [];
  let sum = 0;
  while (reader.at < end) {
    if (!reader.has(layout.SIZE_RUN_HEAD, end)) return null;
    const { at } = reader;
    const count = reader.u16At(at);
    const flags = reader.byteAt(at + layout.OFFSET_RUN_FLAGS);
    reader.at += layout.SIZE_RUN_HEAD;
    if (!reader.areZeros(at + layout.OFFSET_RUN_FLAGS + 1, reader.at)) {
      return reader.refuse(`the padding of a run of ${name} is not zeros`);
    }
    sum += count;
    if (count < 1 || sum > range.count) {
      return reader.refuse(`a run of ${name} has ${count} sectors, which makes ${sum} of ${range.count}`);
    }
    const run = readRun(reader, count, flags, end);
    if (run === null) return null;
    runs.push(run);
  }
  if (sum !== range.count) return reader.refuse(`the runs of ${name} are ${sum} sectors, and should be ${range.count}`);
  return runs;
}

function readStateRun(reader: PackReader, count: number, flags: number, end: number): StateRun | null {
  if (flags > (DATA_MASK | HAS_ORIGIN | HAS_PROMISED)) return unknownFlags(reader, 'STATE', flags);
  if (!reader.has(runBytes(count, flags | HAS_VERSION), end)) return null;
  const version = readVersion(reader, flags);
  if (version === null) return null;
  const promised = (flags & HAS_PROMISED) === 0 ? version.stamp : reader.stamp();
  if (promised === null) return null;
  if (compareStrictStamps(promised, version.stamp) < 0) {
    return reader.refuse(`the promise ${promised.counter} is before the stamp ${version.stamp.counter}`);
  }
  return { count, version, promised, data: readData(reader, count, flags) };
}

function readOrderedRun(reader: PackReader, count: number, flags: number, end: number): OrderedRun | null {
  if (flags === (IS_REFUSED | HAS_PROMISED)) {
    const promised = readPromised(reader, end);
    return promised && { outcome: 'refused', count, promised };
  }
  if (flags === 0) return { outcome: 'granted', count, version: null, data: null };
  if ((flags & HAS_VERSION) === 0 || (flags & ~(DATA_MASK | HAS_ORIGIN | HAS_VERSION)) !== 0) {
    return unknownFlags(reader, 'ORDERED', flags);
  }
  if (!reader.has(runBytes(count, flags), end)) return null;
  const version = readVersion(reader, flags);
  return version && { outcome: 'granted', count, version, data: readData(reader, count, flags) };
}

function readStoredRun(reader: PackReader, count: number, flags: number, end: number): StoredRun | null {
  const outcome = STORED_OUTCOMES.at(flags);
  if (outcome === undefined) return unknownFlags(reader, 'STORED', flags);
  if (outcome !== 'refused') return { outcome, count };
  const promised = readPromised(reader, end);
  return promised && { outcome, count, promised };
}

/** The promise that a request was refused for. */
function readPromised(reader: PackReader, end: number): StrictStamp | null {
  return reader.has(layout.SIZE_STRICT_STAMP, end) ? reader.ownStamp() : null;
}

function readVersion(reader: PackReader, flags: number): Version | null {
  const stamp = reader.stamp();
  return reader.versionOf(stamp, (flags & HAS_ORIGIN) === 0 ? stamp : reader.stamp());
}

function readData(reader: PackReader, count: number, flags: number): RunData {
  switch (flags & DATA_MASK) {
    case DATA_ABSENT:
      return null;
    case DATA_FOLLOWS:
      return reader.data(count);
    case DATA_ZEROS:
      return 'zeros';
    default:
      return 'damaged';
  }
}

function unknownFlags(reader: PackReader, name: string, flags: number): null {
  return reader.refuse(`a run of ${name} has the flags ${flags}, which are unknown`);
}

/** The bytes behind the head of a run with these flags. */
function runBytes(count: number, flags: number): number {
  let stamps = 0;
  for (const flag of [HAS_VERSION, HAS_ORIGIN, HAS_PROMISED]) if ((flags & flag) !== 0) stamps += 1;
  const dataBytes = (flags & DATA_MASK) === DATA_FOLLOWS ? count * SECTOR_SIZE_BYTES : 0;
  return stamps * layout.SIZE_STRICT_STAMP + dataBytes;
}

/** What the answer takes in a pack, with its head. */
export function answerSize(answer: ReplicaAnswer): MessageSize {
  const size = new MessageSize(layout.SIZE_MESSAGE_HEAD);
  switch (answer.kind) {
    case 'state':
      for (const run of answer.runs) addRun(size, stateFlags(run) | HAS_VERSION, run.data);
      break;
    case 'ordered':
      for (const run of answer.runs) addRun(size, orderedFlags(run), run.outcome === 'granted' ? run.data : null);
      break;
    case 'stored':
      for (const run of answer.runs) addRun(size, run.outcome === 'refused' ? HAS_PROMISED : 0, null);
      break;
    case 'listed':
      size.add(layout.SIZE_LISTED_HEAD + answer.extents.length * layout.SIZE_LISTED_EXTENT);
      break;
    default:
      return unreachable(answer);
  }
  return size;
}

function addRun(size: MessageSize, flags: number, data: RunData): void {
  size.add(layout.SIZE_RUN_HEAD + runBytes(0, flags));
  if (typeof data === 'object' && data !== null) size.addData(data);
}

export function writeAnswer(builder: PackBuilder, { number, range, answer }: NumberedAnswer, sizeBytes: number): void {
  let sum = 0;
  const head = (kind: number): void => {
    builder.head(kind, 0, range, number, sizeBytes);
  };
  switch (answer.kind) {
    case 'state':
      head(layout.KIND_STATE);
      for (const run of answer.runs) {
        const flags = stateFlags(run);
        builder.runHead(run.count, flags);
        writeVersion(builder, run.version, flags);
        if ((flags & HAS_PROMISED) !== 0) builder.stamp(run.promised);
        writeData(builder, run);
        sum += run.count;
      }
      break;
    case 'ordered':
      head(layout.KIND_ORDERED);
      for (const run of answer.runs) {
        writeOrderedRun(builder, run);
        sum += run.count;
      }
      break;
    case 'stored':
      head(layout.KIND_STORED);
      for (const run of answer.runs) {
        builder.runHead(run.count, STORED_OUTCOMES.indexOf(run.outcome));
        if (run.outcome === 'refused') builder.stamp(run.promised);
        sum += run.count;
      }
      break;
    case 'listed':
      head(layout.KIND_LISTED);
      writeListed(builder, answer);
      return;
    default:
      unreachable(answer);
  }
  assert(sum === range.count, `the runs of an answer are ${sum} sectors, and the request had ${range.count}`);
}

function writeOrderedRun(builder: PackBuilder, run: OrderedRun): void {
  const flags = orderedFlags(run);
  builder.runHead(run.count, flags);
  if (run.outcome === 'refused') {
    builder.stamp(run.promised);
    return;
  }
  assert(run.version !== null || run.data === null, 'data are said with their version');
  if (run.version !== null) writeVersion(builder, run.version, flags);
  writeData(builder, run);
}

function writeVersion(builder: PackBuilder, { stamp, origin }: Version, flags: number): void {
  builder.stamp(stamp);
  if ((flags & HAS_ORIGIN) !== 0) builder.stamp(origin);
}

function writeData(builder: PackBuilder, { count, data }: { readonly count: number; readonly data: RunData }): void {
  if (typeof data !== 'object' || data === null) return;
  assert(data.length === count * SECTOR_SIZE_BYTES, `${data.length} bytes for ${count} sectors`);
  builder.data(data);
}

function stateFlags({ version, promised, data }: StateRun): number {
  const isPromised = compareStrictStamps(promised, version.stamp) !== 0;
  return dataFlags(data) | originFlag(version) | (isPromised ? HAS_PROMISED : 0);
}

function orderedFlags(run: OrderedRun): number {
  if (run.outcome === 'refused') return IS_REFUSED | HAS_PROMISED;
  if (run.version === null) return 0;
  return HAS_VERSION | originFlag(run.version) | dataFlags(run.data);
}

function originFlag({ stamp, origin }: Version): number {
  return compareStrictStamps(stamp, origin) === 0 ? 0 : HAS_ORIGIN;
}

function dataFlags(data: RunData): number {
  if (data === null) return DATA_ABSENT;
  if (data === 'zeros') return DATA_ZEROS;
  return data === 'damaged' ? DATA_DAMAGED : DATA_FOLLOWS;
}
