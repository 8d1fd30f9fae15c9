/**
 * The coordinators that may still conclude what they have stored: those that requests of an open connection have named.
 * Mutable. Bound: `COORDINATORS_MAX` for each connection.
 */
import type { ReplicaRequest } from './replicaMessage.js';
import type { CoordinatorId } from './version.js';

/** Of one connection. A client is one coordinator; a process is one for each of its boots. */
const COORDINATORS_MAX = 16;

export class ConnectedCoordinators<Connection extends object> {
  readonly #byConnection = new Map<Connection, Set<CoordinatorId>>();
  readonly #counts = new Map<CoordinatorId, number>();

  /** How many are connected. */
  get size(): number {
    return this.#counts.size;
  }

  /** A request has come over the connection. */
  heard(connection: Connection, request: ReplicaRequest): void {
    if (request.kind !== 'order' && request.kind !== 'store') return;
    const { coordinator } = request.stamp;
    let known = this.#byConnection.get(connection);
    if (known === undefined) this.#byConnection.set(connection, (known = new Set()));
    if (known.has(coordinator)) return;
    if (known.size >= COORDINATORS_MAX) {
      const [eldest] = known;
      known.delete(eldest);
      this.#lose(eldest);
    }
    known.add(coordinator);
    this.#counts.set(coordinator, (this.#counts.get(coordinator) ?? 0) + 1);
  }

  /** The connection is gone. */
  gone(connection: Connection): void {
    for (const coordinator of this.#byConnection.get(connection) ?? []) this.#lose(coordinator);
    this.#byConnection.delete(connection);
  }

  has(coordinator: CoordinatorId): boolean {
    return this.#counts.has(coordinator);
  }

  #lose(coordinator: CoordinatorId): void {
    const count = this.#counts.get(coordinator) ?? 0;
    if (count > 1) this.#counts.set(coordinator, count - 1);
    else this.#counts.delete(coordinator);
  }
}
