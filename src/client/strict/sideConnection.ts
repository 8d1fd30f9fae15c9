/**
 * What a connection to a replica carries beside OPEN and PACK, as a connection of its own: questions to the process
 * about itself, and their answers. To end it is to end the connection.
 */
import type { Observable } from 'rxjs';
import { Subject } from 'rxjs';
import type { Connection } from '../../ports/connection.js';
import type { ClientConnection } from '../link.js';

export class SideConnection implements ClientConnection {
  readonly remote: string;
  readonly bytes$: Observable<Uint8Array>;
  readonly closed$: Observable<never>;
  readonly drained$: Observable<void>;
  readonly #received = new Subject<Uint8Array>();
  #isOver = false;

  /** @param end Gives the connection up. */
  constructor(
    private readonly connection: Connection,
    readonly end: () => void,
  ) {
    this.remote = connection.remote;
    this.bytes$ = this.#received;
    this.closed$ = connection.closed$;
    this.drained$ = connection.drained$;
  }

  get bufferedBytes(): number {
    return this.connection.bufferedBytes;
  }

  write(chunks: readonly Uint8Array[]): void {
    if (!this.#isOver) this.connection.write(chunks);
  }

  pause(): void {
    this.connection.pause();
  }

  resume(): void {
    this.connection.resume();
  }

  destroy(): void {
    this.end();
  }

  /** A whole message has come. */
  receive(message: Uint8Array): void {
    this.#received.next(message);
  }

  /** Nothing more comes. */
  over(): void {
    this.#isOver = true;
    this.#received.complete();
  }
}
