/**
 * Whether a connection is read from: the bound on what it has under way, and its orderly end. Pure. What is under way
 * is counted by those who keep it, and comes with each event as a load.
 *
 * ```
 * event                       load        state            effect
 * entered, handled, …         is full     read from        pause
 * answered, drained           has room    paused           resume
 * ended, or any later one     is idle     ended            end, once
 * ```
 */

/** `ended`: the other side sends nothing more. The others: what is under way has changed. */
export type AdmissionEvent = 'entered' | 'handled' | 'answered' | 'drained' | 'ended';

/** `end`: nothing more will be sent to the other side either. */
export type AdmissionEffect = 'pause' | 'resume' | 'end';

export interface Load {
  /** Nothing more is taken in for now. */
  readonly isFull: boolean;
  /** Nothing that came by the connection is under way. */
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
