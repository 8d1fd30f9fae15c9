/** Checks what must hold of every event, and between a state and its successor. Always on. */
import { AssertionFailure, assert } from '../assert.js';
import { OPERATION_ID_SIZE_BYTES } from '../operation.js';
import { isMajority } from '../quorum.js';
import { isMember } from '../rank.js';
import { SECTOR_SIZE_BYTES } from '../sector.js';
import { compareStamps } from '../stamp.js';
import { describeEffect, describeState } from './describe.js';
import type { RegisterEvent } from './event.js';
import type { RegisterState } from './state.js';
import type { Self, Step } from './step.js';

export function assertEvent(event: RegisterEvent, self: Self): void {
  if (event.kind === 'message') {
    const { from, message } = event;
    assert(isMember(from, self.processCount), `message from rank ${from}`);
    assert(message.id.length === OPERATION_ID_SIZE_BYTES, 'operation id of a wrong size');
    if (message.kind === 'value' || message.kind === 'writeProc') {
      assert(message.data.length === SECTOR_SIZE_BYTES, `data of ${message.data.length} bytes`);
    }
  } else if (event.kind === 'begin' && event.operation.kind === 'write') {
    const { length } = event.operation.data;
    assert(length === SECTOR_SIZE_BYTES, `data of ${length} bytes`);
  }
}

export function assertSuccessor(before: RegisterState, step: Step, self: Self): void {
  const { state, effects } = step;
  const assert = (condition: boolean, what: string): void => {
    if (!condition) throw new AssertionFailure(describeStep(what, before, step));
  };
  const order = compareStamps(state.stamp, before.stamp);
  assert(order >= 0, 'the stamp of a register fell');
  const first = effects.length > 0 ? effects[0] : null;
  const stores = first?.kind === 'store';
  assert(order === 0 || stores, 'a new stamp that is not stored');
  if (first?.kind === 'store') {
    assert(state.copy.kind === 'sound', 'a stored value that is not the copy');
    assert(compareStamps(first.stamp, state.stamp) === 0, 'a stored stamp that is not the state');
  }
  for (let index = 1; index < effects.length; index += 1) {
    assert(effects[index].kind !== 'store', 'a store that is not first');
  }
  const { running } = state;
  if (running === null) {
    assert(state.queue.count === 0, 'operations wait for nothing');
  } else if (running.phase === 'read') {
    const isQuorum = isMajority(running.readList.length, self.processCount);
    assert(isQuorum === (running.asked === 'oneValue'), 'read phase outlived quorum');
  } else {
    assert(!isMajority(running.ackList.length, self.processCount), 'write phase outlived quorum');
  }
}

function describeStep(what: string, before: RegisterState, { state, effects }: Step): string {
  const done = effects.map(describeEffect).join('; ');
  return `${what}: ${describeState(before)} -> ${describeState(state)}, effects: ${done}`;
}
