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
  /** The disk gave (or failed to give) the data behind the state's stamp. */
  | { readonly kind: 'loaded'; readonly copy: Exclude<LocalCopy, { kind: 'unloaded' }> }
  /** What that process acknowledged it may have lost: its disk is another one. */
  | { readonly kind: 'disavow'; readonly rank: Rank }
  /** Bring what this process holds to that one, under the operation id. */
  | { readonly kind: 'handOver'; readonly to: Rank; readonly id: OperationId }
  /** See whether the disk can give back what it holds. */
  | { readonly kind: 'verify'; readonly id: OperationId }
  /** The one process that the value of that READ was asked of has not answered in time. */
  | { readonly kind: 'widen'; readonly id: OperationId }
  /** A process message; `from` may be this process itself. */
  | { readonly kind: 'message'; readonly from: Rank; readonly message: RegisterMessage };

/**
 * Whether the data on the disk is needed to handle `event`: to answer a READ_PROC, or to handOver it. Who needs stamps
 * only, a writer's own register among them, is answered from memory.
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
