/**
 * A worker of a process, without the thread that it runs in: its connections, its log, and its answers to the main
 * thread (workerGroup.ts). It dials the peers itself. The main thread passes on the connections that others open.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { EMPTY, concat, defer, tap } from 'rxjs';
import type { Inquiry } from '../core/membership/memberMessage.js';
import type { Rank } from '../core/rank.js';
import type { Shard } from '../core/shard.js';
import type { Connection, Transport } from '../ports/connection.js';
import type { Log, LogFields } from '../ports/log.js';
import { serializeShard } from '../wire/shardMessage.js';
import type { Tagger } from '../wire/tag.js';
import type { StatusReport } from '../../streams/pipelines/status/statusReport.js';
import { VirtualConnections } from './virtualConnections.js';
import type { VirtualConnectionsStats } from './virtualConnections.js';
import type { FromWorker, ToWorker } from './workerMessages.js';
import { failureOf } from './workerMessages.js';

/** The part of a running process that a worker uses: see startProcess. */
export interface ShardProcess {
  readonly failure$: Observable<never>;
  readonly ready$: Observable<never>;
  inquire(inquiry: Inquiry): StatusReport;
  close(): Observable<never>;
}

/** The store of the shard, open. */
export interface ShardStore {
  stats(): { readonly writtenCount: number };
  close(): Observable<never>;
}

export interface WorkerOptions {
  readonly rank: Rank;
  readonly shard: Shard;
  readonly systemTagger: Tagger;
  readonly store: ShardStore;
  /** Opens a connection to the process of that rank: see Transport. */
  readonly dial: (rank: Rank) => Observable<Connection>;
  /** Starts the process that keeps the sectors of the shard. */
  readonly start: (transport: Transport) => ShardProcess;
  /** To the main thread, together with the memory that memoryOf names. */
  readonly post: (message: FromWorker) => void;
  readonly log: WorkerLog;
  readonly turn: SchedulerLike;
  /** The end of the current callback: asapScheduler where time is real. */
  readonly soon: SchedulerLike;
}

export interface Worker {
  /** From the main thread. */
  receive(message: ToWorker): void;
  stats(): VirtualConnectionsStats;
}

export function startWorker(options: WorkerOptions): Worker {
  const { store, post, log, turn, soon } = options;
  const connections = new VirtualConnections({
    post: (batch) => {
      post({ kind: 'batch', batch });
    },
    turn,
    soon,
  });
  const running = options.start(transportOf(options, connections));
  const error = (reason: unknown): void => {
    post(failureOf(reason));
  };
  running.failure$.subscribe({ error });
  const sectors = store.stats().writtenCount;
  running.ready$.subscribe({
    error,
    complete: () => {
      // Before that nobody would accept connections.
      post({ kind: 'ready', sectors });
    },
  });
  const told = (message: FromWorker): Observable<never> =>
    defer(() => {
      post(message);
      return EMPTY;
    });
  const close = (): void => {
    const written$ = running.close().pipe(
      tap({
        complete: () => {
          connections.flush();
        },
      }),
    );
    concat(written$, told({ kind: 'finished' }), store.close(), told({ kind: 'closed' })).subscribe({ error });
  };
  return {
    receive: (message) => {
      switch (message.kind) {
        case 'batch':
          connections.take(message.batch);
          break;
        case 'inquire':
          post({ kind: 'report', number: message.number, report: running.inquire(message.inquiry) });
          break;
        case 'debug':
          log.setDebug(message.isEnabled);
          break;
        case 'close':
          close();
          break;
      }
    },
    stats: () => connections.stats(),
  };
}

function transportOf({ rank, shard, systemTagger, dial }: WorkerOptions, connections: VirtualConnections): Transport {
  const declaration = serializeShard(rank, shard, systemTagger);
  return {
    connections$: connections.connections$,
    dial: (peer) =>
      dial(peer).pipe(
        // Before all else: see connectionRouter.ts.
        tap((connection) => {
          connection.write([declaration]);
        }),
      ),
    trust: (connection) => {
      connections.trust(connection);
    },
  };
}

export interface WorkerLog extends Log {
  setDebug(isEnabled: boolean): void;
}

/** Sends log lines to the main thread, which writes them: so the last lines before an end are not lost. */
export function workerLog(post: (message: FromWorker) => void, debugAtFirst: boolean): WorkerLog {
  let debugEnabled = debugAtFirst;
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}): void => {
      post({ kind: 'log', level, message, fields });
    };
  return {
    get debugEnabled() {
      return debugEnabled;
    },
    setDebug: (isEnabled) => {
      debugEnabled = isEnabled;
    },
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}
