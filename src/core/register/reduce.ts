/**
 * The (N,N)-atomic register of one sector in one process, as a pure function: state and event in,
 * state and effects out. Read-Impose Write-Consult-Majority after Cachin, Guerraoui and Rodrigues,
 * *Reliable and Secure Distributed Programming*, with storage and operation ids. docs/register.md
 * numbers the clauses; the numbers stand at the code.
 *
 * The state that comes out counts only once its `store` effect has succeeded; if there was no room,
 * the caller keeps the state that went in and drops the effects.
 */
import { assert, unreachable } from '../assert.js';
import type { RegisterMessage } from '../message.js';
import type { OperationId } from '../operation.js';
import { isMajority } from '../quorum.js';
import type { Rank } from '../rank.js';
import type { SectorData } from '../sector.js';
import { ZERO_SECTOR } from '../sector.js';
import type { Stamp } from '../stamp.js';
import { compareStamps, nextStamp } from '../stamp.js';
import type { ClientOperation } from './clientOperation.js';
import type { RegisterEffect } from './effect.js';
import type { RegisterEvent } from './event.js';
import { assertEvent, assertSuccessor } from './invariants.js';
import type { ReadEntry, ReadPhase, RegisterState, WritePhase } from './state.js';
import type { Self, Step } from './step.js';
import { dequeue, enqueue, withdraw } from './waiting.js';

type ValueMessage = Extract<RegisterMessage, { kind: 'value' }>;
type WriteProcMessage = Extract<RegisterMessage, { kind: 'writeProc' }>;

export function reduce(state: RegisterState, event: RegisterEvent, self: Self): Step {
  assertEvent(event, self);
  const step = apply(state, event, self);
  assertSuccessor(state, step, self);
  return step;
}

function apply(state: RegisterState, event: RegisterEvent, self: Self): Step {
  switch (event.kind) {
    case 'begin':
      return begin(state, event.operation);
    case 'abandon':
      return abandon(state, event.id);
    case 'loaded':
      return { state: { ...state, copy: event.copy }, effects: [] };
    case 'disavow':
      return disavow(state, event.rank);
    case 'verify':
      return { state, effects: [] };
    case 'impose':
      return impose(state, event.to, event.id);
    case 'message':
      return receive(state, event.from, event.message, self);
    default:
      return unreachable(event);
  }
}

function receive(state: RegisterState, from: Rank, message: RegisterMessage, self: Self): Step {
  switch (message.kind) {
    case 'readProc':
      return onReadProc(state, from, message.id, self);
    case 'value':
      return onValue(state, from, message, self);
    case 'writeProc':
      return onWriteProc(state, from, message, self);
    case 'ack':
      return onAck(state, from, message.id, self);
    default:
      return unreachable(message);
  }
}

/** O2: one operation at a time; the others wait in the order in which they came. */
function begin(state: RegisterState, operation: ClientOperation): Step {
  if (state.running !== null) {
    return { state: { ...state, queue: enqueue(state.queue, operation) }, effects: [] };
  }
  return start(state, operation);
}

/** O1: READ and WRITE both begin by asking every process what it holds. */
function start(state: RegisterState, operation: ClientOperation): Step {
  return {
    state: { ...state, running: { phase: 'read', operation, readList: [] } },
    effects: [{ kind: 'broadcast', message: { kind: 'readProc', id: operation.id } }],
  };
}

/** After an operation has ended: the next one, if any. */
function startNext(state: RegisterState): Step {
  const idle = { ...state, running: null };
  const next = dequeue(state.queue);
  if (next === null) return { state: idle, effects: [] };
  return start({ ...idle, queue: next.rest }, next.first);
}

/**
 * O4: the client is gone. What has not begun its write phase is dropped and can then never take
 * effect, so that the client may ask another process. What is in its write phase has its stamp and
 * may stand on other disks: it goes on.
 */
function abandon(state: RegisterState, id: OperationId): Step {
  const { running, queue } = state;
  if (running?.operation.id === id) {
    if (running.phase === 'write') return { state, effects: [] };
    const next = startNext(state);
    const ended: RegisterEffect[] = [
      { kind: 'retireAll', id },
      { kind: 'dropped', id },
    ];
    return { state: next.state, effects: [...ended, ...next.effects] };
  }
  const left = withdraw(queue, id);
  if (left === queue) return { state, effects: [] };
  return { state: { ...state, queue: left }, effects: [{ kind: 'dropped', id }] };
}

/**
 * A4: that process has lost its disk, and with it what it acknowledged: its acknowledgement no
 * longer counts, and it is asked for another one.
 */
function disavow(state: RegisterState, rank: Rank): Step {
  const { running } = state;
  if (running?.phase !== 'write' || !running.ackList.includes(rank)) return { state, effects: [] };
  const { operation, stamp, result } = running;
  const data = operation.kind === 'write' ? operation.data : result;
  assert(data !== null, 'a write phase without a value');
  const ackList = running.ackList.filter((one) => one !== rank);
  const message: RegisterMessage = { kind: 'writeProc', id: operation.id, stamp, data };
  return {
    state: { ...state, running: { ...running, ackList } },
    effects: [{ kind: 'ask', to: rank, message }],
  };
}

/** H1: hand over what is here, if it can be trusted, to one that has missed it. */
function impose(state: RegisterState, to: Rank, id: OperationId): Step {
  const { stamp, copy } = state;
  if (copy.kind !== 'sound' || stamp.timestamp === 0n) return { state, effects: [] };
  const message: RegisterMessage = { kind: 'writeProc', id, stamp, data: copy.data };
  return { state, effects: [{ kind: 'ask', to, message }] };
}

/**
 * R1: tell what this process holds. R2: its own question is answered on the spot. R3: a damaged
 * copy says nothing. R4: neither does a process that may have lost what it promised.
 */
function onReadProc(state: RegisterState, from: Rank, id: OperationId, self: Self): Step {
  if (self.isSilent === true) return { state, effects: [] };
  const { stamp, copy, running } = state;
  if (from === self.rank) {
    if (running?.phase !== 'read' || running.operation.id !== id) return { state, effects: [] };
    if (copy.kind === 'sound') {
      return onValue(state, from, { kind: 'value', id, stamp, data: copy.data }, self);
    }
    // A writer wants to know stamps only, and the stamp is known even where the data is not.
    if (running.operation.kind === 'write') {
      return onValue(state, from, { kind: 'value', id, stamp, data: ZERO_SECTOR }, self);
    }
    return { state, effects: [] };
  }
  if (copy.kind !== 'sound') return { state, effects: [] };
  const message: RegisterMessage = { kind: 'value', id, stamp, data: copy.data };
  return { state, effects: [{ kind: 'reply', to: from, message }] };
}

/** V1, V2: gather answers; V3: with those of a majority the write phase begins. */
function onValue(state: RegisterState, from: Rank, message: ValueMessage, self: Self): Step {
  const { running } = state;
  if (running?.phase !== 'read' || running.operation.id !== message.id) {
    return { state, effects: [] };
  }
  const data = running.operation.kind === 'read' ? message.data : null;
  const readList = [
    ...running.readList.filter((entry) => entry.rank !== from),
    { rank: from, stamp: message.stamp, data },
  ];
  const effects = retireUnlessSelf(message.id, from, self);
  if (!isMajority(readList.length, self.processCount)) {
    return { state: { ...state, running: { ...running, readList } }, effects };
  }
  const { operation } = running;
  return operation.kind === 'read'
    ? imposeRead(state, { ...running, readList })
    : imposeWrite(state, operation, readList, self);
}

/** V4: a READ writes the newest value back before it returns it, so that no later READ is older. */
function imposeRead(state: RegisterState, running: ReadPhase): Step {
  const { copy } = state;
  let newest: { stamp: Stamp; data: SectorData | null } = running.readList[0];
  for (const entry of running.readList) {
    if (compareStamps(entry.stamp, newest.stamp) > 0) newest = entry;
  }
  // readlist[self] := what is here now, if it can be trusted. Without it the list is still a
  // majority, and shares a process with every majority that acknowledged a write.
  if (copy.kind === 'sound' && compareStamps(state.stamp, newest.stamp) > 0) {
    newest = { stamp: state.stamp, data: copy.data };
  }
  const { operation } = running;
  const { data } = newest;
  assert(data !== null, 'a READ gathered an answer without data');
  return {
    state: { ...state, running: writePhase(operation, newest.stamp, data) },
    effects: [broadcastWrite(operation.id, newest.stamp, data)],
  };
}

/**
 * V5: a WRITE gives its value a stamp above all that it saw, and above its own disk's (which may
 * hold a stamp of its own from before a crash: using that again for another value would give one
 * stamp two values). On its own disk first, then to the others.
 */
function imposeWrite(
  state: RegisterState,
  operation: Extract<ClientOperation, { kind: 'write' }>,
  readList: readonly ReadEntry[],
  self: Self,
): Step {
  let newest = state.stamp;
  for (const entry of readList) {
    if (compareStamps(entry.stamp, newest) > 0) newest = entry.stamp;
  }
  const stamp = nextStamp(newest, self.rank, self.incarnation);
  const { id, data } = operation;
  return {
    state: {
      ...state,
      stamp,
      copy: { kind: 'sound', data },
      running: writePhase(operation, stamp, null),
    },
    effects: [{ kind: 'store', stamp, data }, broadcastWrite(id, stamp, data)],
  };
}

/**
 * W1: a newer value is stored, W2: then acknowledged; W3: an older one is acknowledged as it is,
 * since this disk holds a newer one. W4: where this disk's copy is damaged it holds nothing, so
 * that the same value is stored again and an older one is not acknowledged.
 */
function onWriteProc(
  state: RegisterState,
  from: Rank,
  { id, stamp, data }: WriteProcMessage,
  self: Self,
): Step {
  const order = compareStamps(stamp, state.stamp);
  const isDamaged = state.copy.kind === 'damaged';
  if (isDamaged && order < 0) return { state, effects: [] };
  if (order < 0 || (order === 0 && !isDamaged)) return acknowledge(state, from, id, self);
  const stored = acknowledge({ ...state, stamp, copy: { kind: 'sound', data } }, from, id, self);
  return { state: stored.state, effects: [{ kind: 'store', stamp, data }, ...stored.effects] };
}

function acknowledge(state: RegisterState, to: Rank, id: OperationId, self: Self): Step {
  if (to === self.rank) return onAck(state, to, id, self);
  return { state, effects: [{ kind: 'reply', to, message: { kind: 'ack', id } }] };
}

/** A1, A2: gather acknowledgements; A3: with those of a majority the operation is complete. */
function onAck(state: RegisterState, from: Rank, id: OperationId, self: Self): Step {
  const { running } = state;
  if (running?.phase !== 'write' || running.operation.id !== id || running.ackList.includes(from)) {
    return { state, effects: [] };
  }
  const ackList = [...running.ackList, from];
  if (!isMajority(ackList.length, self.processCount)) {
    const effects = retireUnlessSelf(id, from, self);
    return { state: { ...state, running: { ...running, ackList } }, effects };
  }
  const next = startNext(state);
  const ended: RegisterEffect[] = [
    { kind: 'retireAll', id },
    { kind: 'complete', id, data: running.result, ranks: ackList },
  ];
  return { state: next.state, effects: [...ended, ...next.effects] };
}

function writePhase(
  operation: ClientOperation,
  stamp: Stamp,
  result: SectorData | null,
): WritePhase {
  return { phase: 'write', operation, stamp, result, ackList: [] };
}

function broadcastWrite(id: OperationId, stamp: Stamp, data: SectorData): RegisterEffect {
  return { kind: 'broadcast', message: { kind: 'writeProc', id, stamp, data } };
}

function retireUnlessSelf(id: OperationId, rank: Rank, self: Self): RegisterEffect[] {
  return rank === self.rank ? [] : [{ kind: 'retire', id, rank }];
}
