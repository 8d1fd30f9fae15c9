import type { RegisterMessage } from '../message.js';
import type { OperationId } from '../operation.js';
import type { Rank } from '../rank.js';
import type { SectorData } from '../sector.js';
import type { Stamp } from '../stamp.js';

/**
 * What is to be done after an event. **The order of a list of effects is the durability contract**: what stands after
 * `store` happens after the value has been flushed to the disk, or not at all.
 */
export type RegisterEffect =
  /** Put the value on the disk. Always the first of its list. */
  | { readonly kind: 'store'; readonly stamp: Stamp; readonly data: SectorData }
  /** Answer a process once; it asks again if the answer is lost. Never to this process itself. */
  | { readonly kind: 'reply'; readonly to: Rank; readonly message: RegisterMessage }
  /**
   * Send to every other process, again and again until retired, and to this process directly. Replaces what the same
   * operation broadcast before.
   */
  | { readonly kind: 'broadcast'; readonly message: RegisterMessage }
  /** Send to that process, never this one, again and again until retired. */
  | { readonly kind: 'ask'; readonly to: Rank; readonly message: RegisterMessage }
  /** The same, of one that has what a READ needs: if it does not answer soon, `widen` follows. */
  | { readonly kind: 'fetch'; readonly to: Rank; readonly message: RegisterMessage }
  /** Sending that operation's broadcast to `rank` again can change nothing any more. */
  | { readonly kind: 'retire'; readonly id: OperationId; readonly rank: Rank }
  /** The same for every process. */
  | { readonly kind: 'retireAll'; readonly id: OperationId }
  /**
   * The operation is complete: tell its client. `data` is what a READ read, null for a WRITE; `ranks` those that have
   * the value, by what is known here.
   */
  | {
      readonly kind: 'complete';
      readonly id: OperationId;
      readonly data: SectorData | null;
      readonly ranks: readonly Rank[];
    }
  /** The operation was given up and will never take effect. */
  | { readonly kind: 'dropped'; readonly id: OperationId };
