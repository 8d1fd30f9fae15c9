/** The kinds of fields of a configuration. Each says what it expects. */
import * as v from 'valibot';
import { ADDRESS_PATTERN, parseAddress } from './address.js';

/** The sectors of the largest disk: an exabyte. A number counts that many exactly. */
export const SECTORS_MAX = 2 ** 48;

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

/** A path. `~/` at its beginning stands for the home folder; other uses of `~` are refused. */
export const path = (expected: string, description: string) => {
  const tilde = `${expected}: a "~" at its beginning is the own home folder, followed by "/"`;
  return v.pipe(
    v.string(expected),
    v.nonEmpty(expected),
    v.regex(/^(?:[^~]|~(?:\/|$))/, tilde),
    v.description(description),
  );
};

export const choice = <const Options extends readonly [string, ...string[]]>(options: Options, description: string) =>
  v.pipe(v.picklist(options, `one of ${options.join(', ')}`), v.description(description));

const ADDRESS_EXPECTED = 'text such as "10.0.0.1:7101", "[::1]:7101" or "name:7101", port 1 to 65535';

export const address = v.pipe(
  v.string(ADDRESS_EXPECTED),
  v.regex(ADDRESS_PATTERN, ADDRESS_EXPECTED),
  v.check((value) => parseAddress(value) !== null, ADDRESS_EXPECTED),
);
