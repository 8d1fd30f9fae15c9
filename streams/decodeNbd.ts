import type { OperatorFunction } from 'rxjs';
import { concat, defer, of, takeWhile } from 'rxjs';
import type { Negotiated } from '../src/nbd/handshake.js';
import { createHandshake } from '../src/nbd/handshake.js';
import type { NbdExport } from '../src/nbd/nbdExport.js';
import type { Decoded, RequestDecoder } from '../src/nbd/requestDecoder.js';
import { createRequestDecoder } from '../src/nbd/requestDecoder.js';
import { mapEach } from './mapEach.js';

/** An item that is decoded from the bytes of an NBD client. */
export type NbdInput =
  | Decoded
  /** A part of the handshake, to be sent. */
  | { readonly kind: 'reply'; readonly bytes: Uint8Array }
  /** The handshake is over; requests follow. */
  | { readonly kind: 'negotiated'; readonly negotiated: Negotiated };

/**
 * The server's side of an NBD connection: carries out the handshake, then decodes the requests of the client.
 *
 * ```
 * bytes   --h-g------q----|      h, g = the handshake in two pieces, q = a request
 * output  r---(rrrn)-q----|      r = a reply, the first one the greeting; n = negotiated
 * ```
 *
 * Completes after an `end`, or with the source; errors are passed on. Bound: one option or one request, which is what
 * the two decoders keep (src/nbd/handshake.ts, src/nbd/requestDecoder.ts).
 */
export function decodeNbd(exports: readonly NbdExport[]): OperatorFunction<Uint8Array, NbdInput> {
  return (chunk$) =>
    defer(() => {
      const handshake = createHandshake(exports);
      let decoder: RequestDecoder | null = null;
      const decode = (chunk: Uint8Array): NbdInput[] => {
        if (decoder !== null) return decoder.push(chunk);
        const { replies, end } = handshake.push(chunk);
        const inputs = replies.map((bytes): NbdInput => ({ kind: 'reply', bytes }));
        if (end === null) return inputs;
        if (end.kind === 'closed') return [...inputs, { kind: 'end', reason: end.reason }];
        const { negotiated, rest } = end;
        decoder = createRequestDecoder(negotiated);
        return [...inputs, { kind: 'negotiated', negotiated }, ...decoder.push(rest)];
      };
      const greeting: NbdInput = { kind: 'reply', bytes: handshake.greeting };
      return concat(of(greeting), chunk$.pipe(mapEach(decode))).pipe(takeWhile(({ kind }) => kind !== 'end', true));
    });
}
