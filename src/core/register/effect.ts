import type { RegisterMessage } from '../message.js';
import type { OperationId } from '../operation.js';
import type { Rank } from '../rank.js';
import type { SectorData } from '../sector.js';
import type { Stamp } from '../stamp.js';

/**
 * What the caller has to do after an event. **The order of a list of effects is the durability contract**: an effect
 * that stands after `store` happens after the value has been flushed to the disk, or not at all.
 */
export type RegisterEffect =
  /** Put the value on the disk. Always the first effect of its list. */
  | { readonly kind: 'store'; readonly stamp: Stamp; readonly data: SectorData }
  /** Answer another process once. If the answer is lost, that process asks again. */
  | { readonly kind: 'reply'; readonly to: Rank; readonly message: RegisterMessage }
  /**
   * Send to every other process, again and again until retired, and hand to this process directly. Replaces what the
   * same operation broadcast before.
   */
  | { readonly kind: 'broadcast'; readonly message: RegisterMessage }
  /** Send to that other process, again and again until retired. */
  | { readonly kind: 'ask'; readonly to: Rank; readonly message: RegisterMessage }
  /** Ask that other process for the value that a READ needs. If it does not answer soon, the event `widen` follows. */
  | { readonly kind: 'fetch'; readonly to: Rank; readonly message: RegisterMessage }
  /** Stop sending that operation's message to `rank`: sending it again can change nothing any more. */
  | { readonly kind: 'retire'; readonly id: OperationId; readonly rank: Rank }
  /** The same for every process. */
  | { readonly kind: 'retireAll'; readonly id: OperationId }
  /**
   * The operation is complete: answer its client. `data` is the value that a READ read, and null for a WRITE. `ranks`
   * are the processes known to have the value.
   */
  | {
      readonly kind: 'complete';
      readonly id: OperationId;
      readonly data: SectorData | null;
      readonly ranks: readonly Rank[];
    }
  /** The operation was given up and will never take effect. */
  | { readonly kind: 'dropped'; readonly id: OperationId };
