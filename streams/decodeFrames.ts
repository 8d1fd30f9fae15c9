import type { OperatorFunction } from 'rxjs';
import { Observable } from 'rxjs';
import type { Frame } from '../src/wire/frame.js';
import { createFrameDecoder } from '../src/wire/frame.js';
import type { MessageTable } from '../src/wire/messageTypes.js';

/**
 * Cuts a stream of bytes into the messages that `table` knows, wherever the chunks were cut.
 *
 * ```
 * chunks  -a--b----c--|      a = half a READ, b = its other half and an ACK, c = garbage
 * frames  ----(rk)----|      r = the READ, k = the ACK
 * ```
 *
 * An error or the end of the source is passed on, and an incomplete message is dropped then. Bound: one incomplete
 * message, of at most `sizeMax` bytes (see src/wire/frame.ts). Each subscription has a decoder of its own.
 */
export function decodeFrames(table: MessageTable, sizeMax?: () => number): OperatorFunction<Uint8Array, Frame> {
  return (chunk$) =>
    new Observable((subscriber) => {
      const decoder = createFrameDecoder(table, sizeMax);
      return chunk$.subscribe({
        next: (chunk) => {
          for (const frame of decoder.push(chunk)) subscriber.next(frame);
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: () => {
          subscriber.complete();
        },
      });
    });
}
