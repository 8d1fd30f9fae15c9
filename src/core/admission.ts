/**
 * Decides when a connection is read from, because what it has under way is bounded, and when it ends. Pure. Each event
 * comes with the load: what the connection has under way, counted by its owner.
 *
 * ```
 * event                       load        state            effect
 * entered, handled, …         is full     read from        pause
 * answered, drained           has room    paused           resume
 * ended, or any later one     is idle     ended            end, once
 * ```
 */

/** `ended`: the other side sends nothing more. All others: the load may have changed. */
export type AdmissionEvent = 'entered' | 'handled' | 'answered' | 'drained' | 'ended';

/** `end`: end the own side of the connection as well, because nothing more will be sent. */
export type AdmissionEffect = 'pause' | 'resume' | 'end';

export interface Load {
  /** The bound is reached: nothing more may be taken in for now. */
  readonly isFull: boolean;
  /** Nothing that came over the connection is under way. */
  readonly isIdle: boolean;
}

export interface Admission {
  readonly isPaused: boolean;
  /** The other side sends nothing more. */
  readonly hasEnded: boolean;
  /** The effect `end` was given. */
  readonly isOver: boolean;
}

export const ADMISSION_INITIAL: Admission = { isPaused: false, hasEnded: false, isOver: false };

export function admit(
  before: Admission,
  event: AdmissionEvent,
  { isFull, isIdle }: Load,
): readonly [Admission, AdmissionEffect | null] {
  if (event === 'ended' || before.hasEnded) {
    const after = { ...before, hasEnded: true, isOver: before.isOver || isIdle };
    return [after, after.isOver && !before.isOver ? 'end' : null];
  }
  if (isFull === before.isPaused) return [before, null];
  return [{ ...before, isPaused: isFull }, isFull ? 'pause' : 'resume'];
}
