/**
 * A member of a cluster foreign: the protocol and the (N,N) algorithm of docs/wire-protocol.md once more, sharing no
 * code with src, with its registers in memory. It takes part like any process, runs operations of its own as a
 * coordinator, and behaves in one of the ways that the protocol allows and that are awkward for its peers.
 */
import net from 'node:net';
import type { Keys, Padding, ProcessMessage, ReceiptMessage, RegisterValue } from './bytes.js';
import { MessageReader, processBytes, receiptBytes, SECTOR_BYTES } from './bytes.js';
import type { Address } from './rawClient.js';
import type { Link, LinkOptions } from './foreignLink.js';
import { connectionPerMessage, keptConnection, stallingLink } from './foreignLink.js';
import type { ForeignSocket, ForeignWorld, Timer } from './foreignWorld.js';
import { realWorld } from './foreignWorld.js';

export interface Behaviour {
  /**
   * A receipt for every process message; its own messages again and again, and nothing else to that peer, until the
   * receipt for them has come, and never again after that.
   */
  readonly receipts?: boolean;
  /** A new connection for every message. */
  readonly connectionPerMessage?: boolean;
  /** Breaks and makes its connections all the time. */
  readonly redialEveryMs?: number;
  /** Never reads from the connections that it dialled. */
  readonly neverReadsBack?: boolean;
  readonly padding?: Padding;
  /** Sends every reply twice, each after a random delay up to this. */
  readonly replyTwiceWithinMs?: number;
}

export const BEHAVIOURS = {
  normal: {},
  'sends receipts and stalls until it gets them': { receipts: true },
  'opens a connection for every message': { connectionPerMessage: true },
  'reconnects all the time': { redialEveryMs: 40 },
  'never reads from connections that it dialled': { neverReadsBack: true },
  'pads with random bytes': { padding: 'random' },
  'sends replies twice and late': { replyTwiceWithinMs: 120 },
} as const satisfies Readonly<Record<string, Behaviour>>;

export interface ForeignPeerOptions {
  readonly rank: number;
  readonly processCount: number;
  readonly keys: Keys;
  readonly behaviour: Behaviour;
  readonly world: ForeignWorld;
  /** What it keeps when it dies: give the same to its next life. */
  readonly disk?: Map<bigint, RegisterValue>;
}

export interface RealPeerOptions extends Pick<ForeignPeerOptions, 'rank' | 'keys' | 'behaviour'> {
  /** Of all processes, its own included, in order of rank. */
  readonly addresses: readonly Address[];
}

const RESEND_MS = 300;

interface RunningOperation {
  readonly id: string;
  /** What a write writes; null for a read. */
  readonly written: Buffer | null;
  readonly readList: Map<number, RegisterValue>;
  readonly ackList: Set<number>;
  /** The value that the write phase imposes; null in the read phase. */
  imposed: RegisterValue | null;
  readonly finish: (value: RegisterValue) => void;
}

interface Register {
  running: RunningOperation | null;
  readonly queue: (() => void)[];
}

const INITIAL: RegisterValue = { timestamp: 0n, writeRank: 0, data: Buffer.alloc(SECTOR_BYTES) };

function isNewer(a: RegisterValue, b: RegisterValue): boolean {
  return a.timestamp === b.timestamp ? a.writeRank > b.writeRank : a.timestamp > b.timestamp;
}

export class ForeignPeer {
  /** What peers did against the protocol. A test expects none. */
  readonly faults: string[] = [];
  /** Receipts that came in. */
  receiptCount = 0;
  /** Process messages that came in, by kind. */
  readonly receivedCounts = { READ_PROC: 0, VALUE: 0, WRITE_PROC: 0, ACK: 0 };
  /** What it holds of each sector. */
  readonly disk: Map<bigint, RegisterValue>;
  private readonly registers = new Map<bigint, Register>();
  private readonly links = new Map<number, Link>();
  private readonly receiptSenders = new Set<number>();
  private readonly accepted = new Set<ForeignSocket>();
  private readonly timers = new Set<Timer>();
  private stopped = false;
  private stopListening = (): Promise<unknown> => Promise.resolve();

  /** On real sockets; resolves when it listens. */
  static async start({ addresses, ...options }: RealPeerOptions): Promise<ForeignPeer> {
    const processCount = addresses.length;
    const peer = new ForeignPeer({ ...options, processCount, world: realWorld(addresses) });
    const server = net.createServer({ noDelay: true }, (socket) => {
      peer.accept(socket);
    });
    peer.stopListening = () => new Promise((resolve) => server.close(resolve));
    const { host, port } = addresses[options.rank - 1];
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, resolve);
    });
    return peer;
  }

  constructor(private readonly options: ForeignPeerOptions) {
    this.disk = options.disk ?? new Map<bigint, RegisterValue>();
    for (let rank = 1; rank <= options.processCount; rank += 1) {
      if (rank !== options.rank) this.links.set(rank, this.linkTo(rank));
    }
  }

  read(sector: number): Promise<Buffer> {
    return new Promise((resolve) => {
      this.operate(sector, null, ({ data }) => {
        resolve(data);
      });
    });
  }

  write(sector: number, data: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.operate(sector, data, () => {
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    for (const timer of this.timers) timer.cancel();
    for (const link of this.links.values()) link.close();
    for (const socket of this.accepted) socket.destroy();
    await this.stopListening();
  }

  // Links

  private linkTo(rank: number): Link {
    const { behaviour, keys, world } = this.options;
    const base: Omit<LinkOptions, 'onReceipt'> = {
      world,
      rank,
      keys,
      onFault: (text) => this.faults.push(`process ${rank}: ${text}`),
    };
    const noteReceipt = (receipt: ReceiptMessage): void => {
      this.receiptCount += 1;
      this.receiptSenders.add(receipt.sender);
      if (receipt.sender !== rank) this.faults.push(`process ${rank} signed as ${receipt.sender}`);
    };
    if (behaviour.receipts === true) {
      const onReceipt = (receipt: ReceiptMessage): void => {
        noteReceipt(receipt);
        stalling.receiptCame(receipt);
      };
      const stalling = stallingLink(this.plainLink({ ...base, onReceipt }), RESEND_MS, world);
      return stalling;
    }
    return this.plainLink({ ...base, onReceipt: noteReceipt });
  }

  private plainLink(options: LinkOptions): Link {
    const { behaviour } = this.options;
    if (behaviour.connectionPerMessage === true) return connectionPerMessage(options);
    return keptConnection(options, {
      readsBack: behaviour.neverReadsBack !== true,
      ...(behaviour.redialEveryMs === undefined ? {} : { redialEveryMs: behaviour.redialEveryMs }),
    });
  }

  /** Somebody has connected. */
  accept(socket: ForeignSocket): void {
    this.accepted.add(socket);
    const reader = new MessageReader(this.options.keys);
    socket.on('data', (chunk) => {
      for (const { message, tagIsGood } of reader.push(chunk)) {
        if (message.family !== 'process' || !tagIsGood) {
          this.faults.push(`a ${message.family} came in, its tag ${tagIsGood ? 'good' : 'wrong'}`);
          continue;
        }
        this.sendReceipt(message, socket);
        this.receivedCounts[message.kind] += 1;
        this.handle(message);
      }
    });
    socket.on('error', () => {
      // 'close' follows.
    });
    socket.on('close', () => this.accepted.delete(socket));
  }

  private sendReceipt({ sender, kind, id }: ProcessMessage, socket: ForeignSocket): void {
    const { behaviour, keys, rank } = this.options;
    if (behaviour.receipts !== true && !this.receiptSenders.has(sender)) return;
    const receipt = { receiptFor: kind, sender: rank, id };
    socket.write(receiptBytes(receipt, keys.systemKey, behaviour.padding));
  }

  private send(to: number, message: Omit<ProcessMessage, 'family' | 'sender'>): void {
    const { behaviour, keys, rank } = this.options;
    if (to === rank) {
      this.handle({ family: 'process', sender: rank, ...message });
      return;
    }
    const bytes = processBytes({ sender: rank, ...message }, keys.systemKey, behaviour.padding);
    const link = this.links.get(to);
    const { kind, id } = message;
    const within = behaviour.replyTwiceWithinMs;
    if (within === undefined || kind === 'READ_PROC' || kind === 'WRITE_PROC') {
      link?.send({ kind, id, bytes });
      return;
    }
    for (let copy = 0; copy < 2; copy += 1) {
      this.later(this.options.world.fraction() * within, () => link?.send({ kind, id, bytes }));
    }
  }

  private broadcast(message: Omit<ProcessMessage, 'family' | 'sender'>): void {
    for (const rank of this.links.keys()) this.send(rank, message);
    this.send(this.options.rank, message);
  }

  private later(delayMs: number, action: () => void): void {
    const timer = this.options.world.later(delayMs, () => {
      this.timers.delete(timer);
      action();
    });
    this.timers.add(timer);
  }

  // The algorithm: section 5 of the protocol page, clause by clause

  private register(sector: bigint): Register {
    let register = this.registers.get(sector);
    if (register === undefined) {
      register = { running: null, queue: [] };
      this.registers.set(sector, register);
    }
    return register;
  }

  private held(sector: bigint): RegisterValue {
    return this.disk.get(sector) ?? INITIAL;
  }

  /** Read(), or Write(written). One at a time per register; others wait. */
  operate(sectorIndex: number, written: Buffer | null, done: (value: RegisterValue) => void): void {
    const sector = BigInt(sectorIndex);
    const register = this.register(sector);
    const begin = (): void => {
      const id = this.options.world.operationId();
      const running: RunningOperation = {
        id,
        written,
        readList: new Map<number, RegisterValue>(),
        ackList: new Set(),
        imposed: null,
        finish: (value) => {
          register.running = null;
          done(value);
          register.queue.shift()?.();
        },
      };
      register.running = running;
      this.broadcast({ kind: 'READ_PROC', id, sector, register: null });
      this.askAgain(sector, running);
    };
    if (register.running === null) begin();
    else register.queue.push(begin);
  }

  /** Stubborn while the operation runs. With receipts that is the link's part, until they come. */
  private askAgain(sector: bigint, running: RunningOperation): void {
    if (this.options.behaviour.receipts === true) return;
    this.later(RESEND_MS, () => {
      if (this.register(sector).running !== running) return;
      const { id, imposed, readList, ackList } = running;
      for (const rank of this.links.keys()) {
        if (imposed === null && !readList.has(rank)) {
          this.send(rank, { kind: 'READ_PROC', id, sector, register: null });
        } else if (imposed !== null && !ackList.has(rank)) {
          this.send(rank, { kind: 'WRITE_PROC', id, sector, register: imposed });
        }
      }
      this.askAgain(sector, running);
    });
  }

  private handle({ kind, sender, id, sector, register: value }: ProcessMessage): void {
    if (this.stopped) return;
    const register = this.register(sector);
    if (kind === 'READ_PROC') {
      this.send(sender, { kind: 'VALUE', id, sector, register: this.held(sector) });
    } else if (kind === 'WRITE_PROC' && value !== null) {
      if (isNewer(value, this.held(sector))) this.disk.set(sector, value);
      this.send(sender, { kind: 'ACK', id, sector, register: null });
    } else if (register.running?.id !== id) {
      // An answer to an operation that is over.
    } else if (kind === 'VALUE' && value !== null) {
      this.handleValue(sector, register.running, sender, value);
    } else if (kind === 'ACK') {
      this.handleAck(register.running, sender);
    }
  }

  private handleValue(sector: bigint, running: RunningOperation, sender: number, value: RegisterValue): void {
    if (running.imposed !== null) return;
    const { readList, written, id } = running;
    readList.set(sender, value);
    if (readList.size <= this.options.processCount / 2) return;
    readList.set(this.options.rank, this.held(sector));
    const highest = [...readList.values()].reduce((a, b) => (isNewer(b, a) ? b : a));
    if (written === null) running.imposed = highest;
    else {
      const timestamp = highest.timestamp + 1n;
      running.imposed = { timestamp, writeRank: this.options.rank, data: written };
      this.disk.set(sector, running.imposed);
    }
    this.broadcast({ kind: 'WRITE_PROC', id, sector, register: running.imposed });
  }

  private handleAck({ ackList, imposed, finish }: RunningOperation, sender: number): void {
    if (imposed === null) return;
    ackList.add(sender);
    if (ackList.size > this.options.processCount / 2) finish(imposed);
  }
}
