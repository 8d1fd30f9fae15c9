import type { OperatorFunction } from 'rxjs';
import { map } from 'rxjs';
import type { Verdict, VerdictOptions } from '../src/wire/verdict.js';
import { judge } from '../src/wire/verdict.js';
import type { Decoded } from '../src/wire/wireMessage.js';

/**
 * Checks each message's tag and ranges and says what is to be done about it. Bad input becomes a verdict too (refused,
 * dropped): who sent it decides what follows, so nothing is filtered here.
 *
 * ```
 * messages  -a-b-c-d-|      a = a request, b = one with a wrong tag, c = a peer's message with one, d = a sound one
 * verdicts  -A-B-C-D-|      A = request, B = refused (authFailure), C = dropped (badTag), D = processMessage
 * ```
 *
 * Errors and the end are passed on. Nothing is kept; data in an accepted message is a copy.
 */
export function authenticate(options: VerdictOptions): OperatorFunction<Decoded, Verdict> {
  return map((decoded) => judge(decoded, options));
}
