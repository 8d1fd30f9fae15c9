/** Whom a request to the replica of a process came from. */
import type { ReplicaAnswer, ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import { OutgoingAnswer } from '../../../src/wire/strict/outgoingPack.js';
import type { Packer } from '../../../src/wire/strict/pack.js';
import type { Outgoing } from '../../writeTogether.js';
import type { Session } from '../session.js';

export interface Asker {
  /** Stands for the way that the request came. */
  readonly connection: object;
  /**
   * The request is over.
   * @param answer null: none is to be sent.
   * @returns what is to be sent because of that.
   */
  answered(answer: ReplicaAnswer | null, request: ReplicaRequest): readonly Outgoing[];
}

/** The other side of a connection: a client, or a process. */
export class SessionAsker implements Asker {
  constructor(
    readonly connection: Session,
    /** By it the answer names the request. */
    private readonly number: number,
    /** Has the key of the connection. */
    private readonly packer: Packer,
  ) {}

  answered(answer: ReplicaAnswer | null, request: ReplicaRequest): readonly Outgoing[] {
    const due = this.connection.responded(request);
    if (answer === null) return due;
    const content = new OutgoingAnswer(this.packer, { number: this.number, range: request.range, answer });
    return [{ connection: this.connection.connection, content }, ...due];
  }
}
