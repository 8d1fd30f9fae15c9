/**
 * The connections that others open to a process. The socket is bound first after launch (bindSocket.ts), long before
 * the store is open. Connections that come meanwhile are kept open, and not read yet.
 *
 * A process has a limited number of file descriptors, and without a free one its disk fails too. So there is a fixed
 * number of places for connections. A connection over which no key has been shown gives its place to a new one, the
 * oldest first, so that idle connections, however many, never keep a client out. A connection over which a key has been
 * shown keeps its place. If all places are kept, new connections are refused.
 */
import type { Socket } from 'node:net';
import { Observable } from 'rxjs';
import type { Connection } from '../ports/connection.js';
import type { BoundSocket } from './bindSocket.js';
import { tcpConnection } from './tcpConnection.js';

export interface TcpServer {
  /**
   * Emits every connection, from the first one on: those that came before the subscription as well, and those that came
   * since the last one was given up.
   */
  readonly connections$: Observable<Connection>;
  /** See Transport.trust. */
  trust(connection: Connection): void;
  /** Takes no more connections. */
  stopListening(): void;
  /** Ends every connection once what was written to it has been sent. */
  endAll(): void;
  readonly connectionCount: number;
  /** Number of connections that were refused or ended for want of a place. */
  readonly refusedCount: number;
}

/**
 * Takes over the bound socket.
 * @param placeCount The most connections at a time.
 * @param onRefused Called for each connection that is refused or ended for want of a place.
 */
export function tcpServer(bound: BoundSocket, placeCount: number, onRefused: () => void = () => undefined): TcpServer {
  const places = createPlaces(placeCount, onRefused);
  bound.takeOver(places.take);
  // From here on errors of the listening socket, for example a lack of descriptors, are ignored: it goes on listening.
  bound.server.on('error', () => undefined);
  return {
    connections$: places.connections$,
    trust: places.trust,
    stopListening: () => {
      bound.server.close();
    },
    endAll: () => {
      for (const connection of places.all()) connection.end();
    },
    get connectionCount() {
      return places.all().length;
    },
    get refusedCount() {
      return places.refusedCount();
    },
  };
}

function createPlaces(placeCount: number, onRefused: () => void) {
  /** In the order in which they came. */
  const strangers = new Set<Connection>();
  const trusted = new Set<Connection>();
  /** Connections that came before the subscription. Bounded by the places. */
  let early: Connection[] | null = [];
  let deliver: (connection: Connection) => void = (connection) => early?.push(connection);
  let refusedCount = 0;
  const refuse = (): void => {
    refusedCount += 1;
    onRefused();
  };

  /** Whether there is a place. If there is none, ends the oldest connection without a key to make one. */
  const makeRoom = (): boolean => {
    if (strangers.size + trusted.size < placeCount) return true;
    for (const oldest of strangers) {
      refuse();
      strangers.delete(oldest);
      oldest.destroy();
      return true;
    }
    return false;
  };

  const take = (socket: Socket): void => {
    if (!makeRoom()) {
      refuse();
      socket.resetAndDestroy();
      return;
    }
    const connection = tcpConnection(socket);
    strangers.add(connection);
    socket.once('close', () => {
      strangers.delete(connection);
      trusted.delete(connection);
      early = early?.filter((waiting) => waiting !== connection) ?? null;
    });
    deliver(connection);
  };

  return {
    take,
    trust: (connection: Connection): void => {
      if (strangers.delete(connection)) trusted.add(connection);
    },
    all: (): Connection[] => [...strangers, ...trusted],
    refusedCount: () => refusedCount,
    connections$: new Observable<Connection>((subscriber) => {
      deliver = (connection) => {
        subscriber.next(connection);
      };
      for (const connection of early ?? []) subscriber.next(connection);
      early = null;
      return () => {
        early = [];
        deliver = (connection) => early?.push(connection);
      };
    }),
  };
}
