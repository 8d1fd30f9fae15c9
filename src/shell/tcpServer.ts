/**
 * The connections that others open to a process. The socket is bound first thing after launch (bindSocket.ts), long
 * before the store is open: whoever connects meanwhile waits in an open connection that is not read from yet.
 *
 * Too many connections: a process has a limited number of file descriptors, and running out of them stops its disk too.
 * So there is a fixed number of places. Strangers (who have not shown a key yet) make room for newcomers, longest there
 * first, so that idle strangers, however many, never keep a client out; those who have shown a key keep their place,
 * and when they fill all, newcomers are refused.
 */
import type { Socket } from 'node:net';
import { Observable } from 'rxjs';
import type { Connection } from '../ports/connection.js';
import type { BoundSocket } from './bindSocket.js';
import { tcpConnection } from './tcpConnection.js';

export interface TcpServer {
  /** Every connection taken in, from the first on; those before the subscription wait. */
  readonly connections$: Observable<Connection>;
  /** See Transport.trust. */
  trust(connection: Connection): void;
  /** Takes in no more. */
  stopListening(): void;
  /** Ends every connection once what was written to it has been sent. */
  endAll(): void;
  readonly connectionCount: number;
  /** Newcomers and strangers that were let go for want of a place. */
  readonly refusedCount: number;
}

/**
 * Takes over the bound socket.
 * @param placeCount Connections taken in at once.
 * @param onRefused Told of each newcomer, and each stranger, that is let go for want of a place.
 */
export function tcpServer(bound: BoundSocket, placeCount: number, onRefused: () => void = () => undefined): TcpServer {
  const places = createPlaces(placeCount, onRefused);
  bound.takeOver(places.take);
  // From here on errors of the listening socket (out of descriptors, say) pass; it goes on.
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
  /** Taken in before anybody asked for them. Bounded by the places. */
  let early: Connection[] | null = [];
  let deliver: (connection: Connection) => void = (connection) => early?.push(connection);
  let refusedCount = 0;
  const refuse = (): void => {
    refusedCount += 1;
    onRefused();
  };

  /** Whether there is a place, if need be that of the stranger who has been here longest. */
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
        deliver = (connection) => {
          connection.destroy();
        };
      };
    }),
  };
}
