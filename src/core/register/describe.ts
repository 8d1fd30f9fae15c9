/** Describes a state, an event or an effect in one line of text, for traces and failure messages. */
import { unreachable } from '../assert.js';
import type { RegisterMessage } from '../message.js';
import { describeOperationId } from '../operation.js';
import type { SectorData } from '../sector.js';
import type { Stamp } from '../stamp.js';
import type { RegisterEffect } from './effect.js';
import type { RegisterEvent } from './event.js';
import type { RegisterState } from './state.js';

const id = (operationId: string): string => describeOperationId(operationId).slice(-8);
const stamp = ({ timestamp, writeRank }: Stamp): string => `(${String(timestamp)},${writeRank})`;
const data = (bytes: SectorData | null): string =>
  bytes === null ? '-' : `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}…`;

export function describeMessage(message: RegisterMessage): string {
  switch (message.kind) {
    case 'readProc':
      return `READ_PROC ${id(message.id)}`;
    case 'readStamp':
      return `READ_STAMP ${id(message.id)}`;
    case 'stamp':
      return `STAMP ${id(message.id)} ${stamp(message.stamp)}`;
    case 'value':
      return `VALUE ${id(message.id)} ${stamp(message.stamp)} ${data(message.data)}`;
    case 'writeProc':
      return `WRITE_PROC ${id(message.id)} ${stamp(message.stamp)} ${data(message.data)}`;
    case 'ack':
      return `ACK ${id(message.id)}`;
    default:
      return unreachable(message);
  }
}

export function describeEvent(event: RegisterEvent): string {
  switch (event.kind) {
    case 'begin': {
      const { operation } = event;
      const value = operation.kind === 'write' ? ` ${data(operation.data)}` : '';
      return `begin ${operation.kind} ${id(operation.id)}${value}`;
    }
    case 'abandon':
      return `abandon ${id(event.id)}`;
    case 'loaded':
      return `loaded ${event.copy.kind === 'sound' ? data(event.copy.data) : 'damaged'}`;
    case 'disavow':
      return `disavow ${event.rank}`;
    case 'verify':
      return `verify ${id(event.id)}`;
    case 'widen':
      return `widen ${id(event.id)}`;
    case 'handOver':
      return `handOver ${id(event.id)} on ${event.to}`;
    case 'message':
      return `${describeMessage(event.message)} from ${event.from}`;
    default:
      return unreachable(event);
  }
}

export function describeEffect(effect: RegisterEffect): string {
  switch (effect.kind) {
    case 'store':
      return `store ${stamp(effect.stamp)} ${data(effect.data)}`;
    case 'reply':
      return `reply ${describeMessage(effect.message)} to ${effect.to}`;
    case 'broadcast':
      return `broadcast ${describeMessage(effect.message)}`;
    case 'ask':
      return `ask ${effect.to}: ${describeMessage(effect.message)}`;
    case 'fetch':
      return `fetch of ${effect.to}: ${describeMessage(effect.message)}`;
    case 'retire':
      return `retire ${id(effect.id)} for ${effect.rank}`;
    case 'retireAll':
      return `retire ${id(effect.id)}`;
    case 'complete':
      return `complete ${id(effect.id)} ${data(effect.data)}`;
    case 'dropped':
      return `dropped ${id(effect.id)}`;
    default:
      return unreachable(effect);
  }
}

export function describeState(state: RegisterState): string {
  const { copy, running, queue } = state;
  const held = copy.kind === 'sound' ? data(copy.data) : copy.kind;
  let phase = 'idle';
  if (running?.phase === 'read') {
    const ranks = running.readList.map((entry) => entry.rank).join(',');
    const { asked, operation } = running;
    phase = `${operation.kind} ${id(operation.id)} read phase, ${asked} [${ranks}]`;
  } else if (running !== null) {
    const ranks = running.ackList.join(',');
    phase = `${running.operation.kind} ${id(running.operation.id)} write phase [${ranks}]`;
  }
  return `${stamp(state.stamp)} ${held} ${phase} +${queue.count}`;
}
