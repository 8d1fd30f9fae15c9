/** A small NBD client on a real socket, for what the programs of others do not do. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { RequestFields } from '../nbd/wire.js';
import { clientFlags, option, request } from '../nbd/wire.js';

const SIMPLE_REPLY_BYTES = 16;

/** One request at a time, simple replies. */
export class NbdClient {
  readonly sizeBytes: number;
  private cookie = 0n;

  static async connect(port: number, name = ''): Promise<NbdClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const reader = new Reader(socket);
    await reader.take(18);
    socket.write(Buffer.concat([clientFlags(3), option(1, Buffer.from(name))]));
    const told = await reader.take(10);
    return new NbdClient(socket, reader, Number(told.readBigUInt64BE()));
  }

  private constructor(
    private readonly socket: Socket,
    private readonly reader: Reader,
    sizeBytes: number,
  ) {
    this.sizeBytes = sizeBytes;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    await this.ask({ type: 0, offset, length });
    return this.reader.take(length);
  }

  async write(offset: number, data: Uint8Array): Promise<void> {
    await this.ask({ type: 1, offset, data });
  }

  /** One without data, either way. */
  async command(type: number, offset: number, length: number): Promise<void> {
    await this.ask({ type, offset, length });
  }

  close(): void {
    this.socket.end(request({ type: 2 }));
  }

  private async ask(fields: RequestFields): Promise<void> {
    this.cookie += 1n;
    this.socket.write(request({ ...fields, cookie: this.cookie }));
    const reply = await this.reader.take(SIMPLE_REPLY_BYTES);
    const error = reply.readUInt32BE(4);
    if (reply.readUInt32BE(0) !== 0x67446698 || reply.readBigUInt64BE(8) !== this.cookie) {
      throw new Error(`not the reply to request ${this.cookie}: ${reply.toString('hex')}`);
    }
    if (error !== 0) throw new Error(`error ${error}`);
  }
}

class Reader {
  private buffer = Buffer.alloc(0);
  private failure: Error | null = null;

  constructor(private readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.buffer = Buffer.concat([this.buffer, chunk]);
      socket.emit('more');
    });
    const fail = (error?: Error): void => {
      this.failure ??= error ?? new Error('the gateway closed the connection');
      socket.emit('more');
    };
    socket.on('error', fail);
    socket.on('end', fail);
  }

  async take(count: number): Promise<Buffer> {
    while (this.buffer.length < count) {
      if (this.failure !== null) throw this.failure;
      await once(this.socket, 'more');
    }
    const taken = this.buffer.subarray(0, count);
    this.buffer = this.buffer.subarray(count);
    return taken;
  }
}
