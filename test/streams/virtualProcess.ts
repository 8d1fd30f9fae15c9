/**
 * A process in virtual time: connections are subjects, the disk is a map, and whoever uses it plays its clients and the
 * other processes.
 */
import type { Observable } from 'rxjs';
import { EMPTY, Subject, VirtualAction, VirtualTimeScheduler } from 'rxjs';
import { map, of, take, throwError } from 'rxjs';
import { STRICT_LIMITS } from '../../config/limits.js';
import type { RegisterMode } from '../../src/core/membership/registerMode.js';
import type { MemberState } from '../../src/core/membership/identity.js';
import { STAMP_INITIAL } from '../../src/core/stamp.js';
import type { Connection } from '../../src/ports/connection.js';
import type { Notes } from '../../src/ports/notes.js';
import type { SectorStore } from '../../src/ports/store.js';
import type { StrictStore } from '../../src/ports/strictStore.js';
import type { ProcessOptions } from '../../src/startProcess.js';
import { startProcess } from '../../src/startProcess.js';
import { OFFSET_TYPE } from '../../src/wire/constants.js';
import type { Message } from '../helpers/bytes.js';
import { MessageReader } from '../helpers/bytes.js';
import { FakeConnection } from '../helpers/fakeConnection.js';
import { CLIENT_KEY, SYSTEM_KEY } from '../wire/messages.js';

export const KEYS = { clientKey: CLIENT_KEY, systemKey: SYSTEM_KEY };
export const LIMITS = {
  operations: 100,
  operationsPerConnection: 4,
  processMessagesPerConnection: 8,
  clientBufferBytes: 10_000,
  linkBufferBytes: 100_000,
  linkReplies: 16,
  stripes: 8,
  missedChunks: 4,
};
export const REPAIR = {
  missedMs: 200,
  answerMs: 1_000,
  lanesBusy: 2,
  lanesIdle: 4,
  scrubSectorsPerSecond: 0,
  scrubPauseMs: 10_000,
};
export const TIMEOUTS = {
  shutdownMs: 1_000,
  retransmitMs: 100,
  retransmitMsMax: 400,
  reconnectMs: 10,
  reconnectMsMax: 100,
  badTagPenaltyMs: 5,
  fullRetryMs: 50,
  linkSilentMs: 5_000,
  graceMs: 50,
  fetchMs: 20,
};

/** A connection of the process whose other side is the test, which understands what it is sent. */
export class TestConnection extends FakeConnection {
  /** The type byte of each message that the process sent, whatever it is. */
  readonly typesSent: number[] = [];
  private readonly decoder = new MessageReader(KEYS);
  private received: Message[] = [];

  override write(chunks: readonly Uint8Array[]): void {
    super.write(chunks);
    for (const chunk of chunks) {
      this.typesSent.push(chunk[OFFSET_TYPE]);
      for (const { message } of this.decoder.push(Buffer.from(chunk))) this.received.push(message);
    }
  }

  /** What has arrived at the other side since the last call. */
  take(): Message[] {
    const taken = this.received;
    this.received = [];
    this.written.length = 0;
    this.typesSent.length = 0;
    return taken;
  }
}

/** A disk in memory, with switches for "no room" and slow flushes, and sectors that rot. */
function memoryStore() {
  const held = new Map<number, { stamp: typeof STAMP_INITIAL; data: Uint8Array }>();
  const state = {
    isFull: false,
    putCount: 0,
    tryCount: 0,
    /** A put is over when this has emitted after it was begun. */
    flushed$: of(null) as Observable<unknown>,
  };
  /** Sectors that it cannot give back, and those of them that it knows of. */
  const rotten = new Set<number>();
  const found = new Set<number>();
  const store: SectorStore = {
    stampOf: (sector) => held.get(sector)?.stamp ?? STAMP_INITIAL,
    isDamaged: (sector) => found.has(sector),
    list: (from, limit) =>
      of(
        [...held]
          .map(([sector, { stamp }]) => ({ sector, stamp }))
          .filter(({ sector }) => sector >= from)
          .sort((a, b) => a.sector - b.sector)
          .slice(0, limit),
      ),
    runs: () => [],
    counts: () => ({ written: held.size, damaged: found.size }),
    load: (sector) => {
      if (rotten.has(sector)) {
        found.add(sector);
        return of({ kind: 'damaged' });
      }
      return of({ kind: 'sound', data: held.get(sector)?.data ?? new Uint8Array(4096) });
    },
    put: (sector, stamp, data) => {
      state.tryCount += 1;
      if (state.isFull) return of('full');
      return state.flushed$.pipe(
        take(1),
        map(() => {
          state.putCount += 1;
          held.set(sector, { stamp, data });
          rotten.delete(sector);
          found.delete(sector);
          return 'stored';
        }),
      );
    },
  };
  return { store, held, state, rotten };
}

/** A process that was in that member state before. */
export function memoryNotes(memberState: MemberState, members: RegisterMode = 'open'): Notes {
  const identity = { storage: '00'.repeat(16), incarnation: 0, standing: memberState, members };
  return {
    initial: new Map([['identity', Buffer.from(JSON.stringify(identity))]]),
    put: () => EMPTY,
  };
}

/** Process 1 of so many. */
export function startVirtual(
  processCount: number,
  onFailure: (error: unknown) => void,
  memberState: MemberState = 'member',
  isExtended = false,
  notes: Notes = memoryNotes(memberState),
  /** Makes it a process of the strict mode. */
  strictStore?: (clock: VirtualTimeScheduler) => StrictStore,
) {
  const clock = new VirtualTimeScheduler(VirtualAction);
  const accepted$ = new Subject<Connection>();
  const trusted: Connection[] = [];
  const dialled = new Map<number, TestConnection>();
  const refusing = new Set<number>();
  const disk = memoryStore();
  // The first is drawn at the start, then one for each connection: operations are counted from 1.
  let idCount = -processCount;
  const silent = () => undefined;
  const options: ProcessOptions = {
    rank: 1,
    processCount,
    sectors: 100,
    ...KEYS,
    isExtended,
    addresses: 'a'.repeat(16),
    isFounder: false,
    wasInUse: false,
    limits: LIMITS,
    repair: REPAIR,
    timeouts: TIMEOUTS,
    mode: strictStore === undefined ? 'open' : 'strict',
    strictLimits: STRICT_LIMITS,
  };
  const running = startProcess(options, {
    transport: {
      connections$: accepted$,
      dial: (rank) => {
        if (refusing.has(rank)) return throwError(() => new Error('refused'));
        const connection = new TestConnection('test', clock);
        dialled.set(rank, connection);
        return of(connection);
      },
      trust: (connection) => trusted.push(connection),
    },
    store: disk.store,
    ...(strictStore !== undefined && { strictStore: strictStore(clock) }),
    notes,
    schedulers: { clock, turn: clock },
    random: { operationId: () => String((idCount += 1)).padStart(16, '0'), fraction: () => 1 },
    log: { debugEnabled: false, debug: silent, info: silent, warn: silent, error: silent },
  });
  running.failure$.subscribe({ error: onFailure });
  /** Lets so many milliseconds pass. */
  const pass = (ms: number): void => {
    clock.maxFrames = clock.frame + ms;
    clock.flush();
    clock.frame = clock.maxFrames;
  };
  const accept = (connection: Connection): void => {
    accepted$.next(connection);
  };
  const connect = (): TestConnection => {
    const connection = new TestConnection('test', clock);
    accepted$.next(connection);
    return connection;
  };
  pass(0);
  return { running, disk, trusted, dialled, refusing, pass, connect, accept, clock };
}
