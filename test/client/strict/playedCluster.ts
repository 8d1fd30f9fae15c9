/**
 * A cluster in virtual time that a client asks for its mode: each process answers OPEN as the test says, READ and WRITE
 * from a disk that all share, and PACK as a replica. Real bytes flow, tags included.
 */
import type { Observable } from 'rxjs';
import { VirtualAction, VirtualTimeScheduler, defer, map, throwError, timer } from 'rxjs';
import { CLIENT_TIMEOUTS_DEFAULT } from '../../../src/client/clientDefaults.js';
import type { ClusterDiskOptions } from '../../../src/client/clusterDisk.js';
import { ClusterDisk } from '../../../src/client/clusterDisk.js';
import type { SectorData } from '../../../src/core/sector.js';
import { createFrameDecoder } from '../../../src/wire/frame.js';
import { SERVER_MESSAGES } from '../../../src/wire/messageTypes.js';
import { serializeResponse } from '../../../src/wire/serialize.js';
import { SIZE_PACK_MAX } from '../../../src/wire/strict/layout.js';
import { serializeOpened } from '../../../src/wire/strict/openMessages.js';
import { Packer } from '../../../src/wire/strict/pack.js';
import type { Verdict } from '../../../src/wire/verdict.js';
import { judge } from '../../../src/wire/verdict.js';
import { MemoryReplica } from '../../coordinator/memoryReplica.js';
import { FakeConnection } from '../../helpers/fakeConnection.js';
import { tagger } from './virtualReplica.js';

export const SECTORS = 1_000;
const PROCESS_COUNT = 3;
const DIAL_MS = 1;

/** `foreign`: does not know OPEN. `silent`: takes everything in and answers nothing. */
export type PlayedMode = 'open' | 'strict' | 'foreign' | 'silent';

export class PlayedProcess {
  readonly replica: MemoryReplica;
  connections: PlayedConnection[] = [];
  /** READs and WRITEs of sectors of the disk. */
  requestCount = 0;
  packCount = 0;
  /** READ and WRITE are taken in and not answered yet. */
  isHolding = false;
  held: (() => void)[] = [];

  constructor(
    readonly rank: number,
    public mode: PlayedMode,
  ) {
    this.replica = new MemoryReplica(rank, PROCESS_COUNT);
  }

  /** It ends and starts again with that mode. */
  restart(mode: PlayedMode): void {
    this.mode = mode;
    for (const connection of this.connections.splice(0)) connection.endReading();
  }
}

class PlayedConnection extends FakeConnection {
  readonly #decoder = createFrameDecoder(SERVER_MESSAGES, () => SIZE_PACK_MAX);

  constructor(
    private readonly process: PlayedProcess,
    private readonly disk: Map<number, SectorData>,
    private readonly scheduler: VirtualTimeScheduler,
  ) {
    super('virtual', scheduler);
  }

  override write(chunks: readonly Uint8Array[]): void {
    super.write(chunks);
    if (this.process.mode === 'silent') return;
    const { rank } = this.process;
    const options = {
      ...{ self: rank, processCount: PROCESS_COUNT, sectors: SECTORS },
      ...{ clientTagger: tagger, systemTagger: tagger },
    };
    for (const { type, bytes } of chunks.flatMap((chunk) => this.#decoder.push(Uint8Array.from(chunk)))) {
      const verdict = judge({ frame: bytes, message: type.parse(bytes) }, options);
      this.scheduler.schedule(() => {
        this.#handle(verdict);
      });
    }
  }

  override end(): void {
    super.end();
    this.endReading();
    this.process.connections = this.process.connections.filter((other) => other !== this);
  }

  #handle(verdict: Verdict): void {
    const { process } = this;
    if (verdict.kind === 'open') {
      const { mode, rank } = process;
      if (mode !== 'open' && mode !== 'strict') return;
      const opened = { rank, echo: verdict.open.token, version: 1, mode, processCount: PROCESS_COUNT } as const;
      const told = { memberState: 'member', sectors: SECTORS, incarnations: process.replica.incarnations } as const;
      this.receive(serializeOpened({ ...opened, ...told }, tagger));
    } else if (verdict.kind === 'pack' && verdict.content.kind === 'requests') {
      process.packCount += 1;
      const answers = verdict.content.requests.flatMap(({ number, request }) => {
        const answer = process.replica.handle(request);
        return answer === null ? [] : [{ number, range: request.range, answer }];
      });
      const packs = new Packer(process.rank, tagger).packAnswers(process.replica.incarnations, answers);
      for (const pack of packs) this.receive(pack);
    } else if (verdict.kind === 'refused') {
      this.receive(serializeResponse(verdict.response, tagger));
    } else if (verdict.kind === 'request') {
      process.requestCount += 1;
      const { requestNumber, sector, ...request } = verdict.request;
      const answer = (): void => {
        if (request.kind === 'write') this.disk.set(sector, Uint8Array.from(request.data));
        const data = request.kind === 'read' ? (this.disk.get(sector) ?? new Uint8Array(4_096)) : null;
        const response = { request: request.kind, status: 'ok', requestNumber, data } as const;
        this.receive(serializeResponse(response, tagger));
      };
      if (process.isHolding) process.held.push(answer);
      else answer();
    }
  }
}

export class PlayedCluster {
  readonly processes: readonly PlayedProcess[];
  readonly disk: ClusterDisk;
  readonly warnings: string[] = [];
  /** Ranks that refuse connections. */
  readonly refusing = new Set<number>();
  hasStopped = false;
  readonly #scheduler = new VirtualTimeScheduler(VirtualAction, 0);
  readonly #sectors = new Map<number, SectorData>();

  constructor(modes: readonly PlayedMode[], { timeouts, ...options }: Partial<ClusterDiskOptions> = {}) {
    const scheduler = this.#scheduler;
    this.processes = modes.map((mode, index) => new PlayedProcess(index + 1, mode));
    let drawn = 0;
    const ignore = (): void => undefined;
    this.disk = new ClusterDisk(
      {
        ...{ processCount: PROCESS_COUNT, slots: [1, 2, 3], outstandingPerConnection: 64, windowSectors: 256, tagger },
        ...options,
        timeouts: { ...CLIENT_TIMEOUTS_DEFAULT, ...timeouts },
      },
      {
        dial: (rank) => this.#dial(rank),
        schedulers: { clock: scheduler, turn: scheduler },
        random: {
          fraction: () => 0,
          operationId: () => {
            drawn += 1;
            return `drawn number ${String(drawn).padStart(3, '0')}`;
          },
        },
        log: {
          ...{ debugEnabled: false, debug: ignore, info: ignore, error: ignore },
          warn: (message) => this.warnings.push(message),
        },
      },
    );
    this.disk.run$.subscribe({
      complete: () => {
        this.hasStopped = true;
      },
    });
  }

  /** Lets virtual time pass; what is due by then happens. */
  advance(ms: number): void {
    const until = this.#scheduler.frame + ms;
    this.#scheduler.schedule(() => undefined, ms);
    this.#scheduler.maxFrames = until;
    this.#scheduler.flush();
  }

  /** Subscribes, and notes what comes: values, then '|' or the code and the text of the error. */
  watch<T>(source$: Observable<T>): unknown[] {
    const seen: unknown[] = [];
    source$.subscribe({
      next: (value) => seen.push(value),
      error: (error: { readonly code: string; readonly message: string }) => seen.push(error.code, error.message),
      complete: () => seen.push('|'),
    });
    return seen;
  }

  #dial(rank: number): Observable<PlayedConnection> {
    return defer(() => {
      if (this.refusing.has(rank)) return throwError(() => new Error('refused'));
      return timer(DIAL_MS, this.#scheduler).pipe(
        map(() => {
          const process = this.processes[rank - 1];
          const connection = new PlayedConnection(process, this.#sectors, this.#scheduler);
          process.connections.push(connection);
          return connection;
        }),
      );
    });
  }
}
