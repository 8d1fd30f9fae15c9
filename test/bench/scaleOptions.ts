/** What `npm run bench:scale` takes on the command line. */
import { parseArgs } from 'node:util';
import type { CommonOptions } from './options.js';
import { extensionOption, secondsOption, wholeOption } from './options.js';

/** Sectors of the disk: more than are ever written. */
export const DISK_SECTORS = 2 ** 21;
export const SECTORS_MIN = 1_000;
const SECTORS_MAX_DEFAULT = 1_000_000;

export const PARTS = ['sectors', 'processes', 'connections'] as const;
export type Part = (typeof PARTS)[number];

export const USAGE = `npm run bench:scale -- [options]
  --part <part>       sectors, processes or connections; may be given twice (all three)
  --sectors-max <n>   the most sectors that are written (1000000)
  --seconds <s>       how long each row is measured (5)
  --json <file>       also write the result there
  --extension <on>    on, or off: only messages of the protocol between the processes (on)`;

export interface ScaleOptions extends Pick<CommonOptions, 'seconds' | 'extension' | 'json'> {
  readonly parts: readonly Part[];
  readonly sectorsMax: number;
}

/** @returns null: help was asked for. @throws with what is wrong with the words. */
export function parseScaleOptions(words: readonly string[]): ScaleOptions | null {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...words],
    options: {
      part: { type: 'string', multiple: true },
      'sectors-max': text,
      seconds: text,
      json: text,
      extension: text,
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return null;
  const sectors = { 'sectors-max': values['sectors-max'] };
  const sectorsMax = wholeOption(sectors, 'sectors-max', DISK_SECTORS) ?? SECTORS_MAX_DEFAULT;
  if (sectorsMax < SECTORS_MIN) throw new Error(`--sectors-max has to be ${SECTORS_MIN} or more`);
  return {
    parts: partsOption(values.part),
    sectorsMax,
    seconds: secondsOption(values.seconds),
    json: values.json ?? null,
    extension: extensionOption(values.extension),
  };
}

function partsOption(given: readonly string[] | undefined): readonly Part[] {
  if (given === undefined) return PARTS;
  for (const name of given) {
    const isKnown = PARTS.some((part) => part === name);
    if (!isKnown) throw new Error(`--part has to be ${PARTS.join(', ')}, not ${name}`);
  }
  return PARTS.filter((part) => given.includes(part));
}
