/**
 * One life of one program: what it has scheduled dies with it, and waits while it is stalled (SIGSTOP, a long garbage
 * collection).
 */
export interface Actor {
  readonly name: string;
  /** Its life is over: nothing of it happens any more. */
  isDead: boolean;
  /** Nothing of it happens before. */
  stalledUntilUs: number;
}

export function newActor(name: string): Actor {
  return { name, isDead: false, stalledUntilUs: 0 };
}
