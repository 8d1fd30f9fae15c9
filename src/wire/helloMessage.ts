/**
 * HELLO, version 2 (docs/peer-extension.md): it identifies the sender and the addressee, and has the sender's
 * configuration. Version 1 is in oldHelloMessage.ts.
 */
import type { Configuration } from '../core/membership/configuration.js';
import { MEMBER_STATES } from '../core/membership/identity.js';
import type { MemberState } from '../core/membership/identity.js';
import type { Hello, LinkToken } from '../core/membership/memberMessage.js';
import type { Rank } from '../core/rank.js';
import { RANK_MAX } from '../core/rank.js';
import { INCARNATION_MAX } from '../core/stamp.js';
import * as wire from './constants.js';
import { fixedSize } from './messageType.js';
import { beginMessage } from './serialize.js';
import type { Tagger } from './tag.js';

/** What a HELLO says about the connection over which it is sent. */
export interface HelloEnvelope {
  readonly sender: Rank;
  /** The rank that the sender takes the other side for. */
  readonly addressee: Rank;
  /** The token that the sender drew for the connection. */
  readonly token: LinkToken;
  /** The token that the other side drew for it; LINK_TOKEN_NONE: none has come yet. */
  readonly echo: LinkToken;
}

export interface HelloMessage extends HelloEnvelope {
  readonly family: 'hello';
  /** Reads the rest. null: a field is out of its range. */
  readonly content: () => Hello | null;
}

export const HELLO_MESSAGE = fixedSize(wire.TYPE_HELLO, 'HELLO', wire.SIZE_HELLO, readHello);

const NO_ID = '\0'.repeat(wire.ID_SIZE_BYTES);

/** Bits of the byte at OFFSET_HELLO_FLAGS. */
const FLAG_KNOWN = 1;
const FLAG_IN_USE = 2;
const FLAG_FOUNDER = 4;
const FLAG_VOUCHED = 8;
const FLAG_DATA = 16;
const FLAG_READY = 32;
const FLAG_DRAINED = 64;

function readHello(frame: Uint8Array): HelloMessage {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  return {
    family: 'hello',
    sender: bytes[wire.OFFSET_SENDER],
    addressee: bytes[wire.OFFSET_HELLO_ADDRESSEE],
    token: idAt(bytes, wire.OFFSET_HELLO_TOKEN),
    echo: idAt(bytes, wire.OFFSET_HELLO_ECHO),
    content: () => readContent(bytes),
  };
}

function readContent(bytes: Buffer): Hello | null {
  const memberState: MemberState | undefined = MEMBER_STATES.at(bytes[wire.OFFSET_HELLO_MEMBER_STATE]);
  const configuration = readConfiguration(bytes);
  if (memberState === undefined || configuration === null) return null;
  const incarnation = bytes.readUInt32BE(wire.OFFSET_HELLO_INCARNATION);
  const incarnations: number[] = [];
  for (let index = 0; index < configuration.processCount; index += 1) {
    incarnations.push(bytes.readUInt16BE(wire.OFFSET_HELLO_INCARNATIONS + 2 * index));
  }
  if ([incarnation, ...incarnations].some((one) => one > INCARNATION_MAX)) return null;
  const flags = bytes[wire.OFFSET_HELLO_FLAGS];
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const founding = idAt(bytes, wire.OFFSET_HELLO_FOUNDING);
  return {
    memberState,
    storage: idAt(bytes, wire.OFFSET_HELLO_STORAGE),
    incarnation,
    known: has(FLAG_KNOWN) ? idAt(bytes, wire.OFFSET_HELLO_KNOWN) : null,
    incarnations,
    founding: founding === NO_ID ? null : founding,
    configuration,
    wasInUse: has(FLAG_IN_USE),
    isFounder: has(FLAG_FOUNDER),
    isVouched: has(FLAG_VOUCHED),
    hasData: has(FLAG_DATA),
    isReady: has(FLAG_READY),
    isDrained: has(FLAG_DRAINED),
  };
}

function readConfiguration(bytes: Buffer): Configuration | null {
  const processCount = bytes[wire.OFFSET_HELLO_PROCESSES];
  const sectors = bytes.readBigUInt64BE(wire.OFFSET_HELLO_SECTORS);
  if (processCount < 1 || processCount > RANK_MAX || sectors > Number.MAX_SAFE_INTEGER) return null;
  return {
    processCount,
    sectors: Number(sectors),
    addresses: idAt(bytes, wire.OFFSET_HELLO_ADDRESSES),
    mode: bytes[wire.OFFSET_HELLO_MODE],
  };
}

/** @param content With the sender's configuration. */
export function serializeHello(
  { sender, addressee, token, echo }: HelloEnvelope,
  content: Hello & { readonly configuration: Configuration },
  tagger: Tagger,
): Buffer {
  const { configuration, known, founding, incarnations } = content;
  const bytes = beginMessage(wire.SIZE_HELLO, sender, wire.TYPE_HELLO);
  bytes.fill(0, wire.HEADER_SIZE_BYTES);
  const writeId = (id: string, at: number): void => void bytes.write(id, at, 'latin1');
  writeId(content.storage, wire.OFFSET_HELLO_STORAGE);
  bytes.writeUInt16BE(wire.HELLO_VERSION, wire.OFFSET_HELLO_VERSION);
  bytes[wire.OFFSET_HELLO_MEMBER_STATE] = MEMBER_STATES.indexOf(content.memberState);
  bytes[wire.OFFSET_HELLO_FLAGS] =
    (known === null ? 0 : FLAG_KNOWN) |
    (content.wasInUse ? FLAG_IN_USE : 0) |
    (content.isFounder ? FLAG_FOUNDER : 0) |
    (content.isVouched ? FLAG_VOUCHED : 0) |
    (content.hasData ? FLAG_DATA : 0) |
    (content.isReady ? FLAG_READY : 0) |
    (content.isDrained ? FLAG_DRAINED : 0);
  bytes.writeUInt32BE(content.incarnation, wire.OFFSET_HELLO_INCARNATION);
  writeId(known ?? NO_ID, wire.OFFSET_HELLO_KNOWN);
  writeId(token, wire.OFFSET_HELLO_TOKEN);
  writeId(echo, wire.OFFSET_HELLO_ECHO);
  writeId(founding ?? NO_ID, wire.OFFSET_HELLO_FOUNDING);
  writeId(configuration.addresses, wire.OFFSET_HELLO_ADDRESSES);
  bytes.writeBigUInt64BE(BigInt(configuration.sectors), wire.OFFSET_HELLO_SECTORS);
  bytes[wire.OFFSET_HELLO_ADDRESSEE] = addressee;
  bytes[wire.OFFSET_HELLO_PROCESSES] = configuration.processCount;
  bytes[wire.OFFSET_HELLO_MODE] = configuration.mode;
  incarnations.forEach((incarnation, index) => {
    bytes.writeUInt16BE(incarnation, wire.OFFSET_HELLO_INCARNATIONS + 2 * index);
  });
  tagger.sign(bytes);
  return bytes;
}

function idAt(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at, at + wire.ID_SIZE_BYTES);
}
