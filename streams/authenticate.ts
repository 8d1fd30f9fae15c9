import type { OperatorFunction } from 'rxjs';
import { map } from 'rxjs';
import type { Verdict, VerdictOptions } from '../src/wire/verdict.js';
import { judge } from '../src/wire/verdict.js';
import type { ParsedFrame } from '../src/wire/wireMessage.js';

/**
 * Checks the tag and the ranges of each message, and emits a verdict on it. Bad input becomes a verdict as well
 * (refused, dropped). Nothing is filtered here, because what follows depends on the sender.
 *
 * ```
 * messages  -a-b-c-d-|      a = a request, b = one with a wrong tag, c = a peer's message with one, d = a sound one
 * verdicts  -A-B-C-D-|      A = request, B = refused (authFailure), C = dropped (badTag), D = processMessage
 * ```
 *
 * Errors and the end are passed on. Nothing is kept. The data in an accepted message is a copy.
 */
export function authenticate(options: VerdictOptions): OperatorFunction<ParsedFrame, Verdict> {
  return map((decoded) => judge(decoded, options));
}
