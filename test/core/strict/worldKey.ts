/** Texts of worlds: for telling whether two have the same future, and for messages. */
import type { Rank } from '../../../src/core/rank.js';
import type { CopyState, Part } from '../../../src/core/strict/coordination.js';
import type { Version } from '../../../src/core/strict/version.js';
import { monitorKey } from './monitor.js';
import { stampKey, type Coordinator, type Replica, type World } from './worldState.js';

const versionKey = ({ stamp, origin }: Version): string => `${stampKey(stamp)}/${stampKey(origin)}`;

/** The text of something that never changes, made once, as a short number. */
function remembered<T extends object>(textOf: (value: T) => string): (value: T) => number {
  const known = new WeakMap<T, number>();
  const numbers = new Map<string, number>();
  return (value) => {
    let number = known.get(value);
    if (number !== undefined) return number;
    const text = textOf(value);
    number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    known.set(value, number);
    return number;
  };
}

const replicaNumber = remembered(replicaKey);
const monitorNumber = remembered(monitorKey);
const coordinatorNumber = remembered(coordinatorKey);
const columnNumbers = new WeakMap<Coordinator, readonly string[]>();

/** The same text for worlds that have the same future. Where no replica is nearer, their places do not matter. */
export function worldKey(world: World): string {
  const { replicas, coordinators, completed, monitors, plan } = world;
  const perRank = coordinators.map(columnsOf);
  const columns = replicas.map(
    (replica, index) => `${replicaNumber(replica)},${perRank.map((texts) => texts[index]).join()}`,
  );
  if (plan.isSymmetric === true && (plan.lostDisks ?? 0) === 0) columns.sort();
  const left = `${world.replicaCrashes}${world.coordinatorCrashes}${world.lostDisks}`;
  const rest = [...coordinators.map(coordinatorNumber), ...monitors.map(monitorNumber), left];
  return `${columns.join('|')};${rest.join()};${completed.map(versionKey).join()}`;
}

function coordinatorKey(one: Coordinator): string {
  const { status, coordination, clock, stampsLeft, pauses, hedges, incarnations } = one;
  const heard = `${status}${clock},${stampsLeft},${pauses.length},${hedges.length},${incarnations.join('')}`;
  return heard + (coordination?.parts.map(partKey).join('&') ?? '');
}

function replicaKey({ versions, values, promised, incarnation, known, listed }: Replica): string {
  const copies = versions.map((version, at) => `${versionKey(version)}=${values[at]}<${stampKey(promised[at])}`);
  return [...copies, incarnation, known.join(''), listed?.join('') ?? '-'].join('|');
}

const columnNumber = new Map<string, number>();

/** For each replica: what it has said to the coordinator, and what it may still handle. */
function columnsOf(one: Coordinator): readonly string[] {
  const known = columnNumbers.get(one);
  if (known !== undefined) return known;
  const texts = one.sent.map((requests, index) => {
    const answers = one.coordination?.parts.map((part) => answerKey(part, index + 1)).join('&') ?? '';
    const text = `${answers}:${[...requests.keys()].sort().join()}`;
    const number = columnNumber.get(text) ?? columnNumber.size;
    columnNumber.set(text, number);
    return String(number);
  });
  columnNumbers.set(one, texts);
  return texts;
}

/** But for what the replicas have said: that is in their columns. */
function partKey({ range, phase, first, own, refusalCount }: Part): string {
  const common = `${range.first}+${range.count},${first === null ? '' : stampKey(first)},${own.map(stampKey).join()}`;
  const rest = `${common},${Math.min(refusalCount, 1)},${phase.kind}`;
  switch (phase.kind) {
    case 'query':
      return `${rest}${phase.isWide}${phase.isLate}${phase.isSecond}`;
    case 'order':
      return `${rest}${stampKey(phase.stamp)}${phase.isSettle}${phase.isLate}`;
    case 'store': {
      const { version, data, held, pause, isOvertaken, isDone, purpose, mayBeStored } = phase;
      const value = data === null || data === 'zeros' ? '0' : data[0];
      const flags = `${String(pause)}${isOvertaken}${isDone}${mayBeStored}`;
      return `${rest}${purpose}${versionKey(version)}${value}${stampKey(held)}${flags}`;
    }
    case 'pause':
      return `${rest}${phase.then}`;
  }
}

function answerKey({ phase }: Part, rank: Rank): string {
  switch (phase.kind) {
    case 'query':
    case 'order': {
      const answered = phase.answers.get(rank);
      const asked = phase.kind === 'query' && phase.asked.has(rank);
      const said = answered === undefined ? '' : `${answered.incarnation}${answered.runs.map(copyKey).join()}`;
      return `${said}${asked}${phase.fetching === rank}`;
    }
    case 'store': {
      const answered = phase.answers.get(rank);
      const said = answered === undefined ? '' : `${answered.incarnation}${answered.outcome}`;
      return `${said}${phase.holders.has(rank)}`;
    }
    case 'pause':
      return '';
  }
}

function copyKey({ count, version, promised, data }: CopyState): string {
  const value = data === null || typeof data === 'string' ? String(data) : data[0];
  return `${count}${versionKey(version)}<${stampKey(promised)}=${value}`;
}
