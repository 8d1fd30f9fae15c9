import type { OperatorFunction } from 'rxjs';
import { map } from 'rxjs';
import type { Frame } from '../src/wire/frame.js';
import type { ParsedFrame } from '../src/wire/wireMessage.js';

/**
 * Reads the fields of each frame. Lists are read later, once the tag has turned out to be right. The frame is emitted
 * with the fields, because the tag covers its bytes.
 *
 * ```
 * frames    -a-a-|
 * messages  -m-m-|        m = { frame: a, message: fields of a }
 * ```
 *
 * Frames are complete, so reading them cannot fail. Nothing is kept.
 */
export function parseFrames(): OperatorFunction<Frame, ParsedFrame> {
  return map(({ type, bytes }) => ({ frame: bytes, message: type.parse(bytes) }));
}
