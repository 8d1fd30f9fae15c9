/** Holds the requests of a scripted run, until the script lets them through. */
import type { Rank } from '../../../src/core/rank.js';
import type { ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import type { Actor } from '../actor.js';

/** A request that was sent. */
export interface HeldRequest {
  readonly client: Actor;
  readonly rank: Rank;
  readonly request: ReplicaRequest;
  /** It arrives, late if its connection is gone. */
  readonly pass: () => void;
}

/** Holds what is sent while it is shut. */
export class Gate {
  isShut = true;
  private held: HeldRequest[] = [];

  hold(request: HeldRequest): void {
    this.held.push(request);
  }

  /** The eldest one that is meant, if there is any. */
  pass(isMeant: (held: HeldRequest) => boolean): void {
    const meant = this.held.find(isMeant);
    if (meant === undefined) return;
    this.held = this.held.filter((other) => other !== meant);
    meant.pass();
  }

  open(): void {
    this.isShut = false;
    const { held } = this;
    this.held = [];
    for (const request of held) request.pass();
  }
}
