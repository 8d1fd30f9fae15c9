/**
 * A strict cluster of real processes in virtual time, wired together in memory, with disks that keep what was flushed
 * over crashes. Whoever uses it plays the clients.
 */
import { Subject, VirtualAction, VirtualTimeScheduler, defer, of, throwError } from 'rxjs';
import { EMPTY } from 'rxjs';
import { STRICT_LIMITS } from '../../config/limits.js';
import type { StrictLimits } from '../../streams/pipelines/replica/strictLimits.js';
import type { ToldRun } from '../../src/core/sectorMap.js';
import type { ReplicaRequest } from '../../src/core/strict/replicaMessage.js';
import { STRICT_STAMP_INITIAL } from '../../src/core/strict/version.js';
import { STAMP_INITIAL } from '../../src/core/stamp.js';
import type { Connection } from '../../src/ports/connection.js';
import type { LogFields } from '../../src/ports/log.js';
import type { RunsRange, SectorStore } from '../../src/ports/store.js';
import type { RunningProcess } from '../../src/startProcess.js';
import { startProcess } from '../../src/startProcess.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { CLIENT_MESSAGES, PEER_MESSAGES } from '../../src/wire/messageTypes.js';
import { SIZE_PACK_MAX } from '../../src/wire/strict/layout.js';
import { FakeConnection } from '../helpers/fakeConnection.js';
import { serializeRequest } from '../../src/wire/serialize.js';
import { createTagger } from '../../src/wire/tag.js';
import type { StatusReport } from '../../streams/pipelines/status/statusReport.js';
import type { FakeCopy } from './strictFakes.js';
import { FakeNotes, FakeStrictStore, dataOf, taking, valueOf } from './strictFakes.js';
import { KEYS, LIMITS, REPAIR, TIMEOUTS, memoryNotes } from './virtualProcess.js';

const TAGGER = createTagger(KEYS.clientKey);
const MESSAGE_MS = 1;
const FLUSH_MS = 2;

/** One end of a connection in memory: what is written comes out of the other end. */
class End extends FakeConnection {
  other: End | null = null;
  /** Whether what is written arrives; asked when it is written. */
  isCut: () => boolean = () => false;
  /** Told of what is written. */
  onWritten: (bytes: Buffer) => void = () => undefined;

  constructor(
    remote: string,
    private readonly clock: VirtualTimeScheduler,
  ) {
    super(remote, clock);
  }

  override write(chunks: readonly Uint8Array[]): void {
    super.write(chunks);
    this.written.length = 0;
    for (const chunk of chunks) {
      const bytes = Buffer.from(chunk);
      this.onWritten(bytes);
      this.#carry((other) => {
        other.receive(bytes);
      });
    }
  }

  override end(): void {
    super.end();
    this.#carry((other) => {
      other.endReading();
    });
  }

  override destroy(): void {
    super.destroy();
    this.#carry((other) => {
      other.close();
    });
  }

  #carry(run: (other: End) => void): void {
    const { other } = this;
    if (other === null || this.isCut()) return;
    this.clock.schedule(() => {
      run(other);
    }, MESSAGE_MS);
  }
}

export interface Answered {
  readonly number: number;
  readonly request: 'read' | 'write';
  /** Of a READ: the value that the sector begins with. */
  readonly value: number | null;
}

/** A client of the base protocol. */
export class BaseClient {
  readonly answers: Answered[] = [];
  hasEnded = false;
  readonly #decoder = createFrameDecoder(CLIENT_MESSAGES, () => 65_536);

  constructor(readonly end: End) {
    end.bytes$.subscribe({
      next: (chunk) => {
        for (const { type, bytes } of this.#decoder.push(Buffer.from(chunk))) {
          const message = type.parse(bytes);
          if (message.family !== 'response') throw new Error(`a client got ${message.family}`);
          const { requestNumber, request, data } = message;
          this.answers.push({ number: Number(requestNumber), request, value: data === null ? null : valueOf(data) });
        }
      },
      complete: () => (this.hasEnded = true),
    });
  }

  read(number: number, sector: number): void {
    this.end.write([serializeRequest({ kind: 'read', requestNumber: BigInt(number), sector }, TAGGER)]);
  }

  write(number: number, sector: number, value: number): void {
    const request = { kind: 'write', requestNumber: BigInt(number), sector, data: dataOf(value) } as const;
    this.end.write([serializeRequest(request, TAGGER)]);
  }
}

interface Host {
  running: RunningProcess | null;
  accepted$: Subject<Connection>;
  store: FakeStrictStore;
  copies: ReadonlyMap<number, FakeCopy>;
  notes: FakeNotes;
  /** Of the present run. */
  ends: End[];
  /** Nothing that it sends arrives, nor anything that is sent to it. */
  isCut: boolean;
  /** How long a note takes to be durable. */
  noteMs: number;
}

export interface ClusterOptions {
  readonly processCount?: number;
  readonly sectors?: number;
  /** Active regions of each process at most. */
  readonly activeRegions?: number;
}

export class StrictCluster {
  readonly clock = new VirtualTimeScheduler(VirtualAction);
  readonly hosts: Host[];
  readonly failures: unknown[] = [];
  /** What the processes have logged as warnings. */
  readonly warnings: { readonly rank: number; readonly message: string; readonly fields: LogFields }[] = [];
  /** The kinds of the requests of processes to the replicas of others, in order. */
  readonly requests: ReplicaRequest['kind'][] = [];
  readonly #sectors: number;
  readonly #limits: StrictLimits;
  #ids = 0;

  constructor({ processCount = 3, sectors = 3_000, activeRegions = 1_024 }: ClusterOptions = {}) {
    this.#sectors = sectors;
    this.#limits = { ...STRICT_LIMITS, replica: { ...STRICT_LIMITS.replica, activeRegions } };
    this.hosts = Array.from({ length: processCount }, (_, index): Host => {
      const notes = new FakeNotes(
        taking(this.clock, () => FLUSH_MS),
        identityOf(index + 1),
      );
      const store = this.#newStore(new Map());
      return {
        running: null,
        accepted$: new Subject(),
        store,
        copies: new Map(),
        notes,
        ends: [],
        isCut: false,
        noteMs: FLUSH_MS,
      };
    });
    this.hosts.forEach((_, index) => {
      this.start(index + 1);
    });
    this.pass(3_000);
  }

  host(rank: number): Host {
    return this.hosts[rank - 1];
  }

  #newStore(copies: ReadonlyMap<number, FakeCopy>): FakeStrictStore {
    return new FakeStrictStore(
      taking(this.clock, () => FLUSH_MS),
      copies,
    );
  }

  /** Lets so many milliseconds pass. */
  pass(ms: number): void {
    this.clock.maxFrames = this.clock.frame + ms;
    this.clock.flush();
    this.clock.frame = this.clock.maxFrames;
  }

  start(rank: number): void {
    const { clock } = this;
    const host = this.host(rank);
    host.accepted$ = new Subject();
    host.ends = [];
    host.store = this.#newStore(host.copies);
    host.notes = new FakeNotes(
      taking(clock, () => host.noteMs),
      host.notes.durable,
    );
    const silent = () => undefined;
    const running = startProcess(
      {
        ...{ rank, processCount: this.hosts.length, sectors: this.#sectors, ...KEYS, isExtended: true },
        ...{ addresses: 'a'.repeat(16), isFounder: false, wasInUse: false, limits: LIMITS, repair: REPAIR },
        ...{ timeouts: TIMEOUTS, mode: 'strict', strictLimits: this.#limits },
      },
      {
        transport: {
          connections$: host.accepted$,
          dial: (to) =>
            defer(() => {
              const there = this.host(to);
              if (there.running === null || there.isCut || host.isCut) return throwError(() => new Error('refused'));
              return of(this.#join(rank, to));
            }),
          trust: silent,
        },
        store: { ...SECTOR_STORE, counts: () => host.store.counts(), runs: (range) => runsOf(host.store, range) },
        strictStore: host.store,
        notes: host.notes,
        schedulers: { clock, turn: clock },
        random: { operationId: () => this.#drawId(rank), fraction: () => (this.#ids % 7) / 7 },
        log: {
          ...{ debugEnabled: false, debug: silent, info: silent, error: silent },
          warn: (message, fields = {}) => {
            this.warnings.push({ rank, message, fields });
          },
        },
      },
    );
    host.running = running;
    running.failure$.subscribe({
      error: (error: unknown) => {
        this.failures.push(error);
      },
    });
  }

  #drawId(rank: number): string {
    this.#ids += 1;
    return `${rank} ${this.#ids}`.padEnd(16, '.');
  }

  /** @returns the end of `from`; 0: of a client. */
  #join(from: number, to: number): End {
    const near = new End(`process ${to}`, this.clock);
    const far = new End(from === 0 ? 'a client' : `process ${from}`, this.clock);
    near.other = far;
    far.other = near;
    near.isCut = far.isCut = () => this.host(to).isCut || (from !== 0 && this.host(from).isCut);
    this.host(to).ends.push(far);
    if (from !== 0) {
      this.host(from).ends.push(near);
      near.onWritten = this.#noteRequests();
    }
    this.clock.schedule(() => {
      this.host(to).accepted$.next(far);
    }, MESSAGE_MS);
    return near;
  }

  #noteRequests(): (bytes: Buffer) => void {
    const decoder = createFrameDecoder(PEER_MESSAGES, () => SIZE_PACK_MAX);
    const limits = { sectors: this.#sectors, processCount: this.hosts.length };
    return (written) => {
      for (const { type, bytes } of decoder.push(written)) {
        const message = type.parse(bytes);
        const content = message.family === 'pack' ? message.content(limits) : '';
        if (typeof content === 'string' || content.kind !== 'requests') continue;
        this.requests.push(...content.requests.map(({ request }) => request.kind));
      }
    };
  }

  client(rank: number): BaseClient {
    return new BaseClient(this.#join(0, rank));
  }

  /** A connection to the process, whose other side is the test. */
  connect(rank: number): End {
    return this.#join(0, rank);
  }

  /** The power of a host is cut: nothing that is not flushed is left. */
  crash(rank: number): void {
    const host = this.host(rank);
    host.copies = new Map(host.store.crash(() => false));
    host.notes.crash(false);
    // What the old run still does has no effect on what was kept, and reaches nobody.
    for (const end of host.ends) end.destroy();
    host.ends = [];
    host.running?.close().subscribe();
    host.running = null;
  }

  /** A new disk in the place of that of a host that is down. */
  loseDisk(rank: number): void {
    const host = this.host(rank);
    host.copies = new Map();
    host.notes = new FakeNotes(taking(this.clock, () => FLUSH_MS));
  }

  status(rank: number): StatusReport {
    const { running } = this.host(rank);
    if (running === null) throw new Error(`process ${rank} is down`);
    return running.inquire('status');
  }

  /** The values of a sector on all hosts. */
  values(sector: number): number[] {
    return this.hosts.map(({ store }) => valueOf(store.copies.get(sector)?.data ?? 'zeros'));
  }

  /** The stamps of a sector on all hosts, as text. */
  stamps(sector: number): string[] {
    return this.hosts.map(({ store }) => {
      const { counter, coordinator } = store.versionOf(sector).stamp;
      return `${counter} ${coordinator}`;
    });
  }
}

function identityOf(rank: number): ReadonlyMap<string, Uint8Array> {
  const initial = memoryNotes('member', 'strict').initial;
  const text = Buffer.from(initial.get('identity') ?? []).toString();
  const identity = { ...(JSON.parse(text) as object), storage: String(rank).repeat(32) };
  return new Map([['identity', Buffer.from(JSON.stringify(identity))]]);
}

/** What an index tells of its sectors, one by one. */
function runsOf({ copies, damaged }: FakeStrictStore, { from, end, runs: max }: RunsRange): ToldRun[] {
  const runs: ToldRun[] = [];
  for (let sector = from; sector < end && runs.length < max; sector += 1) {
    const { data, stamp } = copies.get(sector) ?? { data: 'zeros', stamp: STRICT_STAMP_INITIAL };
    const zeros = data === 'zeros' && !damaged.has(sector) ? stamp : null;
    const last = runs.at(-1);
    if (last?.zeros === zeros) runs[runs.length - 1] = { sectors: last.sectors + 1, zeros };
    else runs.push({ sectors: 1, zeros });
  }
  return runs;
}

/** The strict mode has its own store over the same disk. This one knows nothing. */
const SECTOR_STORE: SectorStore = {
  stampOf: () => STAMP_INITIAL,
  isDamaged: () => false,
  list: () => of([]),
  runs: () => [],
  counts: () => ({ written: 1, damaged: 0 }),
  load: () => of({ kind: 'sound', data: new Uint8Array(4096) }),
  put: () => EMPTY,
};
