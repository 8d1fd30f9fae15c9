/**
 * Chooses the worker for a message that arrived, by its type and sector alone. The message was not checked yet: the
 * worker checks its tag (docs/adr/0021-workers.md).
 */
import { unreachable } from '../core/assert.js';
import type { Inquiry } from '../core/membership/memberMessage.js';
import * as wire from './constants.js';
import type { Frame } from './frame.js';
import { inquiryOf } from './inquiryMessages.js';

export type ShardRoute =
  | { readonly kind: 'one'; readonly shard: number }
  /** It goes to all of them: it may be for any, and means nothing to the others. */
  | { readonly kind: 'all' }
  /** It is about the process as a whole. */
  | { readonly kind: 'inquiry'; readonly inquiry: Inquiry }
  /** It says from which worker of a peer all other messages of its connection come. */
  | { readonly kind: 'declaration' }
  /** It comes from a peer of this implementation that has sent no SHARD. */
  | { readonly kind: 'undeclared' };

const ROUTE_ALL: ShardRoute = { kind: 'all' };
const ROUTE_DECLARATION: ShardRoute = { kind: 'declaration' };
const ROUTE_UNDECLARED: ShardRoute = { kind: 'undeclared' };

/** The routes by shard number, made once. */
const ROUTES_ONE: readonly ShardRoute[] = Array.from({ length: 256 }, (_, shard) => {
  return { kind: 'one', shard };
});

/** @param declared The shard that the other end has declared by SHARD; null: it has not. */
export function shardRouteOf({ type, bytes }: Frame, shardCount: number, declared: number | null): ShardRoute {
  const inquiry = inquiryOf(type.code);
  // MAP is about sectors: its first sector stands where a request has its sector.
  if (inquiry !== null && inquiry !== 'map') return { kind: 'inquiry', inquiry };
  const kind = kindOf(type.code);
  switch (kind) {
    case 'request':
      // The declared shard is not used, so that a client gains nothing by replaying a SHARD.
      return ROUTES_ONE[shardAt(bytes, wire.OFFSET_REQUEST_SECTOR, shardCount)];
    case 'process':
      return ROUTES_ONE[declared ?? shardAt(bytes, wire.OFFSET_PROCESS_SECTOR, shardCount)];
    case 'receipt':
      return declared === null ? ROUTE_ALL : ROUTES_ONE[declared];
    case 'declaration':
      return ROUTE_DECLARATION;
    case 'ownImplementation':
      return declared === null ? ROUTE_UNDECLARED : ROUTES_ONE[declared];
    default:
      return unreachable(kind);
  }
}

type RoutedKind = 'request' | 'process' | 'receipt' | 'declaration' | 'ownImplementation';

function kindOf(code: number): RoutedKind {
  switch (code) {
    case wire.TYPE_READ:
    case wire.TYPE_WRITE:
    case wire.TYPE_MAP:
      return 'request';
    case wire.TYPE_READ_PROC:
    case wire.TYPE_VALUE:
    case wire.TYPE_WRITE_PROC:
    case wire.TYPE_ACK:
      return 'process';
    case wire.TYPE_SHARD:
      return 'declaration';
    default:
      return code < wire.TYPE_EXTENSION_MIN ? 'receipt' : 'ownImplementation';
  }
}

/** The u64 at that offset, modulo the number of shards. */
function shardAt(bytes: Uint8Array, at: number, shardCount: number): number {
  let rest = 0;
  for (let index = at; index < at + 8; index += 1) rest = (rest * 256 + bytes[index]) % shardCount;
  return rest;
}
