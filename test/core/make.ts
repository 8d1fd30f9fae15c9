/** Short forms of the values that register tests are made of. */
import type { RegisterMessage } from '../../src/core/message.js';
import type { RegisterEvent } from '../../src/core/register/event.js';
import type { Self } from '../../src/core/register/step.js';
import { reduce } from '../../src/core/register/reduce.js';
import type { RegisterEffect } from '../../src/core/register/effect.js';
import type { RegisterState } from '../../src/core/register/state.js';
import { restingState } from '../../src/core/register/state.js';
import type { SectorData } from '../../src/core/sector.js';
import { SECTOR_SIZE_BYTES } from '../../src/core/sector.js';
import type { Stamp } from '../../src/core/stamp.js';
import { STAMP_INITIAL } from '../../src/core/stamp.js';

export const data = (byte: number): SectorData => new Uint8Array(SECTOR_SIZE_BYTES).fill(byte);
export const stamp = (timestamp: number, writeRank: number): Stamp => ({
  timestamp: BigInt(timestamp),
  writeRank,
});
export const id = (name: string): string => name.padEnd(16, '.');

export const readProc = (name: string): RegisterMessage => ({ kind: 'readProc', id: id(name) });
export const value = (name: string, of: Stamp, bytes: SectorData): RegisterMessage => ({
  kind: 'value',
  id: id(name),
  stamp: of,
  data: bytes,
});
export const writeProc = (name: string, of: Stamp, bytes: SectorData): RegisterMessage => ({
  kind: 'writeProc',
  id: id(name),
  stamp: of,
  data: bytes,
});
export const readStamp = (name: string): RegisterMessage => ({ kind: 'readStamp', id: id(name) });
export const stampOf = (name: string, of: Stamp): RegisterMessage => ({
  kind: 'stamp',
  id: id(name),
  stamp: of,
});
export const ack = (name: string): RegisterMessage => ({ kind: 'ack', id: id(name) });

export const from = (rank: number, message: RegisterMessage): RegisterEvent => ({
  kind: 'message',
  from: rank,
  message,
});
export const beginRead = (name: string): RegisterEvent => ({
  kind: 'begin',
  operation: { kind: 'read', id: id(name) },
});
export const beginWrite = (name: string, bytes: SectorData): RegisterEvent => ({
  kind: 'begin',
  operation: { kind: 'write', id: id(name), data: bytes },
});
export const abandon = (name: string): RegisterEvent => ({ kind: 'abandon', id: id(name) });

/** A register at rest whose disk holds this, already loaded. */
export function holding(of: Stamp, bytes: SectorData): RegisterState {
  return { ...restingState(of), copy: { kind: 'sound', data: bytes } };
}

export const never = (): RegisterState => holding(STAMP_INITIAL, data(0));

/** Feeds events in order; gives the state at the end and the effects of the last event. */
export function feed(
  state: RegisterState,
  self: Self,
  events: readonly RegisterEvent[],
): { state: RegisterState; effects: readonly RegisterEffect[] } {
  let effects: readonly RegisterEffect[] = [];
  for (const event of events) ({ state, effects } = reduce(state, event, self));
  return { state, effects };
}
