/**
 * A member of a cluster of another make: the protocol and the (N,N) algorithm of
 * docs/wire-protocol.md once more, sharing no code with src, with its registers in memory. It takes
 * part like any process, runs operations of its own as a coordinator, and behaves in one of the
 * ways that the protocol allows and that are awkward for its peers.
 */
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import type { Keys, Padding, ProcessMessage, ReceiptMessage, RegisterValue } from './bytes.js';
import { MessageReader, processBytes, receiptBytes, SECTOR_BYTES } from './bytes.js';
import type { Address } from './rawClient.js';
import type { Link, LinkOptions } from './strangeLink.js';
import { connectionPerMessage, keptConnection, stallingLink } from './strangeLink.js';

export interface Behaviour {
  /**
   * A receipt for every process message; its own messages again and again, and nothing else to that
   * peer, until the receipt for them has come, and never again after that.
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

export interface StrangePeerOptions {
  readonly rank: number;
  /** Of all processes, its own included, in order of rank. */
  readonly addresses: readonly Address[];
  readonly keys: Keys;
  readonly behaviour: Behaviour;
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
  value: RegisterValue;
  running: RunningOperation | null;
  readonly queue: (() => void)[];
}

const INITIAL: RegisterValue = { timestamp: 0n, writeRank: 0, data: Buffer.alloc(SECTOR_BYTES) };

function isNewer(a: RegisterValue, b: RegisterValue): boolean {
  return a.timestamp === b.timestamp ? a.writeRank > b.writeRank : a.timestamp > b.timestamp;
}

export class StrangePeer {
  /** What peers did against the protocol. A test expects none. */
  readonly faults: string[] = [];
  /** Receipts that came in. */
  receiptCount = 0;
  /** Process messages that came in, by kind. */
  readonly receivedCounts = { READ_PROC: 0, VALUE: 0, WRITE_PROC: 0, ACK: 0 };
  private readonly registers = new Map<bigint, Register>();
  private readonly links = new Map<number, Link>();
  private readonly receiptSenders = new Set<number>();
  private readonly server: net.Server;
  private readonly accepted = new Set<net.Socket>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private stopped = false;

  static async start(options: StrangePeerOptions): Promise<StrangePeer> {
    const peer = new StrangePeer(options);
    const { host, port } = options.addresses[options.rank - 1];
    await new Promise<void>((resolve, reject) => {
      peer.server.once('error', reject);
      peer.server.listen({ host, port }, resolve);
    });
    return peer;
  }

  private constructor(private readonly options: StrangePeerOptions) {
    this.server = net.createServer({ noDelay: true }, (socket) => {
      this.accept(socket);
    });
    options.addresses.forEach((address, index) => {
      const rank = index + 1;
      if (rank !== options.rank) this.links.set(rank, this.linkTo(rank, address));
    });
  }

  async read(sector: number): Promise<Buffer> {
    return (await this.operate(BigInt(sector), null)).data;
  }

  async write(sector: number, data: Buffer): Promise<void> {
    await this.operate(BigInt(sector), data);
  }

  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
    for (const link of this.links.values()) link.close();
    for (const socket of this.accepted) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  // Links

  private linkTo(rank: number, address: Address): Link {
    const { behaviour, keys } = this.options;
    const base: Omit<LinkOptions, 'onReceipt'> = {
      address,
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
      const stalling = stallingLink(keptConnection({ ...base, onReceipt }), RESEND_MS);
      return stalling;
    }
    const options = { ...base, onReceipt: noteReceipt };
    if (behaviour.connectionPerMessage === true) return connectionPerMessage(options);
    return keptConnection(options, {
      readsBack: behaviour.neverReadsBack !== true,
      ...(behaviour.redialEveryMs === undefined ? {} : { redialEveryMs: behaviour.redialEveryMs }),
    });
  }

  private accept(socket: net.Socket): void {
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

  private sendReceipt({ sender, kind, id }: ProcessMessage, socket: net.Socket): void {
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
      this.later(Math.random() * within, () => link?.send({ kind, id, bytes }));
    }
  }

  private broadcast(message: Omit<ProcessMessage, 'family' | 'sender'>): void {
    for (const rank of this.links.keys()) this.send(rank, message);
    this.send(this.options.rank, message);
  }

  private later(delayMs: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      action();
    }, delayMs);
    this.timers.add(timer);
  }

  // The algorithm: section 5 of the protocol page, clause by clause

  private register(sector: bigint): Register {
    let register = this.registers.get(sector);
    if (register === undefined) {
      register = { value: INITIAL, running: null, queue: [] };
      this.registers.set(sector, register);
    }
    return register;
  }

  /** Read(), or Write(written). One at a time per register; others wait. */
  private operate(sector: bigint, written: Buffer | null): Promise<RegisterValue> {
    const register = this.register(sector);
    return new Promise((resolve) => {
      const begin = (): void => {
        const id = randomBytes(16).toString('hex');
        const readList = new Map<number, RegisterValue>();
        const running: RunningOperation = {
          id,
          written,
          readList,
          ackList: new Set(),
          imposed: null,
          finish: (value) => {
            register.running = null;
            resolve(value);
            register.queue.shift()?.();
          },
        };
        register.running = running;
        this.broadcast({ kind: 'READ_PROC', id, sector, register: null });
        this.askAgain(sector, running);
      };
      if (register.running === null) begin();
      else register.queue.push(begin);
    });
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
      this.send(sender, { kind: 'VALUE', id, sector, register: register.value });
    } else if (kind === 'WRITE_PROC' && value !== null) {
      if (isNewer(value, register.value)) register.value = value;
      this.send(sender, { kind: 'ACK', id, sector, register: null });
    } else if (register.running?.id !== id) {
      // An answer to an operation that is over.
    } else if (kind === 'VALUE' && value !== null) {
      this.handleValue(sector, register.running, sender, value);
    } else if (kind === 'ACK') {
      this.handleAck(register.running, sender);
    }
  }

  private handleValue(
    sector: bigint,
    running: RunningOperation,
    sender: number,
    value: RegisterValue,
  ): void {
    if (running.imposed !== null) return;
    const { readList, written, id } = running;
    readList.set(sender, value);
    if (readList.size <= this.options.addresses.length / 2) return;
    const register = this.register(sector);
    readList.set(this.options.rank, register.value);
    const highest = [...readList.values()].reduce((a, b) => (isNewer(b, a) ? b : a));
    if (written === null) running.imposed = highest;
    else {
      const timestamp = highest.timestamp + 1n;
      running.imposed = { timestamp, writeRank: this.options.rank, data: written };
      register.value = running.imposed;
    }
    this.broadcast({ kind: 'WRITE_PROC', id, sector, register: running.imposed });
  }

  private handleAck({ ackList, imposed, finish }: RunningOperation, sender: number): void {
    if (imposed === null) return;
    ackList.add(sender);
    if (ackList.size > this.options.addresses.length / 2) finish(imposed);
  }
}
