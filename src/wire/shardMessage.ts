/**
 * SHARD (docs/peer-extension.md): the first message of a worker that dials a peer. It says to which shard all its
 * messages belong.
 */
import type { Rank } from '../core/rank.js';
import type { Shard } from '../core/shard.js';
import * as wire from './constants.js';
import { fixedSize } from './messageType.js';
import { beginMessage } from './serialize.js';
import type { Tagger } from './tag.js';

export const SHARD_MESSAGE = fixedSize(wire.TYPE_SHARD, 'SHARD', wire.SIZE_SHARD, (frame): ShardMessage => ({
  family: 'shard',
  ...readShard(frame),
}));

export interface ShardFields {
  /** Any byte. */
  readonly sender: number;
  readonly index: number;
  readonly count: number;
}

export interface ShardMessage extends ShardFields {
  readonly family: 'shard';
}

export function readShard(frame: Uint8Array): ShardFields {
  return {
    sender: frame[wire.OFFSET_SENDER],
    index: twoBytes(frame, wire.OFFSET_SHARD_INDEX),
    count: twoBytes(frame, wire.OFFSET_SHARD_COUNT),
  };
}

export function serializeShard(sender: Rank, { index, count }: Shard, tagger: Tagger): Buffer {
  const bytes = beginMessage(wire.SIZE_SHARD, sender, wire.TYPE_SHARD);
  bytes.fill(0, wire.HEADER_SIZE_BYTES);
  bytes.writeUInt16BE(index, wire.OFFSET_SHARD_INDEX);
  bytes.writeUInt16BE(count, wire.OFFSET_SHARD_COUNT);
  tagger.sign(bytes);
  return bytes;
}

function twoBytes(bytes: Uint8Array, at: number): number {
  return bytes[at] * 256 + bytes[at + 1];
}
