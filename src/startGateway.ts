/**
 * The composition root of the NBD gateway: puts it together from its ports. It knows no socket and no clock;
 * src/serve/serveGateway.ts gives it real ones.
 */
import type { Observable } from 'rxjs';
import { ReplaySubject, endWith, ignoreElements, mergeMap, takeUntil, tap, timer } from 'rxjs';
import { finalize } from 'rxjs';
import type { Connection } from './ports/connection.js';
import type { Schedulers } from './ports/schedulers.js';
import type { NbdOptions } from '../streams/pipelines/gateway/nbd.js';
import { nbdGateway } from '../streams/pipelines/gateway/nbd.js';

export interface GatewayOptions extends NbdOptions {
  /** How long a client may take to close a connection that the gateway has ended (milliseconds). */
  readonly lingerMs: number;
}

export interface GatewayPorts {
  readonly connections$: Observable<Connection>;
  readonly schedulers: Schedulers;
}

export interface Gateway {
  /**
   * Completes when the gateway was stopped and every request that it had taken is answered. Fails if an invariant is
   * broken: then the gateway must not be used any more.
   */
  readonly done$: Observable<never>;
  /** Takes no more connections and no more requests. */
  stop(): void;
}

export function startGateway(options: GatewayOptions, ports: GatewayPorts): Gateway {
  const { connections$, schedulers } = ports;
  const stopping = new ReplaySubject<void>(1);
  const done = new ReplaySubject<never>(1);
  const linger = (connection: Connection): Observable<unknown> =>
    timer(options.lingerMs, schedulers.clock).pipe(
      // After that time the connection is closed without waiting for the client.
      finalize(() => {
        connection.destroy();
      }),
      takeUntil(connection.closed$.pipe(endWith(null))),
    );
  nbdGateway(connections$, options, schedulers, stopping)
    .pipe(
      tap(({ connection, chunks, isLast }) => {
        connection.write(chunks);
        if (isLast) connection.end();
      }),
      mergeMap(({ connection, isLast }) => (isLast ? linger(connection) : [])),
      ignoreElements(),
    )
    .subscribe(done);
  return {
    done$: done.asObservable(),
    stop: () => {
      stopping.next();
    },
  };
}
