/** The gateway in virtual time: a disk that answers when the test says, connections of its own. */
import test from 'ava';
import type { Observable } from 'rxjs';
import { EMPTY, Subject, concat, concatMap, defer, delay, of, throwError } from 'rxjs';
import { VirtualAction, VirtualTimeScheduler } from 'rxjs';
import { AssertionFailure } from '../../src/core/assert.js';
import type { SectorRun } from '../../src/core/sectorMap.js';
import { AtomicDiskError } from '../../src/errors.js';
import type { NbdExport } from '../../src/nbd/nbdExport.js';
import type { Connection } from '../../src/ports/connection.js';
import type { Disk } from '../../src/ports/disk.js';
import { startGateway } from '../../src/startGateway.js';
import { FakeConnection } from '../helpers/fakeConnection.js';
import type { Chunk } from '../nbd/wire.js';
import { bytes, clientFlags, go, metaData, option, parseChunks, request } from '../nbd/wire.js';

const LATENCY_MS = 5;
const TRIM_MS = 100;
/** What it takes to be told what the disk knows. */
const MAP_MS = 1;
const EXPORTS: NbdExport[] = [
  { name: '', firstSector: 100, sectors: 16_384, isReadOnly: false },
  { name: 'fixed', firstSector: 0, sectors: 100, isReadOnly: true },
];

/** A disk in memory; every operation takes five milliseconds. Counts what is under way. */
class FakeDisk implements Disk {
  readonly sectors = new Map<number, Uint8Array>();
  underWay = 0;
  underWayMax = 0;
  begun = 0;
  writes = 0;
  failure: Error | null = null;
  /** Per sector, what has to be over before the next may begin: as the client library does. */
  private readonly tails = new Map<number, Observable<never>>();

  constructor(private readonly scheduler: VirtualTimeScheduler) {}

  read(sector: number): Observable<Uint8Array> {
    return this.operate(() => of(Uint8Array.from(this.at(sector))));
  }

  write(sector: number, data: Uint8Array): Observable<never> {
    const kept = Uint8Array.from(data);
    return this.operate(() => {
      this.writes += 1;
      this.sectors.set(sector, kept);
      return EMPTY;
    });
  }

  /** What it tells of itself without reading; the test says what. */
  known: (from: number, count: number) => readonly SectorRun[] = () => [];
  mapCount = 0;

  map(from: number, count: number): Observable<readonly SectorRun[]> {
    return defer(() => {
      this.mapCount += 1;
      return of(this.known(from, count)).pipe(delay(MAP_MS, this.scheduler));
    });
  }

  update(sector: number, change: (current: Uint8Array) => Uint8Array): Observable<never> {
    return defer(() => {
      const before$ = this.tails.get(sector) ?? EMPTY;
      const done = new Subject<never>();
      this.tails.set(sector, done);
      const own$ = this.read(sector).pipe(concatMap((data) => this.write(sector, change(data))));
      return concat(
        before$,
        own$,
        defer(() => {
          done.complete();
          return EMPTY;
        }),
      );
    });
  }

  at(sector: number): Uint8Array {
    return this.sectors.get(sector) ?? new Uint8Array(4096);
  }

  private operate<T>(effect: () => Observable<T>): Observable<T> {
    return defer(() => {
      this.begun += 1;
      this.underWay += 1;
      this.underWayMax = Math.max(this.underWayMax, this.underWay);
      const { failure } = this;
      return of(null).pipe(
        delay(LATENCY_MS, this.scheduler),
        concatMap(() => {
          this.underWay -= 1;
          return failure === null ? effect() : throwError(() => failure);
        }),
      );
    });
  }
}

class Client extends FakeConnection {
  get ended(): boolean {
    return this.calls.includes('end');
  }
  get destroyed(): boolean {
    return this.calls.includes('destroy');
  }
  say(...chunks: Uint8Array[]): void {
    for (const chunk of chunks) this.receive(chunk);
  }
  /** What has come since this was last asked. */
  take(): Buffer {
    return Buffer.concat(this.written.splice(0));
  }
}

function world() {
  const scheduler = new VirtualTimeScheduler(VirtualAction, Infinity);
  const disk = new FakeDisk(scheduler);
  const connections = new Subject<Connection>();
  const told: string[] = [];
  const gateway = startGateway(
    {
      exports: EXPORTS,
      disk,
      lingerMs: 100,
      limits: {
        requestBytes: 65_536,
        replyBytes: 10_000,
        windowSectors: 8,
        statusSectors: 4,
        handshakeMs: 1_000,
        trimMs: TRIM_MS,
      },
      observer: {
        negotiated: (_, negotiated) => told.push(`negotiated ${negotiated.export.name}`),
        ended: (_, reason) => told.push(reason),
        refused: (_, refusal) => told.push(refusal.error),
        failed: (_, { command }, error) => told.push(`${command} ${error.code}`),
      },
    },
    { connections$: connections, schedulers: { clock: scheduler, turn: scheduler } },
  );
  const ending: unknown[] = [];
  gateway.done$.subscribe({
    error: (error: unknown) => ending.push(error),
    complete: () => ending.push('done'),
  });
  const advance = (ms: number): void => {
    scheduler.maxFrames = scheduler.frame + ms;
    scheduler.schedule(() => undefined, ms);
    scheduler.flush();
  };
  const connect = (): Client => {
    const client = new Client('test', scheduler);
    connections.next(client);
    return client;
  };
  /** A connection that is through the handshake, with structured replies. */
  const attach = (name = ''): Client => {
    const client = connect();
    client.say(clientFlags(3), option(8), option(10, metaData(name, 'base:allocation')), go(name));
    advance(0);
    client.take();
    return client;
  };
  return { disk, gateway, ending, told, advance, connect, attach, scheduler };
}

const errorOf = ({ data }: Chunk): number => data.readUInt32BE();
const READ = 0;
const WRITE = 1;

test('what is written is read, at the sectors of the export', (t) => {
  const { disk, attach, advance } = world();
  const client = attach();
  const data = Buffer.alloc(8192, 'ab');
  client.say(request({ type: WRITE, cookie: 1n, offset: 4096, data }));
  advance(LATENCY_MS);
  t.like(parseChunks(client.take())[0], { type: 0, cookie: 1n, isLast: true });
  t.deepEqual([...disk.sectors.keys()], [101, 102]);
  client.say(request({ type: READ, cookie: 2n, offset: 4000, length: 8192 }));
  advance(LATENCY_MS);
  const [chunk] = parseChunks(client.take());
  const expected = Buffer.concat([Buffer.alloc(96), data.subarray(0, 8096)]);
  t.deepEqual(chunk.data.subarray(8), expected);
});

test('parts of a sector written side by side, over two connections, are all kept', (t) => {
  const { disk, attach, advance } = world();
  const clients = [attach(), attach()];
  for (let part = 0; part < 8; part += 1) {
    const data = Buffer.alloc(512, part + 1);
    clients[part % 2].say(request({ type: WRITE, offset: part * 512, data }));
  }
  advance(1_000);
  const expected = Array.from({ length: 8 }, (_, part) => Buffer.alloc(512, part + 1));
  t.deepEqual(Buffer.from(disk.at(100)), Buffer.concat(expected));
});

test('replies come as the disk is done, in any order', (t) => {
  const { attach, advance } = world();
  const client = attach();
  client.say(request({ type: WRITE, cookie: 1n, offset: 1, data: Buffer.alloc(1) }));
  client.say(request({ type: READ, cookie: 2n, offset: 40_960, length: 10 }));
  client.say(request({ type: 3, cookie: 3n }));
  advance(100);
  t.deepEqual(
    parseChunks(client.take()).map(({ cookie }) => cookie),
    [3n, 2n, 1n],
  );
});

test('zeroes: whole sectors and parts; TRIM leaves parts alone', (t) => {
  const { disk, attach, advance } = world();
  const client = attach();
  for (const sector of [100, 101, 102]) disk.sectors.set(sector, new Uint8Array(4096).fill(7));
  client.say(request({ type: 4, offset: 10, length: 8192 }));
  advance(100);
  t.deepEqual(
    [100, 101, 102].map((sector) => disk.at(sector)[20]),
    [7, 0, 7],
  );
  client.say(request({ type: 6, offset: 10, length: 8192 }));
  advance(100);
  t.deepEqual(
    [100, 102].map((sector) => disk.at(sector).indexOf(0)),
    [10, 0],
  );
  t.is(disk.at(102).indexOf(7), 10);
});

test('what is zeros already is not written, whichever command asks for zeros', (t) => {
  for (const type of [4, 6]) {
    const { disk, attach, advance } = world();
    const client = attach();
    disk.sectors.set(101, new Uint8Array(4096).fill(7));
    disk.sectors.set(102, new Uint8Array(4096));
    disk.sectors.set(
      103,
      Uint8Array.from({ length: 4096 }, (_, index) => (index < 4095 ? 0 : 1)),
    );
    client.say(request({ type, cookie: 3n, offset: 0, length: 16 * 4096 }));
    advance(100);
    t.is(parseChunks(client.take())[0]?.cookie, 3n);
    t.is(disk.writes, 2);
    t.true([101, 102, 103].every((sector) => disk.at(sector).every((byte) => byte === 0)));
  }
});

test('a TRIM begins nothing more after its time, and is answered; WRITE_ZEROES goes on', (t) => {
  const { disk, attach, advance } = world();
  const [first, second] = [attach(), attach()];
  // One is under way, the others wait: their time has begun, too.
  for (const cookie of [1n, 2n, 3n]) {
    first.say(request({ type: 4, cookie, length: 16_384 * 4096 }));
  }
  advance(TRIM_MS - 1);
  const begun = disk.begun;
  t.true(begun >= 8 * (TRIM_MS / LATENCY_MS - 1), `${begun} sectors`);
  t.is(first.take().length, 0);
  advance(LATENCY_MS);
  t.is(disk.begun, begun);
  t.is(disk.underWay, 0);
  const replies = parseChunks(first.take());
  t.deepEqual(replies.map(({ cookie }) => cookie).sort(), [1n, 2n, 3n]);
  t.true(replies.every(({ type }) => type === 0));
  second.say(request({ type: 6, cookie: 4n, length: 16_384 * 4096 }));
  advance(20_000);
  t.is(disk.begun, begun + 16_384);
  t.is(parseChunks(second.take())[0]?.cookie, 4n);
});

test('a request for zeroes as long as can be goes through in pieces', (t) => {
  const { disk, attach, advance } = world();
  const client = attach();
  client.say(request({ type: 6, offset: 0, length: 16_384 * 4096 }));
  advance(MAP_MS);
  t.is(disk.underWay, 8);
  advance(16_384 * LATENCY_MS);
  t.is(disk.begun, 16_384);
  t.like(parseChunks(client.take())[0], { type: 0 });
});

test('block status looks at so many sectors and no further', (t) => {
  const { disk, attach, advance } = world();
  disk.sectors.set(101, new Uint8Array(4096).fill(1));
  const client = attach();
  client.say(request({ type: 7, offset: 100, length: 65_536 }));
  advance(100);
  const [chunk] = parseChunks(client.take());
  const told = bytes([4, 1], [4, 3996], [4, 3], [4, 4096], [4, 0], [4, 8192], [4, 3]);
  t.is(disk.begun, 4);
  t.deepEqual(chunk.data, told);
});

test('a read-only export refuses to be written', (t) => {
  const { attach, advance, disk } = world();
  const client = attach('fixed');
  client.say(request({ type: WRITE, data: Buffer.alloc(5) }));
  advance(0);
  t.is(errorOf(parseChunks(client.take())[0]), 1);
  t.is(disk.begun, 0);
});

test('a failure of the disk is an EIO of that request, and nothing else suffers', (t) => {
  const { attach, advance, disk, told } = world();
  const client = attach();
  disk.failure = new AtomicDiskError('ATDD_TIMEOUT', 'no majority');
  client.say(request({ type: READ, cookie: 1n, length: 40_960 }));
  advance(100);
  disk.failure = null;
  client.say(request({ type: READ, cookie: 2n, length: 4096 }));
  advance(100);
  const [failed, done] = parseChunks(client.take());
  t.deepEqual([failed.type, failed.cookie, errorOf(failed)], [32_769, 1n, 5]);
  t.deepEqual([done.type, done.cookie], [2, 2n]);
  t.true(told.includes('READ ATDD_TIMEOUT'));
});

test('a broken invariant ends the gateway', (t) => {
  const { attach, advance, disk, ending } = world();
  disk.failure = new AssertionFailure('broken');
  attach().say(request({ type: READ, length: 4096 }));
  advance(100);
  t.deepEqual(ending, [disk.failure]);
});

test('a client that floods is paused, and its work stays bounded', (t) => {
  const { attach, advance, disk } = world();
  const client = attach();
  const flood = Array.from({ length: 100 }, (_, count) =>
    request({ type: READ, cookie: BigInt(count), length: 32_768 }),
  );
  client.say(Buffer.concat(flood));
  t.true(client.isPaused);
  advance(0);
  // Two requests of 32 KiB fit into the bound of 64 KiB; each has eight sectors under way.
  t.is(disk.underWay, 16);
  advance(10_000);
  t.false(client.isPaused);
  t.is(disk.underWayMax, 16);
  t.is(disk.begun, 800);
});

for (const [name, type] of [
  ['TRIM', 4],
  ['WRITE_ZEROES', 6],
  ['BLOCK_STATUS', 7],
] as const) {
  test(`a flood of ${name} is bounded by what they have under way`, (t) => {
    const { attach, advance, disk } = world();
    const client = attach();
    const flood = Array.from({ length: 100 }, () => request({ type, length: 16_384 * 4_096 }));
    client.say(Buffer.concat(flood));
    t.true(client.isPaused);
    advance(MAP_MS);
    // Each has at most eight sectors under way, and costs as much as those.
    t.true(disk.underWay <= 16, `${disk.underWay} sectors at once`);
    t.true(disk.underWay >= 8);
  });
}

test('a short TRIM costs no more than what it is about', (t) => {
  const { attach, advance, disk } = world();
  const client = attach();
  for (let count = 0; count < 16; count += 1) {
    client.say(request({ type: 4, offset: count * 4_096, length: 4_096 }));
  }
  t.false(client.isPaused);
  advance(MAP_MS);
  t.is(disk.underWay, 8);
  advance(100);
  t.is(disk.begun, 16);
  t.is(parseChunks(client.take()).length, 16);
});

for (const type of [4, 6]) {
  const name = type === 4 ? 'TRIMs' : 'WRITE_ZEROES';
  test(`reads and writes do not wait for ${name} of the same connection, however many`, (t) => {
    const { disk, attach, advance } = world();
    const client = attach();
    for (let count = 0; count < 12; count += 1) {
      client.say(request({ type, cookie: BigInt(count), length: 16_384 * 4096 }));
    }
    advance(20);
    const data = Buffer.alloc(4096, 7);
    client.say(request({ type: READ, cookie: 100n, length: 4096 }));
    client.say(request({ type: WRITE, cookie: 101n, offset: 16_383 * 4096, data }));
    t.false(client.isPaused);
    advance(LATENCY_MS);
    const replies = parseChunks(client.take());
    t.deepEqual(replies.map(({ cookie }) => cookie).sort(), [100n, 101n]);
    t.true(disk.underWay > 0);
  });
}

test('all that waits when its time is over is answered at once, first come or last', (t) => {
  const { attach, advance, disk } = world();
  const client = attach();
  for (let count = 0; count < 12; count += 1) {
    client.say(request({ type: 4, cookie: BigInt(count), length: 16_384 * 4096 }));
  }
  advance(TRIM_MS + LATENCY_MS);
  t.is(parseChunks(client.take()).length, 12);
  t.is(disk.underWay, 0);
});

test('what the map says is zeros is neither read nor written, what is data is not read', (t) => {
  for (const type of [4, 6]) {
    const { disk, attach, advance } = world();
    const client = attach();
    // 1000 sectors of zeros, 2 of data, 3 of which it takes a read to tell, and so on to the end.
    disk.known = (from, count) => {
      const runs: SectorRun[] = [];
      const end = from + count;
      for (let at = from; at < end;) {
        const into = (at - 100) % 1_005;
        const kind = into < 1_000 ? 'zeros' : into < 1_002 ? 'data' : 'unknown';
        const sectors = (kind === 'zeros' ? 1_000 : kind === 'data' ? 1_002 : 1_005) - into;
        runs.push({ sectors: Math.min(sectors, end - at), kind });
        at += sectors;
      }
      return runs;
    };
    client.say(request({ type, cookie: 9n, offset: 0, length: 10_050 * 4096 }));
    advance(TRIM_MS - 1);
    t.is(parseChunks(client.take())[0]?.cookie, 9n);
    t.is(disk.writes, 20);
    t.is(disk.begun, 50);
    t.is(disk.mapCount, 1);
  }
});

test('the status of what the map tells takes no read, to the end of the request', (t) => {
  const { disk, attach, advance } = world();
  const client = attach();
  disk.known = () => [
    { sectors: 10, kind: 'zeros' },
    { sectors: 10, kind: 'data' },
    { sectors: 2, kind: 'unknown' },
    { sectors: 9_978, kind: 'zeros' },
  ];
  disk.sectors.set(121, new Uint8Array(4096).fill(1));
  client.say(request({ type: 7, offset: 100, length: 10_000 * 4096 - 100 }));
  advance(100);
  const [chunk] = parseChunks(client.take());
  const told = bytes(
    ...([
      [4, 1],
      [4, 10 * 4096 - 100],
      [4, 3],
      [4, 10 * 4096],
      [4, 0],
    ] as const),
    ...([
      [4, 4096],
      [4, 3],
      [4, 4096],
      [4, 0],
      [4, 9_978 * 4096],
      [4, 3],
    ] as const),
  );
  t.deepEqual(chunk.data, told);
  t.is(disk.begun, 2);
});

test('WRITE_ZEROES at any place clears that and nothing else', (t) => {
  for (const [offset, length] of [
    [0, 1],
    [0, 4096],
    [1, 4094],
    [1, 4095],
    [4095, 2],
    [4096, 4097],
    [100, 12_000],
    [0, 12_288],
    [4_000, 0],
  ]) {
    const { disk, attach, advance } = world();
    for (let sector = 100; sector < 104; sector += 1) {
      disk.sectors.set(sector, new Uint8Array(4096).fill(7));
    }
    attach().say(request({ type: 6, offset, length }));
    advance(100);
    const seen = Buffer.concat([100, 101, 102, 103].map((sector) => disk.at(sector)));
    const expected = Buffer.alloc(4 * 4096, 7).fill(0, offset, offset + length);
    t.true(seen.equals(expected), `${length} bytes at ${offset}`);
  }
});

test('for a client that does not read its replies nothing is begun', (t) => {
  const { attach, advance, disk } = world();
  const client = attach();
  client.bufferedBytes = 10_001;
  client.say(request({ type: READ, length: 4096 }), request({ type: READ, length: 4096 }));
  advance(1_000);
  t.true(client.isPaused);
  t.is(disk.begun, 0);
  client.drain();
  advance(1_000);
  t.false(client.isPaused);
  t.is(disk.begun, 2);
});

test('one that is slow, dead or hostile does not hold up the others', (t) => {
  const { attach, connect, advance } = world();
  const stuck = attach();
  stuck.bufferedBytes = 10_001;
  stuck.say(request({ type: READ, length: 4096 }));
  connect().say(Buffer.alloc(1_000, 0xff));
  const client = attach();
  client.say(request({ type: READ, length: 4096 }));
  advance(LATENCY_MS);
  t.is(parseChunks(client.take()).length, 1);
});

test('a handshake that is not finished in time ends; an idle client may stay', (t) => {
  const { connect, attach, advance, told } = world();
  const idle = attach();
  const late = connect();
  late.say(clientFlags(3).subarray(0, 2));
  advance(999);
  t.false(late.ended);
  advance(1);
  t.true(late.ended);
  t.true(told.includes('the handshake took too long'));
  t.false(late.destroyed);
  advance(100);
  t.true(late.destroyed, 'it did not let go');
  advance(100_000);
  t.false(idle.ended);
});

test('DISC: what was asked before is answered, then the connection ends', (t) => {
  const { attach, advance } = world();
  const client = attach();
  client.say(request({ type: READ, cookie: 4n, length: 4096 }), request({ type: 2 }));
  advance(0);
  t.false(client.ended);
  advance(LATENCY_MS);
  t.deepEqual(
    parseChunks(client.take()).map(({ cookie }) => cookie),
    [4n],
  );
  t.true(client.ended);
});

test('nonsense instead of a request ends the connection', (t) => {
  const { attach, advance, told } = world();
  const client = attach();
  client.say(Buffer.alloc(28, 0x41));
  advance(0);
  t.true(client.ended);
  t.true(told.includes('a request without its magic'));
});

test('stopping: what was asked is answered, what comes is not, and then it is over', (t) => {
  const { attach, advance, gateway, ending, connect } = world();
  const client = attach();
  client.say(request({ type: READ, cookie: 4n, length: 4096 }));
  gateway.stop();
  client.say(request({ type: READ, cookie: 5n, length: 4096 }));
  const newcomer = connect();
  advance(LATENCY_MS);
  t.deepEqual(
    parseChunks(client.take()).map(({ cookie }) => cookie),
    [4n],
  );
  t.true(client.ended);
  t.is(newcomer.written.length, 0);
  t.deepEqual(ending, []);
  client.destroy();
  advance(0);
  t.deepEqual(ending, ['done']);
});

test('bytes that end without a DISC: what waits or is under way is given up', (t) => {
  const { attach, advance, disk, told } = world();
  const [client, other] = [attach(), attach()];
  // Two requests are under way, eight sectors of each; the third waits.
  const asked = [1n, 2n, 3n].map((cookie) =>
    request({ type: WRITE, cookie, offset: Number(cookie) << 15, data: Buffer.alloc(32_768, 5) }),
  );
  client.say(...asked);
  other.say(request({ type: READ, cookie: 9n, length: 4096 }));
  advance(0);
  t.is(disk.begun, 17);
  client.endReading();
  advance(1_000);
  t.is(disk.begun, 17, 'it goes on');
  t.is(disk.sectors.size, 0);
  t.true(client.ended);
  t.is(client.take().length, 0);
  t.true(told.includes('the client is gone without a goodbye'));
  t.is(parseChunks(other.take())[0]?.cookie, 9n, 'another client has nothing to do with it');
});

test('after a DISC, and when the gateway stops, the end of the bytes gives nothing up', (t) => {
  for (const isStopped of [true, false]) {
    const { attach, advance, disk, gateway } = world();
    const client = attach();
    client.say(request({ type: WRITE, cookie: 4n, data: Buffer.alloc(65_536, 5) }));
    if (isStopped) gateway.stop();
    else client.say(request({ type: 2 }));
    advance(0);
    client.endReading();
    advance(1_000);
    t.is(disk.sectors.size, 16);
    t.is(parseChunks(client.take())[0]?.cookie, 4n);
    t.true(client.ended);
  }
});

test('who leaves before the handshake is over is not told of', (t) => {
  const { connect, advance, told } = world();
  const client = connect();
  client.endReading();
  advance(0);
  t.true(client.ended);
  t.deepEqual(told, []);
});

test('when the client is gone its work is given up', (t) => {
  const { attach, advance, disk } = world();
  const client = attach();
  client.say(request({ type: READ, length: 65_536 }));
  advance(0);
  client.destroy();
  advance(1_000);
  t.is(disk.begun, 8);
});
