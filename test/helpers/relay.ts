/**
 * A relay for TCP connections that can be a bad network: bytes late, held back or slow, connections cut, and
 * connections of which only one side knows that they are over. Bytes are never lost in the middle of a connection that
 * goes on, doubled or reordered, since TCP does none of that.
 *
 * An *honest* relay shows the one who dialled the end of a connection only after the one who was dialled has ended it
 * too (or is gone). The client library needs such a network, and says so: it sends a write again when the other side
 * has ended (docs/adr/0006-client-resubmission.md).
 *
 * Bound: of each connection and direction about HELD_BYTES_MAX bytes wait here, then the sender is not read from, as
 * with the windows of TCP.
 */
import net from 'node:net';
import type { Address } from './rawClient.js';
import type { Dice } from './seed.js';

/** `forth`: from the one who dialled to the one who was dialled. */
export type Direction = 'forth' | 'back';

const HELD_BYTES_MAX = 4 * 1024 * 1024;
/** Throttled, bytes go out in pieces of this size. */
const PIECE_BYTES = 16 * 1024;

export interface RelayOptions {
  readonly destination: Address;
  readonly random: Dice;
  readonly isHonest: boolean;
}

/** What holds for one direction of all connections of a relay. */
class Conditions {
  delayMs = 0;
  bytesPerSecond = Infinity;
  isSilent = false;

  get areGood(): boolean {
    return this.delayMs === 0 && this.bytesPerSecond === Infinity && !this.isSilent;
  }
}

export class Relay {
  /** Whether what is on its way is lost when the sender dies; null: now so, now so. */
  losesWithSender: boolean | null = null;
  private readonly conditions: Readonly<Record<Direction, Conditions>> = {
    forth: new Conditions(),
    back: new Conditions(),
  };
  private readonly lines = new Set<Line>();
  private readonly server: net.Server;

  constructor(options: RelayOptions) {
    const { destination, isHonest } = options;
    // Half-open sockets, so that the end of one direction does not end the other by itself.
    this.server = net.createServer({ noDelay: true, allowHalfOpen: true }, (dialler) => {
      const dialled = net.connect({ ...destination, noDelay: true, allowHalfOpen: true });
      const line = new Line(dialler, dialled, this.conditions, {
        isHonest,
        toss: () => options.random.below(2) === 0,
        losesWithSender: () => this.losesWithSender ?? options.random.below(2) === 0,
        onGone: () => this.lines.delete(line),
      });
      this.lines.add(line);
    });
  }

  async listen({ host, port }: Address): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host, port }, resolve);
    });
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const line of this.lines) line.destroy();
    await closed;
  }

  get connectionCount(): number {
    return this.lines.size;
  }

  /** Whether bytes pass as if there were no relay, on every connection. */
  get isUndisturbed(): boolean {
    if (!this.conditions.forth.areGood || !this.conditions.back.areGood) return false;
    for (const line of this.lines) if (line.isHalfOpen) return false;
    return true;
  }

  /** What has been sent in the direction `forth`, and has not arrived yet. */
  get heldBytes(): number {
    let sum = 0;
    for (const line of this.lines) sum += line.heldBytes;
    return sum;
  }

  /** What is sent from now on arrives this much later; never before what was sent earlier. */
  delay(direction: Direction, delayMs: number): void {
    this.conditions[direction].delayMs = delayMs;
  }

  throttle(direction: Direction, bytesPerSecond: number): void {
    this.conditions[direction].bytesPerSecond = bytesPerSecond;
  }

  /** Everything in that direction, ends included, stays here until the silence is over. */
  silence(direction: Direction, isSilent: boolean): void {
    this.conditions[direction].isSilent = isSilent;
    for (const line of this.lines) line.pump();
  }

  /** Ends every connection towards both sides. @returns how many there were. */
  cut(): number {
    return countOf(this.lines, (line) => line.cut());
  }

  /**
   * Ends every connection for one side only; the other goes on believing in it until `heal`.
   * @param believer Only `dialler` in an honest relay. @returns how many connections there were.
   */
  halfOpen(believer: 'dialler' | 'dialled'): number {
    return countOf(this.lines, (line) => line.halfOpen(believer));
  }

  /** Lets those who still believe in half-open connections see the end. */
  heal(): void {
    for (const line of this.lines) line.heal();
  }
}

function countOf(lines: Iterable<Line>, act: (line: Line) => boolean): number {
  // A copy: lines that go leave the set.
  return [...lines].filter(act).length;
}

interface LineOptions {
  readonly isHonest: boolean;
  toss(): boolean;
  losesWithSender(): boolean;
  onGone(): void;
}

/** One connection: what one dialled, and what the relay dialled for it. */
class Line {
  private readonly forth: Flow;
  private readonly back: Flow;
  private believer: 'dialler' | 'dialled' | null = null;
  private isConnected = false;

  constructor(
    private readonly dialler: net.Socket,
    private readonly dialled: net.Socket,
    conditions: Readonly<Record<Direction, Conditions>>,
    private readonly options: LineOptions,
  ) {
    this.forth = new Flow(dialler, dialled, conditions.forth);
    this.back = new Flow(dialled, dialler, conditions.back);
    this.watch(dialler, this.forth, this.back);
    this.watch(dialled, this.back, this.forth);
    dialled.once('connect', () => {
      this.isConnected = true;
    });
  }

  get heldBytes(): number {
    return this.forth.heldBytes;
  }

  get isHalfOpen(): boolean {
    return this.believer !== null;
  }

  pump(): void {
    this.forth.pump();
    this.back.pump();
  }

  cut(): boolean {
    if (!this.canBeHarmed) return false;
    if (this.options.isHonest) this.endForDialled();
    else {
      this.break(this.dialler);
      this.break(this.dialled);
    }
    return true;
  }

  halfOpen(believer: 'dialler' | 'dialled'): boolean {
    if (!this.canBeHarmed) return false;
    if (this.options.isHonest && believer === 'dialled') {
      throw new Error('an honest relay ends nothing that the one who was dialled believes in');
    }
    this.believer = believer;
    if (believer === 'dialled') {
      this.forth.hold(true);
      this.break(this.dialler);
    } else {
      this.back.hold(true);
      if (this.options.isHonest) this.endForDialled();
      else this.break(this.dialled);
    }
    return true;
  }

  heal(): void {
    this.believer = null;
    this.forth.hold(false);
    this.back.hold(false);
  }

  destroy(): void {
    this.dialler.destroy();
    this.dialled.destroy();
  }

  private get canBeHarmed(): boolean {
    return this.isConnected && this.believer === null && !this.forth.hasEnd && !this.back.hasEnd;
  }

  /**
   * Says to the one who was dialled, and as yet to nobody else, that nothing more will come. It may finish what it has
   * begun; the one who dialled sees the end after it has ended its side.
   */
  private endForDialled(): void {
    this.forth.end({ losesRest: true });
    if (this.options.toss()) this.back.loseAll();
  }

  private break(socket: net.Socket): void {
    if (this.options.toss()) socket.resetAndDestroy();
    else socket.destroy();
  }

  private watch(socket: net.Socket, from: Flow, to: Flow): void {
    const end = (): void => {
      from.end({ losesRest: this.options.losesWithSender() });
    };
    socket.on('data', (chunk) => {
      from.carry(chunk);
    });
    socket.on('drain', () => {
      to.drained();
    });
    socket.on('end', end);
    socket.on('error', () => {
      // 'close' follows.
    });
    socket.on('close', () => {
      // As the system does where nobody listens.
      if (socket === this.dialled && !this.isConnected) this.dialler.resetAndDestroy();
      end();
      to.loseAll();
      from.sourceClosed();
      if (this.dialler.destroyed && this.dialled.destroyed) this.options.onGone();
    });
  }
}

interface Piece {
  readonly arrivesAt: number;
  readonly bytes: Buffer;
}

/** One direction of a connection. */
class Flow {
  /** No more will come from the source. */
  hasEnd = false;
  private readonly pieces: Piece[] = [];
  private waitingBytes = 0;
  private latestArrival = 0;
  /** When the line is free again; it is busy with a piece for as long as its bytes take. */
  private freeAt = 0;
  private endArrivesAt = Infinity;
  private isEndDelivered = false;
  private isSourceClosed = false;
  private isBlocked = false;
  private isHeld = false;
  private losesAll = false;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly source: net.Socket,
    private readonly target: net.Socket,
    private readonly conditions: Conditions,
  ) {}

  get heldBytes(): number {
    return this.waitingBytes;
  }

  carry(bytes: Buffer): void {
    if (this.losesAll || this.hasEnd) return;
    const arrivesAt = this.nextArrival();
    if (this.conditions.bytesPerSecond === Infinity) this.pieces.push({ arrivesAt, bytes });
    else {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        this.pieces.push({ arrivesAt, bytes: bytes.subarray(at, at + PIECE_BYTES) });
      }
    }
    this.waitingBytes += bytes.length;
    this.pump();
    if (this.waitingBytes > HELD_BYTES_MAX) this.source.pause();
  }

  /** The source says no more. What is on its way arrives before the target is told, or is lost. */
  end({ losesRest }: { losesRest: boolean }): void {
    if (this.hasEnd) return;
    this.hasEnd = true;
    if (losesRest) this.drop();
    this.endArrivesAt = losesRest ? 0 : this.nextArrival();
    // What still comes is not carried; it has to be read for the end to be seen.
    this.source.resume();
    this.pump();
  }

  /** The source is gone altogether: once the target has been told the end, its side goes too. */
  sourceClosed(): void {
    this.isSourceClosed = true;
    if (this.isEndDelivered) this.target.destroySoon();
  }

  /** From now on only the end is carried. */
  loseAll(): void {
    this.losesAll = true;
    this.drop();
    this.source.resume();
    this.pump();
  }

  /** Holds everything back, as `Conditions.isSilent` does, on this connection alone. */
  hold(isHeld: boolean): void {
    this.isHeld = isHeld;
    this.pump();
  }

  drained(): void {
    this.isBlocked = false;
    this.pump();
  }

  /** Delivers what is due. */
  pump(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    while (!this.isHeld && !this.conditions.isSilent && !this.isBlocked) {
      const piece = this.pieces.at(0);
      const dueAt = Math.max(piece?.arrivesAt ?? this.endArrivesAt, this.freeAt);
      if (dueAt === Infinity || this.isEndDelivered) break;
      const now = performance.now();
      if (dueAt > now) {
        this.wakeIn(dueAt - now);
        break;
      }
      if (piece === undefined) this.deliverEnd();
      else this.deliver(piece, now);
    }
    if (this.waitingBytes < HELD_BYTES_MAX / 2 && this.source.isPaused()) this.source.resume();
  }

  private nextArrival(): number {
    this.latestArrival = Math.max(this.latestArrival, performance.now() + this.conditions.delayMs);
    return this.latestArrival;
  }

  private wakeIn(ms: number): void {
    this.timer = setTimeout(() => {
      this.pump();
    }, Math.ceil(ms));
    // Whoever closes the relay need not wait for what is on its way.
    this.timer.unref();
  }

  private deliver(piece: Piece, now: number): void {
    const { bytes } = piece;
    this.pieces.shift();
    this.waitingBytes -= bytes.length;
    this.freeAt = now + (bytes.length / this.conditions.bytesPerSecond) * 1_000;
    if (this.target.writable && !this.target.write(bytes)) this.isBlocked = true;
  }

  private deliverEnd(): void {
    this.isEndDelivered = true;
    if (this.isSourceClosed) this.target.destroySoon();
    else if (!this.target.destroyed) this.target.end();
  }

  private drop(): void {
    this.pieces.length = 0;
    this.waitingBytes = 0;
  }
}
