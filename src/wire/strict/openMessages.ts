/**
 * OPEN and OPENED (docs/strict-wire.md): a client asks a process over a new connection how it may be spoken to, and
 * what it is.
 */
import type { MemberState } from '../../core/membership/identity.js';
import { MEMBER_STATES } from '../../core/membership/identity.js';
import type { LinkToken } from '../../core/membership/memberMessage.js';
import type { RegisterMode } from '../../core/membership/registerMode.js';
import { REGISTER_MODES } from '../../core/membership/registerMode.js';
import type { Rank } from '../../core/rank.js';
import { RANK_MAX } from '../../core/rank.js';
import { INCARNATION_MAX } from '../../core/stamp.js';
import type { Incarnations } from '../../core/strict/replicaMessage.js';
import * as wire from '../constants.js';
import { begin, typed, withId } from '../fields.js';
import { fixedSize } from '../messageType.js';
import { beginMessage } from '../serialize.js';
import type { Tagger } from '../tag.js';
import * as layout from './layout.js';

/** The version of PACK and of these messages. */
export const STRICT_VERSION = 1;

export interface OpenFields {
  /** Drawn by the client for the connection. */
  readonly token: LinkToken;
  /** The version that the client speaks: any u16. */
  readonly version: number;
}

export interface OpenMessage extends OpenFields {
  readonly family: 'open';
}

/** What a process says of itself. */
export interface Opened {
  readonly rank: Rank;
  /** The token of the OPEN that this answers. */
  readonly echo: LinkToken;
  /** The version that the process speaks. */
  readonly version: number;
  readonly mode: RegisterMode;
  readonly processCount: number;
  /** Only a member answers requests. */
  readonly memberState: MemberState;
  /** The size of its disk. */
  readonly sectors: number;
  /** As many as there are processes. */
  readonly incarnations: Incarnations;
}

export interface OpenedMessage {
  readonly family: 'opened';
  /** Reads the fields. null: one is out of its range. */
  readonly content: () => Opened | null;
}

const parseOpen = typed<OpenFields>(withId(begin().seek(layout.OFFSET_OPEN_TOKEN), 'token').uint16('version'));

export const OPEN = fixedSize(wire.TYPE_OPEN, 'OPEN', layout.SIZE_OPEN, (frame): OpenMessage => ({
  family: 'open',
  ...parseOpen(frame),
}));

const TYPE_OPENED = wire.TYPE_OPEN + wire.TYPE_ANSWER;

export const OPENED = fixedSize(TYPE_OPENED, 'OPENED', layout.SIZE_OPENED, (frame): OpenedMessage => ({
  family: 'opened',
  content: () => readOpened(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)),
}));

function readOpened(bytes: Buffer): Opened | null {
  const rank = bytes[wire.OFFSET_SENDER];
  const mode = REGISTER_MODES.at(bytes[layout.OFFSET_OPENED_MODE]);
  const processCount = bytes[layout.OFFSET_OPENED_PROCESSES];
  const memberState = MEMBER_STATES.at(bytes[layout.OFFSET_OPENED_MEMBER_STATE]);
  const sectors = bytes.readBigUInt64BE(layout.OFFSET_OPENED_SECTORS);
  if (mode === undefined || memberState === undefined || sectors > Number.MAX_SAFE_INTEGER) return null;
  if (processCount < 1 || processCount > RANK_MAX || rank < 1 || rank > processCount) return null;
  const incarnations: number[] = [];
  for (let index = 0; index < processCount; index += 1) {
    incarnations.push(bytes.readUInt16BE(layout.OFFSET_OPENED_INCARNATIONS + 2 * index));
  }
  if (incarnations.some((incarnation) => incarnation > INCARNATION_MAX)) return null;
  const echo = bytes.toString('latin1', layout.OFFSET_OPEN_TOKEN, layout.OFFSET_OPEN_VERSION);
  const version = bytes.readUInt16BE(layout.OFFSET_OPEN_VERSION);
  return { rank, echo, version, mode, processCount, memberState, sectors: Number(sectors), incarnations };
}

export function serializeOpen({ token, version }: OpenFields, tagger: Tagger): Buffer {
  const bytes = beginMessage(layout.SIZE_OPEN, 0, wire.TYPE_OPEN).fill(0, wire.HEADER_SIZE_BYTES);
  writeTokenAndVersion(bytes, token, version);
  tagger.sign(bytes);
  return bytes;
}

export function serializeOpened(opened: Opened, tagger: Tagger): Buffer {
  const bytes = beginMessage(layout.SIZE_OPENED, opened.rank, TYPE_OPENED).fill(0, wire.HEADER_SIZE_BYTES);
  writeTokenAndVersion(bytes, opened.echo, opened.version);
  bytes[layout.OFFSET_OPENED_MODE] = REGISTER_MODES.indexOf(opened.mode);
  bytes[layout.OFFSET_OPENED_PROCESSES] = opened.processCount;
  bytes[layout.OFFSET_OPENED_MEMBER_STATE] = MEMBER_STATES.indexOf(opened.memberState);
  bytes.writeBigUInt64BE(BigInt(opened.sectors), layout.OFFSET_OPENED_SECTORS);
  opened.incarnations.forEach((incarnation, index) => {
    bytes.writeUInt16BE(incarnation, layout.OFFSET_OPENED_INCARNATIONS + 2 * index);
  });
  tagger.sign(bytes);
  return bytes;
}

function writeTokenAndVersion(bytes: Buffer, token: LinkToken, version: number): void {
  bytes.write(token, layout.OFFSET_OPEN_TOKEN, 'latin1');
  bytes.writeUInt16BE(version, layout.OFFSET_OPEN_VERSION);
}
