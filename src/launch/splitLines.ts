/** Splits text that comes in pieces of any size into lines. */
import type { OperatorFunction } from 'rxjs';
import { concat, concatMap, defer, from } from 'rxjs';

/**
 * ```
 * text    -a--b---c-|       a = 'one\ntw', b = 'o\n', c = 'three'
 * lines   -1--2-----(3|)    the rest without a line end counts as a line
 * ```
 * Keeps at most `lengthMax` characters: a longer line is cut into several. Errors are passed on.
 */
export function splitLines(lengthMax: number): OperatorFunction<string, string> {
  return (text$) =>
    defer(() => {
      let rest = '';
      const lines$ = text$.pipe(
        concatMap((text) => {
          const lines = (rest + text).split('\n');
          rest = lines.pop() ?? '';
          const long = rest.length > lengthMax ? pieces(rest, lengthMax) : [];
          if (long.length > 0) rest = '';
          return [...lines.flatMap((line) => pieces(line, lengthMax)), ...long];
        }),
      );
      return concat(
        lines$,
        defer(() => from(rest === '' ? [] : [rest])),
      );
    });
}

function pieces(line: string, lengthMax: number): string[] {
  if (line.length <= lengthMax) return [line];
  const count = Math.ceil(line.length / lengthMax);
  return Array.from({ length: count }, (_, index) => line.slice(index * lengthMax, (index + 1) * lengthMax));
}
