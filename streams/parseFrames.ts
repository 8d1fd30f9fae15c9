import type { OperatorFunction } from 'rxjs';
import { map } from 'rxjs';
import type { Frame } from '../src/wire/frame.js';
import type { Decoded } from '../src/wire/wireMessage.js';

/**
 * Reads the fields of each frame, but for lists, which are read when the tag has turned out right; the frame stays
 * beside them, since the tag covers its bytes.
 *
 * ```
 * frames    -a-a-|
 * messages  -m-m-|        m = { frame: a, message: fields of a }
 * ```
 *
 * Frames are complete, so reading them cannot fail. Nothing is kept.
 */
export function parseFrames(): OperatorFunction<Frame, Decoded> {
  return map(({ type, bytes }) => ({ frame: bytes, message: type.parse(bytes) }));
}
