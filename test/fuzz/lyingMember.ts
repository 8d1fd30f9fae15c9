/**
 * A member of the cluster that has the right key and takes the connections that the others dial to it, and is no member
 * in anything else: it never reads, or answers what nobody has asked, or sends receipts for nothing, or hangs up.
 * Nobody needs it for a majority.
 */
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Keys, ProcessMessage } from '../helpers/bytes.js';
import { MessageReader, processBytes, receiptBytes } from '../helpers/bytes.js';
import { reset } from '../helpers/crowd.js';
import { HANG_MS } from '../helpers/hang.js';
import type { Address } from '../helpers/rawClient.js';
import type { Dice } from '../helpers/seed.js';
import { dice, seedOf } from '../helpers/seed.js';
import { sectorNamed } from '../helpers/sectorValue.js';
import { AREAS } from './attacks.js';
import type { Attack } from './laps.js';
import { dial, letGo } from './sockets.js';

export interface LyingMemberOptions {
  readonly rank: number;
  /** Of all, in order of rank. */
  readonly addresses: readonly Address[];
  readonly keys: Keys;
  readonly seed: number;
}

/** docs/limits.md: 1,024 answers are kept. */
const QUESTIONS = 1_500;

/** Of a member that is gone at once; and how long they may be kept. */
const CONNECTIONS = 30;

type Mode = (socket: net.Socket, chunk: Buffer, member: LyingMember) => void;

/** A member that is there, does not take part, and confirms what it gets: what it does at rest. */
const confirming: Mode = (socket, chunk, member) => {
  for (const message of member.messagesIn(socket, chunk)) member.confirm(socket, message);
};

/** Reads and says nothing. */
const silent: Mode = () => undefined;

export class LyingMember {
  private mode: Mode = confirming;
  private readonly sockets = new Set<net.Socket>();
  private readonly readers = new WeakMap<net.Socket, MessageReader>();
  /** To each other process: what a member sends goes over a connection of its own. */
  private own: net.Socket[] = [];
  private random: Dice;

  static async start(options: LyingMemberOptions): Promise<LyingMember> {
    const member = new LyingMember(options);
    const { host, port } = options.addresses[options.rank - 1];
    member.server.listen({ host, port });
    await once(member.server, 'listening');
    return member;
  }

  private readonly server = net.createServer({ noDelay: true }, (socket) => {
    this.sockets.add(socket);
    socket.on('data', (chunk) => {
      this.mode(socket, chunk, this);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    if (this.mode === deaf) socket.pause();
  });

  private constructor(private readonly options: LyingMemberOptions) {
    this.random = dice(options.seed);
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    await Promise.all([...this.sockets].map(letGo));
    await closed;
  }

  attacks(): Attack[] {
    const modes: readonly (readonly [string, Mode, (() => void)?])[] = [
      [
        'a member that confirms none of its answers',
        silent,
        () => {
          this.askAndNotConfirm(QUESTIONS);
        },
      ],
      ['a member that never reads', deaf],
      ['a member that answers what nobody has asked', answering],
      ['a member that sends receipts for nothing', receipting],
      ['a member that hangs up', hangingUp],
    ];
    return modes.map(([name, mode, begin]) => ({
      name,
      run: async (ms, lap) => {
        this.random = dice(seedOf(this.options.seed, name, lap));
        await this.behave(mode, ms, begin);
      },
    }));
  }

  /**
   * Asks once over each of many connections, ends them, and confirms no answer, now or ever. They are not kept for it:
   * all descriptors are back while it is still as good as gone.
   */
  goneAfterAsking(socketCounts: () => Promise<readonly number[]>): Attack {
    const name = 'a member that asks and is gone';
    const run = async (_ms: number, lap: number): Promise<void> => {
      this.random = dice(seedOf(this.options.seed, name, lap));
      const before = await socketCounts();
      this.mode = silent;
      for (let count = 0; count < CONNECTIONS; count += 1) {
        this.own = await this.dialOthers();
        this.askAndNotConfirm(1);
        await sleep(10);
        await Promise.all(this.own.map(letGo));
      }
      const giveUpAt = performance.now() + HANG_MS;
      while (!isDeepStrictEqual(await socketCounts(), before)) {
        const now = await socketCounts();
        if (performance.now() > giveUpAt) {
          throw new Error(`sockets of the processes: ${before.join()} before, ${now.join()} now`);
        }
        await sleep(200);
      }
      this.mode = confirming;
      await Promise.all([...this.sockets].map(letGo));
    };
    return { name, run };
  }

  private async dialOthers(): Promise<net.Socket[]> {
    const others = this.options.addresses.filter((_, index) => index + 1 !== this.options.rank);
    const dialled = (await Promise.all(others.map(dial))).filter((socket) => socket !== null);
    for (const socket of dialled) socket.resume();
    return dialled;
  }

  private async behave(mode: Mode, ms: number, begin?: () => void): Promise<void> {
    this.own = await this.dialOthers();
    this.mode = mode;
    for (const socket of this.sockets) {
      if (mode === deaf) socket.pause();
    }
    begin?.();
    await sleep(ms);
    this.mode = confirming;
    // They dial anew; what was on its way to a member that did not read is gone with this.
    await Promise.all([...this.sockets, ...this.own].map(letGo));
  }

  /** Shows that it sends receipts, asks for so many answers, and confirms none of them. */
  private askAndNotConfirm(questions: number): void {
    const { rank: sender, keys } = this.options;
    for (const socket of this.own) {
      const id = this.random.bytes(16).toString('hex');
      socket.write(receiptBytes({ receiptFor: 'VALUE', sender, id }, keys.systemKey));
      for (let count = 0; count < questions; count += 1) {
        const asked = this.random.bytes(16).toString('hex');
        const sector = BigInt(AREAS.liars.first + (count % AREAS.liars.count));
        const question = { kind: 'READ_PROC', sender, id: asked, sector, register: null } as const;
        socket.write(processBytes(question, keys.systemKey));
      }
    }
  }

  messagesIn(socket: net.Socket, chunk: Buffer): ProcessMessage[] {
    const reader = this.readers.get(socket) ?? new MessageReader(this.options.keys);
    this.readers.set(socket, reader);
    return reader.push(chunk).flatMap(({ message }) => (message.family === 'process' ? [message] : []));
  }

  /**
   * VALUE and ACK of every sort: to questions that were asked, but of another sector or in the name of others; and to
   * none.
   */
  answer(message: ProcessMessage): void {
    const { random } = this;
    const sector = BigInt(AREAS.liars.first + random.below(AREAS.liars.count));
    const kind = random.pick(['VALUE', 'ACK', 'WRITE_PROC', 'READ_PROC'] as const);
    const register =
      kind === 'VALUE' || kind === 'WRITE_PROC'
        ? {
            timestamp: random.pick([0n, 1n, 2n ** 40n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]),
            writeRank: random.pick([0, 1, this.options.rank, 255]),
            data: sectorNamed('a lie'),
          }
        : null;
    const id = random.chance(70) ? message.id : random.bytes(16).toString('hex');
    const sender = random.pick([0, 1, 2, 3, this.options.rank, this.options.rank + 1, 255]);
    const bytes = processBytes({ kind, sender, id, sector, register }, this.options.keys.systemKey);
    for (const socket of this.own) socket.write(bytes);
  }

  confirm(socket: net.Socket, { kind: receiptFor, id }: ProcessMessage): void {
    const { rank: sender, keys } = this.options;
    socket.write(receiptBytes({ receiptFor, sender, id }, keys.systemKey));
  }

  /** Over the connection that the message came by, and over others. */
  receipt(socket: net.Socket, message: ProcessMessage): void {
    const { random } = this;
    const receiptFor = random.pick(['READ_PROC', 'VALUE', 'WRITE_PROC', 'ACK'] as const);
    const sender = random.pick([0, 1, 2, 3, this.options.rank, 255]);
    const id = random.chance(50) ? message.id : random.bytes(16).toString('hex');
    const bytes = receiptBytes({ receiptFor, sender, id }, this.options.keys.systemKey);
    random.pick([socket, ...this.own]).write(bytes);
  }

  /** Now and then, and with anything. */
  hangUp(socket: net.Socket): void {
    if (!this.random.chance(20)) return;
    socket.write(this.random.bytes(this.random.below(5_000)));
    if (this.random.chance(50)) reset(socket);
    else socket.end();
  }
}

/** A connection in this mode is paused: what is still delivered goes nowhere. */
const deaf: Mode = () => undefined;

const answering: Mode = (socket, chunk, member) => {
  for (const message of member.messagesIn(socket, chunk)) member.answer(message);
};

const receipting: Mode = (socket, chunk, member) => {
  for (const message of member.messagesIn(socket, chunk)) member.receipt(socket, message);
};

const hangingUp: Mode = (socket, _chunk, member) => {
  member.hangUp(socket);
};
