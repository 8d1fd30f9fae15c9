/** Kinds of fields that a configuration has, each of which says what it expects. */
import * as v from 'valibot';

export const wholeNumber = (min: number, max: number, description: string) => {
  const expected = `a whole number from ${min} to ${max}`;
  return v.pipe(
    v.number(expected),
    v.integer(expected),
    v.minValue(min, expected),
    v.maxValue(max, expected),
    v.description(description),
  );
};

export const text = (expected: string, description: string) =>
  v.pipe(v.string(expected), v.nonEmpty(expected), v.description(description));

export const choice = <const Options extends readonly [string, ...string[]]>(
  options: Options,
  description: string,
) => v.pipe(v.picklist(options, `one of ${options.join(', ')}`), v.description(description));
