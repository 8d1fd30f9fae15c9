/**
 * A client foreign: one TCP connection to one process, many requests outstanding, nothing shared with src/client. It
 * never sends a request again: when the connection breaks, what was not answered has an unknown outcome, and that is
 * what it says.
 */
import net from 'node:net';
import type { Keys, Padding, RequestKind, Status } from './bytes.js';
import { MessageReader, requestBytes } from './bytes.js';
import { HANG_MS } from './hang.js';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What became of a request. */
export type Outcome =
  { readonly kind: 'answered'; readonly status: Status; readonly data: Buffer | null } | { readonly kind: 'unknown' };

/** An index that no disk has: answered at once, without a quorum. */
export const SECTOR_NOWHERE = 2n ** 64n - 1n;

export interface RawClientOptions {
  readonly address: Address;
  readonly clientKey: Uint8Array;
  readonly padding?: Padding;
  readonly connectTimeoutMs?: number;
}

interface Waiting {
  readonly kind: RequestKind;
  readonly resolve: (outcome: Outcome) => void;
}

export class RawClient {
  /** What the process did against the protocol. A test expects none. */
  readonly faults: string[] = [];
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  private readonly waiting = new Map<bigint, Waiting>();
  private readonly reader: MessageReader;
  private nextRequestNumber = BigInt(Math.floor(Math.random() * 2 ** 40));
  private gone = false;

  /** @throws if no connection comes about. */
  static async connect(options: RawClientOptions): Promise<RawClient> {
    const { address, connectTimeoutMs = HANG_MS } = options;
    const socket = net.connect({ host: address.host, port: address.port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        socket.destroy(new Error(`no connection to port ${address.port} in time`));
      }, connectTimeoutMs);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', reject);
        resolve();
      });
      socket.once('error', reject);
      socket.once('close', () => {
        clearTimeout(timer);
      });
    });
    return new RawClient(socket, options);
  }

  private constructor(
    readonly socket: net.Socket,
    private readonly options: RawClientOptions,
  ) {
    const keys: Keys = { clientKey: options.clientKey, systemKey: Buffer.alloc(64) };
    this.reader = new MessageReader(keys);
    socket.on('data', (chunk) => {
      this.receive(chunk);
    });
    socket.on('error', () => {
      // A broken connection is an ordinary end here; 'close' follows.
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.gone = true;
        for (const { resolve: settle } of this.waiting.values()) settle({ kind: 'unknown' });
        this.waiting.clear();
        resolve();
      });
    });
  }

  get isOpen(): boolean {
    return !this.gone && this.socket.writable;
  }

  get outstandingCount(): number {
    return this.waiting.size;
  }

  read(sector: number | bigint): Promise<Outcome> {
    return this.request('READ', sector, null);
  }

  write(sector: number | bigint, data: Buffer): Promise<Outcome> {
    return this.request('WRITE', sector, data);
  }

  /** Asks for a sector that does not exist: answered by any process that runs and has our key. */
  ping(): Promise<Outcome> {
    return this.read(SECTOR_NOWHERE);
  }

  /** Asks the process about itself: see processStatus.ts. */
  inquire(kind: 'STATUS' | 'SCRUB'): Promise<Outcome> {
    return this.request(kind, 0, null);
  }

  /** Sends bytes as they are. */
  sendRaw(bytes: Uint8Array): void {
    if (this.isOpen) this.socket.write(bytes);
  }

  /** Expects an answer to a request whose bytes the caller sends itself. */
  expectAnswer(kind: RequestKind, requestNumber: bigint): Promise<Outcome> {
    return new Promise((resolve) => {
      if (this.isOpen) this.waiting.set(requestNumber, { kind, resolve });
      else resolve({ kind: 'unknown' });
    });
  }

  /** Breaks the connection at once. */
  async destroy(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  /** Says that nothing more will be asked, and waits until the process has ended its side. */
  async end(): Promise<void> {
    this.socket.end();
    await this.closed;
  }

  private request(kind: RequestKind, sector: number | bigint, data: Buffer | null): Promise<Outcome> {
    const requestNumber = this.nextRequestNumber;
    this.nextRequestNumber += 1n;
    const outcome = this.expectAnswer(kind, requestNumber);
    const request = { kind, requestNumber, sector: BigInt(sector), data };
    this.sendRaw(requestBytes(request, this.options.clientKey, this.options.padding ?? 'zeros'));
    return outcome;
  }

  private receive(chunk: Buffer): void {
    for (const { message, tagIsGood } of this.reader.push(chunk)) {
      if (message.family !== 'response') {
        this.faults.push(`a client was sent a ${message.family}`);
        continue;
      }
      const { requestNumber, kind, status, data } = message;
      if (!tagIsGood) this.faults.push(`response ${requestNumber} has a wrong tag`);
      const waiting = this.waiting.get(requestNumber);
      if (waiting === undefined) {
        this.faults.push(`response ${requestNumber} answers nothing that is outstanding`);
        continue;
      }
      if (waiting.kind !== kind) this.faults.push(`a ${waiting.kind} was answered as a ${kind}`);
      if (status.startsWith('unknown')) this.faults.push(`a response has status ${status}`);
      this.waiting.delete(requestNumber);
      waiting.resolve({ kind: 'answered', status, data });
    }
    if (this.reader.skippedBytes > 0) {
      this.faults.push(`${this.reader.skippedBytes} bytes of a response stream are no message`);
      this.reader.skippedBytes = 0;
    }
  }
}
