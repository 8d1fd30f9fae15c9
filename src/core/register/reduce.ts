/**
 * The (N,N)-atomic register of one sector in one process, as a pure function: state and event in, state and effects
 * out. Read-Impose Write-Consult-Majority after Cachin, Guerraoui and Rodrigues, *Reliable and Secure Distributed
 * Programming*, with storage and operation ids. docs/register.md numbers the clauses; the comments below name them.
 *
 * The new state counts only once its `store` effect has succeeded. If the disk had no room, the caller keeps the old
 * state and drops the effects.
 */
import { assert, unreachable } from '../assert.js';
import type { RegisterMessage } from '../message.js';
import type { OperationId } from '../operation.js';
import { isMajority } from '../quorum.js';
import type { Rank } from '../rank.js';
import type { SectorData } from '../sector.js';
import type { Stamp } from '../stamp.js';
import { STAMP_POLICY_PLAIN, compareStamps, maySendEarly, nextStamp } from '../stamp.js';
import type { ClientOperation } from './clientOperation.js';
import type { RegisterEffect } from './effect.js';
import type { RegisterEvent } from './event.js';
import { assertEvent, assertSuccessor } from './invariants.js';
import { holdersOf, newestOf } from './readList.js';
import type { ReadEntry, ReadPhase, RegisterState, WritePhase } from './state.js';
import type { Self, Step } from './step.js';
import { dequeue, enqueue, withdraw } from './waiting.js';

type QuestionMessage = Extract<RegisterMessage, { kind: 'readProc' | 'readStamp' }>;
type StampMessage = Extract<RegisterMessage, { kind: 'stamp' }>;
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
      return begin(state, event.operation, self);
    case 'abandon':
      return abandon(state, event.id, self);
    case 'loaded':
      return { state: { ...state, copy: event.copy }, effects: [] };
    case 'disavow':
      return disavow(state, event.rank, self);
    case 'widen':
      return widen(state, event.id);
    case 'verify':
      return { state, effects: [] };
    case 'handOver':
      return handOver(state, event.to, event.id);
    case 'message':
      return receive(state, event.from, event.message, self);
    default:
      return unreachable(event);
  }
}

function receive(state: RegisterState, from: Rank, message: RegisterMessage, self: Self): Step {
  switch (message.kind) {
    case 'readProc':
    case 'readStamp':
      return onQuestion(state, from, message, self);
    case 'value':
      return onAnswer(state, message.id, { ...message, rank: from, isDurable: false }, self);
    case 'stamp':
      return onStamp(state, from, message, self);
    case 'writeProc':
      return onWriteProc(state, from, message, self);
    case 'ack':
      return onAck(state, from, message.id, self);
    default:
      return unreachable(message);
  }
}

/** O2: one operation runs at a time; the others wait in the order in which they came. */
function begin(state: RegisterState, operation: ClientOperation, self: Self): Step {
  if (state.running !== null) {
    return { state: { ...state, queue: enqueue(state.queue, operation) }, effects: [] };
  }
  return start(state, operation, self.asksStamps === true ? 'stamps' : 'values');
}

/** O1, S1: READ and WRITE both begin by asking every process what it holds. */
function start(state: RegisterState, operation: ClientOperation, asked: 'stamps' | 'values'): Step {
  return {
    state: { ...state, running: { phase: 'read', operation, asked, readList: [] } },
    effects: [{ kind: 'broadcast', message: question(asked, operation.id) }],
  };
}

function question(asked: 'stamps' | 'values', id: OperationId): RegisterMessage {
  return { kind: asked === 'stamps' ? 'readStamp' : 'readProc', id };
}

/** Begins the next operation that waits, if there is one. */
function startNext(state: RegisterState, self: Self): Step {
  const idle = { ...state, running: null };
  const next = dequeue(state.queue);
  if (next === null) return { state: idle, effects: [] };
  return begin({ ...idle, queue: next.rest }, next.first, self);
}

/**
 * O4: the client is gone. An operation that has not begun its write phase is dropped, and can never take effect; so the
 * client may ask another process. An operation in its write phase has a stamp and may be on other disks already: it
 * goes on.
 */
function abandon(state: RegisterState, id: OperationId, self: Self): Step {
  const { running, queue } = state;
  if (running?.operation.id === id) {
    if (running.phase === 'write') return { state, effects: [] };
    return endWith(state, id, { kind: 'dropped', id }, self);
  }
  const left = withdraw(queue, id);
  if (left === queue) return { state, effects: [] };
  return { state: { ...state, queue: left }, effects: [{ kind: 'dropped', id }] };
}

/** Ends the running operation with the effect `end`, and begins the next one. */
function endWith(state: RegisterState, id: OperationId, end: RegisterEffect, self: Self): Step {
  const next = startNext(state, self);
  return { state: next.state, effects: [{ kind: 'retireAll', id }, end, ...next.effects] };
}

/**
 * A4: that process has lost its disk, and with it what it has acknowledged or vouched for. Its answer no longer counts,
 * and it is asked again.
 */
function disavow(state: RegisterState, rank: Rank, self: Self): Step {
  const { running } = state;
  if (running?.phase === 'read') return disavowAnswer(state, running, rank, self);
  if (running === null || !running.ackList.includes(rank)) return { state, effects: [] };
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

function disavowAnswer(state: RegisterState, running: ReadPhase, rank: Rank, self: Self): Step {
  const { operation, asked } = running;
  const readList = running.readList.filter((entry) => entry.rank !== rank);
  if (rank === self.rank || readList.length === running.readList.length) {
    return { state, effects: [] };
  }
  if (asked === 'oneValue') return start(state, operation, 'values');
  return {
    state: { ...state, running: { ...running, readList } },
    effects: [{ kind: 'ask', to: rank, message: question(asked, operation.id) }],
  };
}

/** S4: the one process that was asked for its value may be down. So the READ begins anew and asks all of them. */
function widen(state: RegisterState, id: OperationId): Step {
  const { running } = state;
  const isWaiting = running?.phase === 'read' && running.asked === 'oneValue';
  if (!isWaiting || running.operation.id !== id) return { state, effects: [] };
  return start(state, running.operation, 'values');
}

/** H1: hands over the own value, if its copy is sound, to a process that has missed it. */
function handOver(state: RegisterState, to: Rank, id: OperationId): Step {
  const { stamp, copy } = state;
  if (copy.kind !== 'sound' || stamp.timestamp === 0n) return { state, effects: [] };
  const message: RegisterMessage = { kind: 'writeProc', id, stamp, data: copy.data };
  return { state, effects: [{ kind: 'ask', to, message }] };
}

/**
 * R1: answers with the value that this process holds, or with its stamp (S1). R2: the own question is answered on the
 * spot. R3: a damaged copy is no answer. R4: a process that may have lost what it promised does not answer.
 */
function onQuestion(state: RegisterState, from: Rank, { kind, id }: QuestionMessage, self: Self): Step {
  const { stamp, copy, running } = state;
  const isDamaged = copy.kind === 'damaged';
  if (self.isSilent === true) return { state, effects: [] };
  if (from === self.rank) {
    if (running?.phase !== 'read' || running.operation.id !== id) return { state, effects: [] };
    // A WRITE needs only stamps, and the stamp is known even if the data is damaged.
    if (isDamaged && running.operation.kind === 'read') return { state, effects: [] };
    const data = copy.kind === 'sound' ? copy.data : null;
    return onAnswer(state, id, { rank: from, stamp, data, isDurable: !isDamaged }, self);
  }
  if (isDamaged) return { state, effects: [] };
  if (kind === 'readStamp') return replyWith(state, from, { kind: 'stamp', id, stamp });
  if (copy.kind !== 'sound') return { state, effects: [] };
  return replyWith(state, from, { kind: 'value', id, stamp, data: copy.data });
}

function replyWith(state: RegisterState, to: Rank, message: RegisterMessage): Step {
  return { state, effects: [{ kind: 'reply', to, message }] };
}

/** S1: once values are asked for, a late stamp is of no use. */
function onStamp(state: RegisterState, from: Rank, { id, stamp }: StampMessage, self: Self): Step {
  const { running } = state;
  if (running?.phase === 'read' && running.asked !== 'stamps') return { state, effects: [] };
  return onAnswer(state, id, { rank: from, stamp, data: null, isDurable: true }, self);
}

/** V1, V2: gathers answers. V3: the answers of a majority decide what follows. */
function onAnswer(state: RegisterState, id: OperationId, answer: ReadEntry, self: Self): Step {
  const { running } = state;
  if (running?.phase !== 'read' || running.operation.id !== id) return { state, effects: [] };
  const { operation } = running;
  const { rank, stamp, isDurable } = answer;
  const data = operation.kind === 'read' ? answer.data : null;
  const before = running.readList.find((entry) => entry.rank === rank);
  // The answer has the value for which the process vouched before.
  const isVouchedFor = before?.isDurable === true && compareStamps(before.stamp, stamp) === 0;
  const readList = [
    ...running.readList.filter((entry) => entry.rank !== rank),
    { rank, stamp, data, isDurable: isDurable || isVouchedFor },
  ];
  if (!isMajority(readList.length, self.processCount)) {
    const effects = retireUnlessSelf(id, rank, self);
    return { state: { ...state, running: { ...running, readList } }, effects };
  }
  return operation.kind === 'read'
    ? concludeRead(state, { ...running, readList }, self)
    : handOverWrite(state, operation, readList, self);
}

/**
 * S2: a value that a majority holds is returned at once. S3: a value of which only the stamp is known here is fetched
 * from one process. V4: otherwise the READ writes the newest value back before it returns it, so that no later READ
 * returns an older one.
 */
function concludeRead(state: RegisterState, running: ReadPhase, self: Self): Step {
  const { operation, readList } = running;
  const { id } = operation;
  const newest = newestOf(readList, state);
  const { stamp, data } = newest;
  if (data === null) {
    assert(newest.rank !== null && newest.rank !== self.rank, 'a value that nobody has');
    return {
      state: { ...state, running: { ...running, asked: 'oneValue' } },
      effects: [{ kind: 'fetch', to: newest.rank, message: { kind: 'readProc', id } }],
    };
  }
  const ranks = holdersOf(readList, stamp, state, self);
  if (isMajority(ranks.length, self.processCount)) {
    return endWith(state, id, { kind: 'complete', id, data, ranks }, self);
  }
  return {
    state: { ...state, running: writePhase(operation, stamp, data) },
    effects: [broadcastWrite(id, stamp, data)],
  };
}

/**
 * V5: a WRITE gives its value a stamp above all that were answered, and above the stamp on the own disk. That one may
 * be its own from before a crash: if another value got it again, one stamp would have two values. The value is stored
 * on the own disk first, then sent to the others. S5: it is sent to all at once, if no later boot of this process can
 * choose the same stamp.
 */
function handOverWrite(
  state: RegisterState,
  operation: Extract<ClientOperation, { kind: 'write' }>,
  readList: readonly ReadEntry[],
  self: Self,
): Step {
  let newest = state.stamp;
  for (const entry of readList) {
    if (compareStamps(entry.stamp, newest) > 0) newest = entry.stamp;
  }
  const { stamps = STAMP_POLICY_PLAIN } = self;
  const stamp = nextStamp(newest, self.rank, stamps);
  const { id, data } = operation;
  if (maySendEarly(stamps)) {
    return {
      state: { ...state, running: writePhase(operation, stamp, null) },
      effects: [broadcastWrite(id, stamp, data)],
    };
  }
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
 * W1: a newer value is stored; W2: then it is acknowledged. W3: an older one is acknowledged without being stored,
 * because this disk holds a newer one. W4: a damaged copy holds nothing; so the same value is stored again, and an
 * older one is not acknowledged.
 */
function onWriteProc(state: RegisterState, from: Rank, { id, stamp, data }: WriteProcMessage, self: Self): Step {
  const order = compareStamps(stamp, state.stamp);
  const isDamaged = state.copy.kind === 'damaged';
  if (isDamaged && order < 0) return { state, effects: [] };
  if (order < 0 || (order === 0 && !isDamaged)) return acknowledge(state, from, id, self);
  const stored = acknowledge({ ...state, stamp, copy: { kind: 'sound', data } }, from, id, self);
  const effects: RegisterEffect[] = [{ kind: 'store', stamp, data }, ...stored.effects];
  if (!isDamaged || state.running?.phase !== 'read') return { state: stored.state, effects };
  const voted = voteMended(stored.state, state.running, self);
  return { state: voted.state, effects: [...effects, ...voted.effects] };
}

/**
 * R5: the copy is sound again. The own READ got no answer of this process while the copy was damaged, and its question
 * is not asked again. So it gets the answer now.
 */
function voteMended(state: RegisterState, { operation, asked }: ReadPhase, self: Self): Step {
  const { stamp, copy } = state;
  const isWithheld = operation.kind === 'read' && asked !== 'oneValue' && self.isSilent !== true;
  if (!isWithheld || copy.kind !== 'sound') return { state, effects: [] };
  const answer = { rank: self.rank, stamp, data: copy.data, isDurable: true };
  return onAnswer(state, operation.id, answer, self);
}

function acknowledge(state: RegisterState, to: Rank, id: OperationId, self: Self): Step {
  if (to === self.rank) return onAck(state, to, id, self);
  return { state, effects: [{ kind: 'reply', to, message: { kind: 'ack', id } }] };
}

/** A1, A2: gathers acknowledgements. A3: with those of a majority the operation is complete. */
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
  return endWith(state, id, { kind: 'complete', id, data: running.result, ranks: ackList }, self);
}

function writePhase(operation: ClientOperation, stamp: Stamp, result: SectorData | null): WritePhase {
  return { phase: 'write', operation, stamp, result, ackList: [] };
}

function broadcastWrite(id: OperationId, stamp: Stamp, data: SectorData): RegisterEffect {
  return { kind: 'broadcast', message: { kind: 'writeProc', id, stamp, data } };
}

function retireUnlessSelf(id: OperationId, rank: Rank, self: Self): RegisterEffect[] {
  return rank === self.rank ? [] : [{ kind: 'retire', id, rank }];
}
