/** The requests in a pack (docs/strict-wire.md): reader and writer of each. */
import { assert, unreachable } from '../../core/assert.js';
import { isMember } from '../../core/rank.js';
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';
import { EXTENT_SECTORS } from '../../core/strict/range.js';
import type { HeldData, OrderWants, RangeData, ReplicaRequest } from '../../core/strict/replicaMessage.js';
import * as layout from './layout.js';
import type { PackBuilder } from './packBuilder.js';
import { MessageSize } from './packBuilder.js';
import type { MessageHead, PackReader } from './packReader.js';

/** A request, and the number that its answer names. CONCLUDED has a number too, which nothing names. */
export interface NumberedRequest {
  /** A safe integer, 0 or more. */
  readonly number: number;
  readonly request: ReplicaRequest;
}

/** The flags of QUERY. */
const QUERY_DATA = 1;
/** The flags of ORDER are an index in this list. */
const ORDER_WANTS: readonly OrderWants[] = ['nothing', 'versions', 'data'];
/** The flags of STORE and LEARN. */
const DATA_FOLLOWS = 0;
const DATA_ZEROS = 1;
const DATA_HELD = 2;

/** @returns null if something is wrong, which the reader has noted. */
export function readRequest(reader: PackReader, head: MessageHead): ReplicaRequest | null {
  switch (head.kind) {
    case layout.KIND_QUERY:
      return readQuery(reader, head);
    case layout.KIND_ORDER:
      return readOrder(reader, head);
    case layout.KIND_STORE:
      return readStore(reader, head, true);
    case layout.KIND_LEARN:
      return readStore(reader, head, false);
    case layout.KIND_CONCLUDED:
      return readConcluded(reader, head);
    case layout.KIND_LIST:
      return readList(reader, head);
    default:
      return reader.refuse(`there is no request of the kind ${head.kind}`);
  }
}

function readQuery(reader: PackReader, head: MessageHead): ReplicaRequest | null {
  if (head.flags > QUERY_DATA) return unknownFlags(reader, 'QUERY', head);
  if (!hasPayload(reader, 'QUERY', head, 0)) return null;
  return { kind: 'query', range: head.range, wantsData: head.flags === QUERY_DATA };
}

function readOrder(reader: PackReader, head: MessageHead): ReplicaRequest | null {
  const wants = ORDER_WANTS.at(head.flags);
  if (wants === undefined) return unknownFlags(reader, 'ORDER', head);
  if (!hasPayload(reader, 'ORDER', head, layout.SIZE_STRICT_STAMP)) return null;
  const stamp = reader.ownStamp();
  return stamp && { kind: 'order', range: head.range, stamp, wants };
}

function readStore(reader: PackReader, head: MessageHead, isStore: boolean): ReplicaRequest | null {
  const { range, flags } = head;
  const name = isStore ? 'STORE' : 'LEARN';
  if (flags > (isStore ? DATA_HELD : DATA_ZEROS)) return unknownFlags(reader, name, head);
  let length = 2 * layout.SIZE_STRICT_STAMP;
  if (flags === DATA_HELD) length += layout.SIZE_STRICT_STAMP;
  if (flags === DATA_FOLLOWS) length += range.count * SECTOR_SIZE_BYTES;
  if (!hasPayload(reader, name, head, length)) return null;
  const version = reader.versionOf(reader.ownStamp(), reader.stamp());
  if (version === null) return null;
  if (flags === DATA_HELD) {
    const held = reader.stamp();
    return held && { kind: 'store', range, ...version, data: { held } };
  }
  const data = flags === DATA_ZEROS ? 'zeros' : reader.data(range.count);
  return { kind: isStore ? 'store' : 'learn', range, ...version, data };
}

/** The flags of CONCLUDED are the number of ranks, which go up. */
function readConcluded(reader: PackReader, head: MessageHead): ReplicaRequest | null {
  const { flags: rankCount, range } = head;
  const { processCount } = reader.limits;
  if (!hasPayload(reader, 'CONCLUDED', head, layout.SIZE_STRICT_STAMP + layout.aligned(rankCount))) return null;
  const stamp = reader.ownStamp();
  if (stamp === null) return null;
  const lacking: number[] = [];
  let last = 0;
  for (let index = 0; index < rankCount; index += 1) {
    const rank = reader.byteAt(reader.at + index);
    if (!isMember(rank, processCount) || rank <= last) {
      return reader.refuse(`CONCLUDED names rank ${rank} behind ${last}; ranks go up to ${processCount}`);
    }
    lacking.push(rank);
    last = rank;
  }
  if (!reader.areZeros(reader.at + rankCount, head.end)) return reader.refuse('the padding of CONCLUDED is not zeros');
  reader.at = head.end;
  return { kind: 'concluded', range, stamp, lacking };
}

function readList(reader: PackReader, head: MessageHead): ReplicaRequest | null {
  const { flags, range } = head;
  if (flags !== 0) return unknownFlags(reader, 'LIST', head);
  if (!hasPayload(reader, 'LIST', head, 0)) return null;
  const isWhole = range.first % EXTENT_SECTORS === 0 && range.count === 1;
  if (!isWhole) return reader.refuse(`LIST is about sector ${range.first}, which begins no extent, or about several`);
  return { kind: 'list', range };
}

function unknownFlags(reader: PackReader, name: string, { flags }: MessageHead): null {
  return reader.refuse(`${name} has the flags ${flags}, which are unknown`);
}

function hasPayload(reader: PackReader, name: string, { end }: MessageHead, expected: number): boolean {
  const found = end - reader.at;
  if (found === expected) return true;
  reader.refuse(`${name} has a payload of ${found} bytes, and should have ${expected}`);
  return false;
}

/** What the request takes in a pack, with its head. */
export function requestSize(request: ReplicaRequest): MessageSize {
  const size = new MessageSize(layout.SIZE_MESSAGE_HEAD);
  switch (request.kind) {
    case 'query':
    case 'list':
      break;
    case 'order':
      size.add(layout.SIZE_STRICT_STAMP);
      break;
    case 'store':
    case 'learn':
      size.add(2 * layout.SIZE_STRICT_STAMP);
      if (isHeld(request.data)) size.add(layout.SIZE_STRICT_STAMP);
      else if (request.data !== 'zeros') size.addData(request.data);
      break;
    case 'concluded':
      size.add(layout.SIZE_STRICT_STAMP + layout.aligned(request.lacking.length));
      break;
    default:
      return unreachable(request);
  }
  return size;
}

export function writeRequest(builder: PackBuilder, { number, request }: NumberedRequest, sizeBytes: number): void {
  const { range } = request;
  const head = (kind: number, flags: number): void => {
    builder.head(kind, flags, range, number, sizeBytes);
  };
  switch (request.kind) {
    case 'query':
      head(layout.KIND_QUERY, request.wantsData ? QUERY_DATA : 0);
      break;
    case 'order':
      head(layout.KIND_ORDER, ORDER_WANTS.indexOf(request.wants));
      builder.stamp(request.stamp);
      break;
    case 'store':
    case 'learn': {
      const { data } = request;
      head(request.kind === 'store' ? layout.KIND_STORE : layout.KIND_LEARN, flagsOf(data));
      builder.stamp(request.stamp);
      builder.stamp(request.origin);
      if (isHeld(data)) builder.stamp(data.held);
      else if (data !== 'zeros') {
        assert(data.length === range.count * SECTOR_SIZE_BYTES, `${data.length} bytes for ${range.count} sectors`);
        builder.data(data);
      }
      break;
    }
    case 'concluded': {
      const ranks = [...request.lacking].sort((a, b) => a - b);
      head(layout.KIND_CONCLUDED, ranks.length);
      builder.stamp(request.stamp);
      for (const rank of ranks) builder.u8(rank);
      builder.align(ranks.length);
      break;
    }
    case 'list':
      head(layout.KIND_LIST, 0);
      break;
    default:
      unreachable(request);
  }
}

function flagsOf(data: RangeData | HeldData): number {
  if (isHeld(data)) return DATA_HELD;
  return data === 'zeros' ? DATA_ZEROS : DATA_FOLLOWS;
}

function isHeld(data: RangeData | HeldData): data is HeldData {
  return typeof data === 'object' && 'held' in data;
}
