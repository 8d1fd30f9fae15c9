/** A router and the connections of its workers, joined in one thread; and sockets that are none. */
import { of } from 'rxjs';
import type { SchedulerLike } from 'rxjs';
import { VirtualTimeScheduler } from 'rxjs';
import type { Connection } from '../../src/ports/connection.js';
import type { Log } from '../../src/ports/log.js';
import { ConnectionRouter } from '../../src/workers/connectionRouter.js';
import type { ConnectionRouterOptions } from '../../src/workers/connectionRouter.js';
import { VirtualConnections } from '../../src/workers/virtualConnections.js';
import { createTagger } from '../../src/wire/tag.js';
import { FakeConnection } from '../helpers/fakeConnection.js';
import { CLIENT_KEY, SYSTEM_KEY } from '../wire/messages.js';

export const clientTagger = createTagger(CLIENT_KEY);
export const systemTagger = createTagger(SYSTEM_KEY);

/** A connection as a worker has it, and what came by it. */
export interface Seen {
  readonly connection: Connection;
  readonly chunks: Uint8Array[];
  hasEnded: boolean;
  isClosed: boolean;
}

export interface Threads {
  readonly router: ConnectionRouter;
  /** By shard, in the order in which they were opened. */
  readonly seen: readonly Seen[][];
  readonly trusted: Connection[];
  readonly warnings: string[];
  /** Lets everything that is due happen. */
  readonly settle: () => Promise<void>;
  readonly accept: () => FakeConnection;
}

/** @param take What a worker does with a connection that it is told of. */
export function joinThreads(
  shardCount: number,
  more: Partial<ConnectionRouterOptions> = {},
  take: (connection: Connection) => Seen = watch,
): Threads {
  const turn = new VirtualTimeScheduler();
  const scheduler: SchedulerLike = turn;
  const trusted: Connection[] = [];
  const warnings: string[] = [];
  const quiet = (): void => undefined;
  const log: Log = {
    debugEnabled: false,
    debug: quiet,
    info: quiet,
    warn: (message) => warnings.push(message),
    error: quiet,
  };
  const workers: VirtualConnections[] = [];
  const router = new ConnectionRouter({
    rank: 1,
    processCount: 3,
    shardCount,
    clientTagger,
    systemTagger,
    windowBytes: 65_536,
    clientBufferBytes: 1_000,
    inquiriesPerConnection: 2,
    post: (shard, batch) => {
      workers[shard].take(structuredClone(batch, { transfer: [batch.memory] }));
    },
    inquire: (inquiry) => of(`"${inquiry}"`),
    trust: (connection) => trusted.push(connection),
    turn: scheduler,
    log,
    failed: (error) => {
      throw error instanceof Error ? error : new Error(String(error));
    },
    ...more,
  });
  const seen = Array.from({ length: shardCount }, (_, shard): Seen[] => {
    const worker = new VirtualConnections({
      post: (batch) => {
        router.take(shard, structuredClone(batch, { transfer: [batch.memory] }));
      },
      turn: scheduler,
      soon: scheduler,
    });
    workers.push(worker);
    const list: Seen[] = [];
    worker.connections$.subscribe((connection) => {
      list.push(take(connection));
    });
    return list;
  });
  return {
    router,
    seen,
    trusted,
    warnings,
    settle: async () => {
      for (let round = 0; round < 6; round += 1) {
        turn.flush();
        await Promise.resolve();
      }
    },
    accept: () => {
      const socket = new FakeConnection('a test', scheduler);
      router.accept(socket);
      return socket;
    },
  };
}

/** Nobody reads from it yet. */
export function unwatched(connection: Connection): Seen {
  return { connection, chunks: [], hasEnded: false, isClosed: false };
}

function watch(connection: Connection): Seen {
  const one = unwatched(connection);
  connection.closed$.subscribe({ complete: () => (one.isClosed = true) });
  connection.bytes$.subscribe({
    next: (chunk) => one.chunks.push(chunk),
    complete: () => (one.hasEnded = true),
  });
  return one;
}
