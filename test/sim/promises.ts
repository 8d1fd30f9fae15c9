/**
 * What every message promises, checked against the disks at the moment at which it is sent. A history shows a broken
 * promise only if the right crash comes at the right time; here it shows at once. (The history is checked all the same:
 * these rules are ours, that one is the user's.)
 */
import type { Rank } from '../../src/core/rank.js';
import type { Stamp } from '../../src/core/stamp.js';
import { compareStamps, STAMP_INITIAL } from '../../src/core/stamp.js';
import { DAMAGED, describeName, nameOfSector, nameWordOf, ZEROS, type NameWord } from './sectorName.js';
import type { World } from './world.js';

/** What is durable of a sector in each process, in order of rank. */
export type DurableStamps = (sector: number) => readonly Stamp[];

// Offsets of docs/wire-protocol.md, written here once more.
const TYPE_AT = 7;
const SENDER_AT = 6;
const STATUS_AT = 6;
const UUID_AT = 8;
const NUMBER_AT = 8;
const SECTOR_AT = 24;
const TIMESTAMP_AT = 32;
const WRITE_RANK_AT = 47;
const PROCESS_DATA_AT = 48;
const RESPONSE_DATA_AT = 16;
const HEADER_BYTES = 8;
const TAG_BYTES = 32;

const VALUE = 0x04;
const WRITE_PROC = 0x05;
const ACK = 0x06;
const BUNDLE = 0x84;
const STAMP = 0x86;
const READ_RESPONSE = 0x41;
const WRITE_RESPONSE = 0x42;

interface Written {
  readonly sector: number;
  readonly stamp: Stamp;
}

export interface Disks {
  readonly durable: DurableStamps;
  /** The same, of all disks that each process has had. */
  readonly latest: DurableStamps;
  /** Who votes on a sector, or will when it is up again; the one that votes now is one of them. */
  readonly voters: (voting: Rank, sector: number) => readonly Rank[];
  /** Whether no later life of the process will choose that stamp. */
  readonly mayBeEarly: (rank: Rank, sector: number, stamp: Stamp) => boolean;
}

/** Calls with each value that a process sends under a stamp of its own, in a message or bundle. */
export function stampedIn(message: Uint8Array, rank: Rank, tell: (word: NameWord) => void): void {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
  const messages = bytes[TYPE_AT] === BUNDLE ? messagesIn(bytes) : [bytes];
  for (const one of messages) {
    if (one[TYPE_AT] !== WRITE_PROC || one[WRITE_RANK_AT] !== rank) continue;
    tell(nameOfSector(one, PROCESS_DATA_AT));
  }
}

export class Promises {
  /** By uuid: what a WRITE_PROC asked to hold. */
  private readonly asked = new Map<string, Written>();
  /** By name of a value: the stamp that it got. */
  private readonly written = new Map<NameWord, Written>();
  /** By sector and stamp: the value that got it. */
  private readonly names = new Map<string, NameWord>();

  constructor(
    private readonly world: World,
    private readonly processCount: number,
    private readonly disks: Disks,
  ) {}

  /** By sector: the newest that a client has been answered with or for. */
  private readonly complete = new Map<number, Stamp>();

  /** The stamp that a value got, if it was ever sent. */
  stampOf(word: NameWord): Stamp | null {
    return this.written.get(word)?.stamp ?? null;
  }

  /** A process of that rank, or 0, hands over a message. @param to The name of the other side. */
  onMessage(rank: Rank, to: string, message: Uint8Array): void {
    if (rank === 0) return;
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
    switch (bytes[TYPE_AT]) {
      case BUNDLE:
        for (const one of messagesIn(bytes)) this.onProcessMessage(rank, one);
        break;
      case READ_RESPONSE:
        if (bytes[STATUS_AT] === 0) this.onRead(nameOfSector(bytes, RESPONSE_DATA_AT));
        break;
      case WRITE_RESPONSE: {
        const client = Number(to.replace(/\D/g, ''));
        if (bytes[STATUS_AT] !== 0) break;
        this.onWritten(nameWordOf(client, bytes.readBigUInt64BE(NUMBER_AT)));
        break;
      }
      default:
        this.onProcessMessage(rank, bytes);
    }
  }

  private onProcessMessage(rank: Rank, bytes: Buffer): void {
    switch (bytes[TYPE_AT]) {
      case VALUE:
      case STAMP:
        this.onValue(rank, bytes);
        break;
      case WRITE_PROC:
        this.onWriteProc(rank, bytes);
        break;
      case ACK:
        this.onAck(rank, bytes);
        break;
    }
  }

  private onValue(rank: Rank, bytes: Buffer): void {
    const sector = sectorIn(bytes);
    const stamp = stampIn(bytes);
    this.assertKnown(rank, sector);
    if (compareStamps(this.disks.durable(sector)[rank - 1], stamp) >= 0) return;
    this.broken(`process ${rank} tells of ${describe(stamp)} in sector ${sector} (VALUE)`, sector);
  }

  /** Those who vote without what is complete must never be a majority, whatever was lost. */
  private assertKnown(rank: Rank, sector: number): void {
    const complete = this.complete.get(sector);
    if (complete === undefined) return;
    const held = this.disks.durable(sector);
    const lacking = this.disks.voters(rank, sector).filter((voter) => compareStamps(held[voter - 1], complete) < 0);
    if (lacking.length <= this.processCount / 2) return;
    this.broken(
      `process ${rank} votes, but ${lacking.join(', ')} together do not know of ` +
        `${describe(complete)} of sector ${sector}, which is complete`,
      sector,
    );
  }

  private onWriteProc(rank: Rank, bytes: Buffer): void {
    const sector = sectorIn(bytes);
    const stamp = stampIn(bytes);
    const word = nameOfSector(bytes, PROCESS_DATA_AT);
    this.asked.set(bytes.toString('latin1', UUID_AT, UUID_AT + 16), { sector, stamp });
    this.name(sector, stamp, word);
    if (stamp.writeRank !== rank || bytes[SENDER_AT] !== rank) return;
    // On a disk that it has lost it may have been: what others tell it of that it hands on.
    if (compareStamps(this.disks.latest(sector)[rank - 1], stamp) >= 0) return;
    if (this.disks.mayBeEarly(rank, sector, stamp)) return;
    this.broken(`process ${rank} sends its ${describe(stamp)} of sector ${sector}`, sector);
  }

  /** One stamp, one value; and one value, one stamp, since each attempt to write is made once. */
  private name(sector: number, stamp: Stamp, word: NameWord): void {
    const key = `${sector} ${describe(stamp)}`;
    const known = this.names.get(key);
    this.names.set(key, word);
    if (known !== undefined && known !== word) {
      const values = `${describeName(known)} and ${describeName(word)}`;
      this.world.report('stamps', `stamp ${key} stands for two values, ${values}`);
    }
    if (word === ZEROS || word === DAMAGED) return;
    const before = this.written.get(word);
    this.written.set(word, { sector, stamp });
    if (before === undefined || compareStamps(before.stamp, stamp) === 0) return;
    const stamps = `${describe(before.stamp)} and ${describe(stamp)}`;
    this.world.report('stamps', `value ${describeName(word)} got two stamps, ${stamps}`);
  }

  private onAck(rank: Rank, bytes: Buffer): void {
    const asked = this.asked.get(bytes.toString('latin1', UUID_AT, UUID_AT + 16));
    if (asked === undefined) return;
    const { sector, stamp } = asked;
    if (compareStamps(this.disks.durable(sector)[rank - 1], stamp) >= 0) return;
    this.broken(`process ${rank} acknowledges ${describe(stamp)} of sector ${sector}`, sector);
  }

  private onRead(word: NameWord): void {
    if (word !== ZEROS && word !== DAMAGED) this.assertOnMajority(word, 'a READ is answered with');
  }

  private onWritten(word: NameWord): void {
    this.assertOnMajority(word, 'answered with Ok:');
  }

  private assertOnMajority(word: NameWord, what: string): void {
    const written = this.written.get(word);
    // Of zeros nothing is known by name; with one process nothing is ever sent.
    if (written === undefined) return;
    const { sector, stamp } = written;
    const before = this.complete.get(sector);
    if (before === undefined || compareStamps(stamp, before) > 0) this.complete.set(sector, stamp);
    const holders = this.disks.latest(sector).filter((held) => compareStamps(held, stamp) >= 0).length;
    if (holders > this.processCount / 2) return;
    this.broken(`${what} value ${describeName(word)}, ${describe(stamp)}, sector ${sector}`, sector);
  }

  private broken(what: string, sector: number): void {
    const disks = this.disks.durable(sector).map(describe).join(' ');
    this.world.report('promises', `${what}, but the disks hold ${disks}`);
  }
}

/** A bundle has no tags inside. */
function* messagesIn(bundle: Buffer): Generator<Buffer> {
  const sizes = new Map([
    [VALUE, PROCESS_DATA_AT + 4096],
    [WRITE_PROC, PROCESS_DATA_AT + 4096],
    [STAMP, PROCESS_DATA_AT],
  ]);
  const end = bundle.length - TAG_BYTES;
  for (let at = HEADER_BYTES; at < end;) {
    const size = sizes.get(bundle[at + TYPE_AT]) ?? TIMESTAMP_AT;
    yield bundle.subarray(at, at + size);
    at += size;
  }
}

function sectorIn(bytes: Buffer): number {
  return Number(bytes.readBigUInt64BE(SECTOR_AT));
}

function stampIn(bytes: Buffer): Stamp {
  const timestamp = bytes.readBigUInt64BE(TIMESTAMP_AT);
  return timestamp === 0n ? STAMP_INITIAL : { timestamp, writeRank: bytes[WRITE_RANK_AT] };
}

function describe({ timestamp, writeRank }: Stamp): string {
  return `(${String(timestamp)},${writeRank})`;
}
