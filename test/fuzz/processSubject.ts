/**
 * A whole process in virtual time with hostile connections of every sort, some of which know the keys, while one client
 * works on sectors of its own. It gets its answers, and they are right; on the hostile connections each request is
 * answered once, as docs/wire-protocol.md says; and when they are gone nothing is left of them.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Message, ProcessMessage, RegisterValue } from '../helpers/bytes.js';
import type { ResponseMessage } from '../helpers/bytes.js';
import { processBytes, receiptBytes, requestBytes } from '../helpers/bytes.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import type { Dice } from '../helpers/seed.js';
import { decodeSlowly, judgeSlowly } from '../helpers/slowDecoder.js';
import { KEYS, TestConnection, startVirtual } from '../streams/virtualProcess.js';
import type { Experiment, Piece, Subject } from './experiment.js';
import { hostileStream } from './mutations.js';

export const processSubject: Subject = { name: 'process', weight: 2, make };

/** Connections that were opened to the process; behind them come those that it has dialled. */
const ACCEPTED_COUNT = 3;
const DIALLED_RANKS = [2, 3];
const LANE_COUNT = ACCEPTED_COUNT + DIALLED_RANKS.length;

/** Of the client that works: nothing hostile with a right tag is about them. */
const isGood = (sector: bigint): boolean => sector < GOOD_SECTORS;
const GOOD_SECTORS = 10n;
const SECTORS = 100n;
const HOSTILE_SECTORS = [50n, 51n, 52n, 58n, 99n, SECTORS, 2n ** 53n + 1n, 2n ** 64n - 1n];

function make(random: Dice): Experiment {
  const streams = Array.from({ length: random.between(1, 5) }, () => {
    const lane = random.below(LANE_COUNT);
    const pieces = hostileStream(random, {
      keys: KEYS,
      families: ['request', 'process', 'process', 'receipt'],
      ranks: [0, 1, 2, 2, 3, 3, 4, 255],
      requestSectors: HOSTILE_SECTORS,
      sectors: HOSTILE_SECTORS,
      requestNumbers: [0n, 1n, 2n, 2n ** 64n - 1n],
      // 2^63 - 1 is obeyed, and the timestamp after it refused by all: that sector hangs for good, which only a member
      // can bring about.
      timestamps: [0n, 1n, 2n, 2n ** 62n, 2n ** 63n, 2n ** 64n - 1n],
      ids: [1, 2, 3, 4, 5, 12].map(idNumber).concat(random.bytes(16).toString('hex')),
      operations: [1, 2, 3, 4, 5, 6].map((count) => ({
        id: idNumber(count),
        sector: BigInt(random.below(4)),
      })),
      maySign: isHarmless,
    });
    return pieces.flatMap((bytes) => cutSomewhere(bytes, random)).map((bytes) => ({ lane, bytes }));
  });
  // Side by side, each in its own order.
  const pieces: Piece[] = [];
  while (streams.some(({ length }) => length > 0)) {
    const next = random.pick(streams).shift();
    if (next !== undefined) pieces.push(next);
  }
  const pauses = pieces.map(() => random.pick([0, 0, 1, 7]));
  return { pieces, check: (given) => new World().endure(given, pauses) };
}

/** To those who behave: of others, or by nobody who is a member beside the process itself. */
function isHarmless(message: Message): boolean {
  if (!('sector' in message) || !isGood(message.sector)) return true;
  return message.family === 'process' && ![2, 3].includes(message.sender);
}

/** The ids that the virtual process gives its operations, in order. */
const idNumber = (count: number): string => Buffer.from(String(count).padStart(16, '0'), 'latin1').toString('hex');

function cutSomewhere(bytes: Buffer, random: Dice): Buffer[] {
  const at = random.below(2 * bytes.length + 1);
  return at >= bytes.length ? [bytes] : [bytes.subarray(0, at), bytes.subarray(at)];
}

/** Longest that an operation of the client may take, with a peer that answers at once. */
const OPERATION_MS_MAX = 1_000;
const SETTLE_MS_MAX = 60_000;

class World {
  private failure: unknown = null;
  private readonly process = startVirtual(3, (error) => (this.failure = error));
  /** The connections of 2, which behaves, and of 3, which says nothing of itself. */
  private readonly peers = new Map(DIALLED_RANKS.map((rank) => [rank, this.process.connect()]));
  /** What the process has told them, and they have not confirmed. */
  private readonly unconfirmed = new Map(DIALLED_RANKS.map((rank): [number, ProcessMessage[]] => [rank, []]));
  private readonly registers = new Map<bigint, RegisterValue>();
  private readonly client = this.process.connect();
  private readonly written = new Map<number, string>();
  private operationCount = 0;
  private readonly lanes: readonly TestConnection[] = [
    ...Array.from({ length: ACCEPTED_COUNT }, () => this.process.connect()),
    ...DIALLED_RANKS.map((rank) => this.process.dialled.get(rank) ?? new TestConnection()),
  ];

  endure(pieces: readonly Piece[], pauses: readonly number[]): string | null {
    const responses = this.lanes.map((): string[] => []);
    for (const [index, { lane, bytes }] of pieces.entries()) {
      this.lanes[lane].receive(bytes);
      this.pass(pauses[index]);
      const fault = index % 3 === 0 ? this.work() : null;
      if (fault !== null) return `piece ${index}: ${fault}`;
    }
    const expected = this.lanes.map((_, lane) => responsesByThePage(pieces, lane));
    const count = (lists: readonly string[][]): number => lists.flat().length;
    for (let ms = 0; ms < SETTLE_MS_MAX; ms += 50) {
      this.pass(50);
      for (let lane = 0; lane < ACCEPTED_COUNT; lane += 1) {
        responses[lane].push(...this.lanes[lane].take().flatMap(responseNamed));
      }
      if (count(responses) >= count(expected) && this.process.running.stats().messages === 0) {
        break;
      }
    }
    for (const [lane, list] of expected.entries()) {
      if (isDeepStrictEqual(responses[lane].toSorted(), list.toSorted())) continue;
      const [should, is] = [list, responses[lane]].map((all) => all.join(', '));
      return `connection ${lane} should be sent [${should}], and is [${is}]`;
    }
    return this.work() ?? this.leave();
  }

  /** Lets time pass; the others do their part. */
  private pass(ms: number): void {
    this.process.pass(ms);
    for (let turn = 0; turn < 100 && this.takePart(); turn += 1) this.process.pass(1);
    if (this.failure !== null) throw new Error('the process has failed', { cause: this.failure });
  }

  /** Process 2 answers what it is asked; both confirm answers, once that is expected of them. */
  private takePart(): boolean {
    let wasTold = false;
    for (const [rank, unconfirmed] of this.unconfirmed) {
      for (const message of this.process.dialled.get(rank)?.take() ?? []) {
        if (message.family !== 'process') continue;
        wasTold = true;
        if (message.kind === 'VALUE' || message.kind === 'ACK') unconfirmed.push(message);
        else if (rank === 2) this.answer(message);
      }
      const { peers } = this.process.running.stats();
      if (peers.every((peer) => peer.rank !== rank || peer.replies === 0)) continue;
      for (const { kind: receiptFor, id } of unconfirmed.splice(0)) {
        this.tell(rank, receiptBytes({ receiptFor, sender: rank, id }, KEYS.systemKey));
      }
    }
    return wasTold;
  }

  private answer({ kind, id, sector, register }: ProcessMessage): void {
    const reply = { sender: 2, id, sector };
    const initial = { timestamp: 0n, writeRank: 0, data: Buffer.alloc(4_096) };
    const held = this.registers.get(sector) ?? initial;
    if (kind === 'READ_PROC') {
      this.tell(2, processBytes({ ...reply, kind: 'VALUE', register: held }, KEYS.systemKey));
    } else if (kind === 'WRITE_PROC' && register !== null) {
      if (isNewer(register, held)) this.registers.set(sector, register);
      this.tell(2, processBytes({ ...reply, kind: 'ACK', register: null }, KEYS.systemKey));
    }
  }

  private tell(rank: number, bytes: Buffer): void {
    this.peers.get(rank)?.receive(bytes);
  }

  /** A write and a read of the client that behaves. @returns what is wrong with them. */
  private work(): string | null {
    const sector = this.operationCount % Number(GOOD_SECTORS);
    const name = `write ${this.operationCount}`;
    const written = this.ask(sector, sectorNamed(name));
    if (written?.status !== 'Ok') return `a WRITE got ${written?.status ?? 'no answer'}`;
    this.written.set(sector, name);
    const [other] = this.written.keys();
    const read = this.ask(other, null);
    if (read?.status !== 'Ok' || read.data === null) {
      return `a READ got ${read?.status ?? 'nothing'}`;
    }
    const value = nameOf(read.data);
    if (value === this.written.get(other)) return null;
    return `sector ${other} should hold ${this.written.get(other)} and holds ${value}`;
  }

  private ask(sector: number, data: Buffer | null): ResponseMessage | null {
    this.operationCount += 1;
    const requestNumber = BigInt(this.operationCount);
    const kind = data === null ? 'READ' : 'WRITE';
    const request = { kind, requestNumber, sector: BigInt(sector), data } as const;
    this.client.receive(requestBytes(request, KEYS.clientKey));
    for (let ms = 0; ms < OPERATION_MS_MAX; ms += 5) {
      this.pass(5);
      for (const response of this.client.take()) {
        if (response.family === 'response' && response.requestNumber === requestNumber) {
          return response;
        }
        throw new Error(`the client was sent a ${response.family} that it had not asked for`);
      }
    }
    return null;
  }

  /** All hostile connections end. @returns what is left of them. */
  private leave(): string | null {
    for (const lane of this.lanes.slice(0, ACCEPTED_COUNT)) {
      const last = lane.calls.findLast((call) => call === 'pause' || call === 'resume');
      if (last === 'pause') return 'a connection is not read from, although nothing is under way';
      lane.close();
    }
    this.pass(1_000);
    const figures = this.process.running.stats();
    const { operations, registers, sessions, messages, peers, repairs } = figures;
    // What the other two have missed is brought to them, again and again: they acknowledge nothing.
    const questions = peers.reduce((sum, peer) => sum + peer.questions, 0) - repairs;
    const left = { operations, registers, messages, questions, sessions };
    // The client, the two other processes, and the two connections that the process dialled.
    const expected = { operations: 0, registers: 0, messages: 0, questions: 0, sessions: 5 };
    return isDeepStrictEqual(left, expected) ? null : `there is left ${JSON.stringify(left)}`;
  }
}

const isNewer = (a: RegisterValue, b: RegisterValue): boolean =>
  a.timestamp === b.timestamp ? a.writeRank > b.writeRank : a.timestamp > b.timestamp;

function responseNamed(message: Message): string[] {
  if (message.family !== 'response') return [];
  return [`${message.kind} ${message.requestNumber} ${message.status}`];
}

/** To a connection that the process dialled nothing is responded. */
function responsesByThePage(pieces: readonly Piece[], lane: number): string[] {
  if (lane >= ACCEPTED_COUNT) return [];
  const sent = pieces.filter((piece) => piece.lane === lane).map(({ bytes }) => bytes);
  const role = { self: 1, processCount: 3, sectors: SECTORS };
  return decodeSlowly(Buffer.concat(sent), 'server', KEYS, true).flatMap((item) => {
    if (item.kind === 'own' && item.bytes[7] >= 0x90 && item.bytes[7] <= 0x92) {
      const kind = ['STATUS', 'SCRUB', 'MAP'][item.bytes[7] - 0x90];
      const status = item.tagIsGood ? 'Ok' : 'AuthFailure';
      return [`${kind} ${item.bytes.readBigUInt64BE(8)} ${status}`];
    }
    if (item.kind !== 'message' || item.message.family !== 'request') return [];
    const judgement = judgeSlowly(item, role);
    const status = judgement === 'accepted' ? 'Ok' : judgement;
    return [`${item.message.kind} ${item.message.requestNumber} ${status}`];
  });
}
