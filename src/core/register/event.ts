import type { OperationId } from '../operation.js';
import type { RegisterMessage } from '../message.js';
import type { Rank } from '../rank.js';
import type { ClientOperation } from './clientOperation.js';
import type { LocalCopy, RegisterState } from './state.js';

export type RegisterEvent =
  /** A client asks for an operation. */
  | { readonly kind: 'begin'; readonly operation: ClientOperation }
  /** The client of that operation is gone. */
  | { readonly kind: 'abandon'; readonly id: OperationId }
  /** The disk was read: it gave the data of the state's stamp, or could not. */
  | { readonly kind: 'loaded'; readonly copy: Exclude<LocalCopy, { kind: 'unloaded' }> }
  /** That process has another disk now: it may have lost what it acknowledged. */
  | { readonly kind: 'disavow'; readonly rank: Rank }
  /** Hand over the value of this process to that one, under the operation id. */
  | { readonly kind: 'handOver'; readonly to: Rank; readonly id: OperationId }
  /** Find out whether the copy on the disk is sound or damaged. */
  | { readonly kind: 'verify'; readonly id: OperationId }
  /** One process was asked for the value of that READ, and has not answered in time. */
  | { readonly kind: 'widen'; readonly id: OperationId }
  /** A process message; `from` may be this process itself. */
  | { readonly kind: 'message'; readonly from: Rank; readonly message: RegisterMessage };

/**
 * Whether the data on the disk is needed to handle `event`: to answer a READ_PROC, to hand the value over, or to verify
 * it. A question that needs only the stamp is answered from memory; so is the own question of a WRITE.
 */
export function needsCopy(state: RegisterState, event: RegisterEvent, self: Rank): boolean {
  if (state.copy.kind !== 'unloaded') return false;
  if (event.kind === 'handOver' || event.kind === 'verify') return true;
  if (event.kind !== 'message') return false;
  const { kind } = event.message;
  if (kind !== 'readProc' && kind !== 'readStamp') return false;
  if (event.from !== self) return kind === 'readProc';
  const { running } = state;
  return running?.phase === 'read' && running.operation.kind === 'read' && running.operation.id === event.message.id;
}
