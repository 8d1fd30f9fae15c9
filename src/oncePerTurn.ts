import type { SchedulerLike } from 'rxjs';

/**
 * Puts off a task to the end of the turn: it runs once then, however often it was asked for until then.
 *
 * @param turn Its scheduler: in production the one that runs when all sockets of the turn have been read.
 * @returns asks for the task.
 */
export function oncePerTurn(turn: SchedulerLike, task: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    turn.schedule(() => {
      isDue = false;
      task();
    });
  };
}
