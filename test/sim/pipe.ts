/**
 * One direction of a simulated TCP connection: bytes arrive in order and whole, after a while, in pieces that have
 * nothing to do with how they were written; or nothing arrives any more.
 */
import type { Dice } from '../helpers/seed.js';
import type { Actor } from './actor.js';
import type { World } from './world.js';

/** What the system takes of a sender before it makes it wait. */
export const WINDOW_BYTES = 262_144;
/** Read from a socket at once, at most. */
const CHUNK_BYTES_MAX = 65_536;
/** A system repeats what was not acknowledged after about this. */
export const RESEND_US = 300_000;

interface Segment {
  /** null: the sender's half ends here. */
  bytes: Uint8Array | null;
  readonly arrivalUs: number;
}

/** What a pipe needs of the network that it belongs to. */
export interface PipeNetwork<Place> {
  readonly world: World;
  delayUs(from: Place, to: Place, sizeBytes: number, dice: Dice): number;
  isBlocked(from: Place, to: Place): boolean;
  waitForUnblock(retry: () => void): void;
}

/** What a pipe needs of its two sides. */
export interface PipeEnd<Place> {
  readonly host: Place;
  readonly actor: Actor;
  /** Whether what arrives is read now. */
  readonly takesBytes: boolean;
  /** Whether the sender's end is, if there is nothing before it. */
  readonly takesEnd: boolean;
  onBytes(bytes: Uint8Array): void;
  /** The sender's half has ended. */
  onEnd(): void;
  /** The other side has taken bytes. */
  onTaken(): void;
}

export class Pipe<Place> {
  /** Written and not yet read by the other side. */
  inFlightBytes = 0;
  private segments: Segment[] = [];
  private latestArrivalUs = 0;
  private isScheduled = false;
  /** Nothing arrives any more. */
  private isCut = false;
  /** Nothing that is sent from now on arrives: something before it was lost. */
  private hasLostTail = false;

  constructor(
    private readonly network: PipeNetwork<Place>,
    private readonly from: PipeEnd<Place>,
    private readonly to: PipeEnd<Place>,
    private readonly dice: Dice,
  ) {}

  /** Bytes that the system has not taken from the sender yet. */
  get bufferedBytes(): number {
    return Math.max(0, this.inFlightBytes - WINDOW_BYTES);
  }

  send(bytes: Uint8Array | null): void {
    if (this.isCut) return;
    const size = bytes?.length ?? 0;
    if (this.hasLostTail) {
      this.inFlightBytes += size;
      return;
    }
    const nowUs = this.network.world.nowUs;
    const delayUs = this.network.delayUs(this.from.host, this.to.host, size, this.dice);
    const arrivalUs = Math.max(this.latestArrivalUs, nowUs + delayUs);
    this.latestArrivalUs = arrivalUs;
    this.inFlightBytes += size;
    this.segments.push({ bytes, arrivalUs });
    this.pump();
  }

  /** Looks whether something can arrive. To be called when what held it up is over. */
  pump(): void {
    const { world } = this.network;
    if (this.isScheduled || this.isCut || !this.toTakesNext) return;
    this.isScheduled = true;
    const waitUs = this.segments[0].arrivalUs - world.nowUs;
    world.schedule(this.to.actor, waitUs, () => {
      this.isScheduled = false;
      this.deliver();
    });
  }

  /** What is on its way arrives up to some byte; the rest is lost. */
  loseTail(): void {
    this.hasLostTail = true;
    const kept = this.dice.below(this.segments.length + 1);
    for (const { bytes } of this.segments.splice(kept)) this.inFlightBytes -= bytes?.length ?? 0;
    const last = this.segments.at(-1);
    if (last?.bytes == null || this.dice.below(2) === 0) return;
    const shorter = last.bytes.subarray(0, 1 + this.dice.below(last.bytes.length));
    this.inFlightBytes -= last.bytes.length - shorter.length;
    last.bytes = shorter;
  }

  /** Nothing of what is on its way, or comes after it, arrives. */
  cut(): void {
    this.isCut = true;
    this.segments = [];
    this.inFlightBytes = 0;
  }

  /** When what is on its way will all have arrived. */
  get drainedAtUs(): number {
    return Math.max(this.network.world.nowUs, this.latestArrivalUs);
  }

  private get toTakesNext(): boolean {
    const next = this.segments.at(0);
    if (next === undefined) return false;
    return next.bytes === null ? this.to.takesEnd : this.to.takesBytes;
  }

  private deliver(): void {
    const { network, from, to } = this;
    if (this.isCut || this.segments.length === 0) return;
    if (network.isBlocked(from.host, to.host)) {
      network.waitForUnblock(() => {
        this.pump();
      });
      return;
    }
    if (!this.toTakesNext) return;
    if (this.segments[0].bytes === null) {
      this.segments.shift();
      to.onEnd();
    } else {
      const chunk = this.takeChunk();
      this.inFlightBytes -= chunk.length;
      to.onBytes(chunk);
      from.onTaken();
    }
    this.pump();
  }

  /** What has arrived by now, or a part of it: where the cuts are is up to chance. */
  private takeChunk(): Uint8Array {
    const { nowUs } = this.network.world;
    const pieces: Uint8Array[] = [];
    let size = 0;
    const countMax = this.dice.below(2) === 0 ? 1 : this.segments.length;
    while (pieces.length < countMax && this.segments.length > 0) {
      const { bytes, arrivalUs } = this.segments[0];
      if (bytes === null || arrivalUs > nowUs || size + bytes.length > CHUNK_BYTES_MAX) break;
      this.segments.shift();
      pieces.push(bytes);
      size += bytes.length;
    }
    if (pieces.length === 0) {
      // Longer than what is read at once.
      const { bytes, arrivalUs } = this.segments[0];
      const whole = bytes ?? new Uint8Array(0);
      this.segments[0] = { bytes: whole.subarray(CHUNK_BYTES_MAX), arrivalUs };
      return whole.subarray(0, CHUNK_BYTES_MAX);
    }
    const chunk = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    if (chunk.length < 2 || this.dice.below(6) > 0) return chunk;
    const cut = 1 + this.dice.below(chunk.length - 1);
    this.segments.unshift({ bytes: chunk.subarray(cut), arrivalUs: nowUs });
    return chunk.subarray(0, cut);
  }
}
