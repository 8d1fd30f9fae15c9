/**
 * HELLO, version 1 (docs/peer-extension.md): it identifies the sender. The version field is not read, because version 2
 * has a type of its own (helloMessage.ts).
 */
import type { Incarnation, StorageId } from '../core/membership/identity.js';
import { MEMBER_STATES } from '../core/membership/identity.js';
import type { OldHello } from '../core/membership/memberMessage.js';
import type { Rank } from '../core/rank.js';
import { RANK_MAX } from '../core/rank.js';
import { INCARNATION_MAX } from '../core/stamp.js';
import * as wire from './constants.js';
import { begin, fromSender, typed, withId, withNumbers } from './fields.js';
import { fixedSize } from './messageType.js';
import { beginMessage } from './serialize.js';
import type { Tagger } from './tag.js';

interface OldHelloFields {
  /** Any byte. */
  readonly sender: number;
  readonly storage: StorageId;
  /** Any byte. */
  readonly memberState: number;
  /** 1: `known` is an id. */
  readonly isKnown: number;
  readonly incarnation: Incarnation;
  readonly known: StorageId;
}

export interface OldHelloMessage extends OldHelloFields {
  readonly family: 'oldHello';
  readonly incarnations: () => readonly Incarnation[];
}

const parseFields = typed<OldHelloFields>(
  withId(withId(fromSender(), 'storage').seek(2).uint8('memberState').uint8('isKnown').uint32('incarnation'), 'known'),
);

const parseIncarnations = typed<{ readonly incarnations: readonly Incarnation[] }>(
  withNumbers(begin().seek(wire.OFFSET_OLD_HELLO_INCARNATIONS), 'incarnations', RANK_MAX),
);

export const OLD_HELLO = fixedSize(
  wire.TYPE_OLD_HELLO,
  'HELLO, version 1',
  wire.SIZE_OLD_HELLO,
  (frame): OldHelloMessage => ({
    family: 'oldHello',
    ...parseFields(frame),
    incarnations: () => parseIncarnations(frame).incarnations,
  }),
);

/** @returns null if a field is out of its range. */
export function readOldHello(message: OldHelloMessage, processCount: number): OldHello | null {
  const { storage, incarnation } = message;
  const memberState = MEMBER_STATES.at(message.memberState);
  const incarnations = message.incarnations().slice(0, processCount);
  const isWrong = [incarnation, ...incarnations].some((one) => one > INCARNATION_MAX);
  if (memberState === undefined || isWrong) return null;
  const known = message.isKnown === 1 ? message.known : null;
  return { memberState, storage, incarnation, known, incarnations };
}

export function serializeOldHello(sender: Rank, hello: OldHello, tagger: Tagger): Buffer {
  const { memberState, storage, incarnation, known, incarnations } = hello;
  const bytes = beginMessage(wire.SIZE_OLD_HELLO, sender, wire.TYPE_OLD_HELLO).fill(0, wire.HEADER_SIZE_BYTES);
  bytes.write(storage, wire.OFFSET_OLD_HELLO_STORAGE, 'latin1');
  bytes.writeUInt16BE(wire.OLD_HELLO_VERSION, wire.OFFSET_OLD_HELLO_VERSION);
  bytes[wire.OFFSET_OLD_HELLO_MEMBER_STATE] = MEMBER_STATES.indexOf(memberState);
  bytes[wire.OFFSET_OLD_HELLO_IS_KNOWN] = known === null ? 0 : 1;
  bytes.writeUInt32BE(incarnation, wire.OFFSET_OLD_HELLO_INCARNATION);
  bytes.write(known ?? '', wire.OFFSET_OLD_HELLO_KNOWN, 'latin1');
  incarnations.forEach((one, index) => {
    bytes.writeUInt16BE(one, wire.OFFSET_OLD_HELLO_INCARNATIONS + 2 * index);
  });
  tagger.sign(bytes);
  return bytes;
}
