import type { OperatorFunction } from 'rxjs';
import { filter } from 'rxjs';

/**
 * Lets through the values of a union that have this `kind`, with their narrowed type.
 *
 * ```
 * source        -a-b-a-|      a.kind = 'A', b.kind = 'B'
 * ofKind('A')   -a---a-|
 * ```
 *
 * Errors and the end are passed on. Nothing is kept.
 */
export function ofKind<T extends { readonly kind: string }, K extends T['kind']>(
  kind: K,
): OperatorFunction<T, Extract<T, { readonly kind: K }>> {
  return filter((value): value is Extract<T, { readonly kind: K }> => value.kind === kind);
}
