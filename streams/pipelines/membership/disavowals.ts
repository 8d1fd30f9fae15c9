/**
 * The answers of a disk that was lost count no longer (clause A4; docs/adr/0013-membership.md, step 2). This concerns
 * answers that were counted already, answers that wait in the queue of a register, and what this process lists
 * meanwhile.
 */
import type { MembershipEffect } from '../../../src/core/membership/membership.js';
import type { Membership } from '../../../src/core/membership/state.js';
import { isOutdated } from '../../../src/core/membership/membership.js';
import type { Rank } from '../../../src/core/rank.js';
import type { RegisterState } from '../../../src/core/register/state.js';
import type { SectorIndex } from '../../../src/core/sector.js';
import type { SectorEvent } from '../../reduceRegisters.js';
import type { Origin } from '../session.js';

type Disavowal = SectorEvent<null>;

/** How many disavowals of each rank wait in the queues of registers. Bound: the registers that are in use. */
export class Disavowals {
  readonly #waiting = new Map<Rank, number>();

  /**
   * @returns for each register in use an event that takes the answers of a lost disk back. The events count as waiting
   * from here on: each has to be passed to `handled` when its register has handled it.
   */
  begin(effects: readonly MembershipEffect[], registers: ReadonlyMap<SectorIndex, RegisterState>): Disavowal[] {
    return effects.flatMap((effect) => {
      if (effect.kind !== 'disavow') return [];
      const { rank } = effect;
      this.#add(rank, registers.size);
      return [...registers.keys()].map((sector): Disavowal => ({
        sector,
        event: { kind: 'disavow', rank },
        origin: null,
      }));
    });
  }

  /** A register has handled this event. */
  handled({ event }: SectorEvent<unknown>): void {
    if (event.kind === 'disavow') this.#add(event.rank, -1);
  }

  /** Whether an operation of this process may still count an answer of a disk that this rank has lost. */
  areWaiting(rank: Rank): boolean {
    return this.#waiting.has(rank);
  }

  #add(rank: Rank, count: number): void {
    const waiting = (this.#waiting.get(rank) ?? 0) + count;
    if (waiting > 0) this.#waiting.set(rank, waiting);
    else this.#waiting.delete(rank);
  }
}

/**
 * Whether the event is an answer of a disk that is known by now to be lost. It was taken in before that was known, and
 * has waited in the queue of its register.
 */
export function isOfLostDisk({ event, origin }: SectorEvent<Origin | null>, membership: Membership): boolean {
  if (event.kind !== 'message' || origin?.hello?.rank !== event.from) return false;
  const { kind } = event.message;
  const isAnswer = kind === 'ack' || kind === 'value' || kind === 'stamp';
  return isAnswer && isOutdated(membership, event.from, origin.hello);
}
