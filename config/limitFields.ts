/** The sections `limits` and `timeouts` of the configuration. */
import * as v from 'valibot';
import { wholeNumber } from './fields.js';
import { LIMITS_DEFAULT, TIMEOUTS_DEFAULT } from './limits.js';

export const LIMITS = {
  connections: v.optional(
    wholeNumber(
      1,
      65_536,
      'Connections taken in at once; more are refused. Keep it about 128 below the limit of open ' +
        'files (ulimit -n).',
    ),
    LIMITS_DEFAULT.connections,
  ),
  operationsPerConnection: v.optional(
    wholeNumber(
      1,
      65_536,
      'Operations of one client connection that may be under way; then it is not read from until ' + 'one is answered.',
    ),
    LIMITS_DEFAULT.operationsPerConnection,
  ),
  operations: v.optional(
    wholeNumber(1, 1_048_576, 'Operations of all clients together that may be under way, at 4 KiB of memory each.'),
    LIMITS_DEFAULT.operations,
  ),
  scrubSectorsPerSecond: v.optional(
    wholeNumber(
      0,
      1_000_000,
      'Sectors that a process reads in a second to find damage before anybody needs them; 0: none.',
    ),
    LIMITS_DEFAULT.scrubSectorsPerSecond,
  ),
} satisfies Record<keyof typeof LIMITS_DEFAULT, unknown>;

export const TIMEOUTS = {
  shutdownMs: v.optional(
    wholeNumber(0, 600_000, 'Milliseconds that SIGTERM waits for running operations.'),
    TIMEOUTS_DEFAULT.shutdownMs,
  ),
  retransmitMs: v.optional(
    wholeNumber(
      10,
      60_000,
      'Milliseconds until a message that a peer did not answer is sent again; doubles each time.',
    ),
    TIMEOUTS_DEFAULT.retransmitMs,
  ),
  retransmitMsMax: v.optional(
    wholeNumber(10, 600_000, 'Most milliseconds between two sendings of one message.'),
    TIMEOUTS_DEFAULT.retransmitMsMax,
  ),
  reconnectMs: v.optional(
    wholeNumber(1, 60_000, 'Milliseconds until a lost peer is dialled again; doubles each time, with jitter.'),
    TIMEOUTS_DEFAULT.reconnectMs,
  ),
  reconnectMsMax: v.optional(
    wholeNumber(1, 600_000, 'Most milliseconds between two dials of one peer.'),
    TIMEOUTS_DEFAULT.reconnectMsMax,
  ),
  dialMs: v.optional(
    wholeNumber(10, 120_000, 'Milliseconds after which a peer that does not take a connection counts as down.'),
    TIMEOUTS_DEFAULT.dialMs,
  ),
} satisfies Record<keyof typeof TIMEOUTS_DEFAULT, unknown>;
