/** What a part of a run says: in words, as one line of JSON, and which bounds its figures are outside of. */
export type FigureValue = number | string | boolean | readonly number[];

export interface Report {
  readonly scenario: string;
  /** Sentences; each becomes a line. */
  readonly words: readonly string[];
  readonly figures: Readonly<Record<string, FigureValue>>;
  /** Figures that are not as they have to be, each with what was expected. */
  readonly broken: readonly string[];
}

/** What a figure has to be. */
export type Bound = readonly [name: string, found: number, relation: 'at most' | 'at least', bound: number];

export function brokenOf(bounds: readonly Bound[]): string[] {
  return bounds
    .filter(([, found, relation, bound]) => (relation === 'at most' ? found > bound : found < bound))
    .map(([name, found, relation, bound]) => `${name}: found ${found}, expected ${relation} ${bound}`);
}

export function linesOf({ scenario, words, figures, broken }: Report): string[] {
  return [
    ...words.map((text) => `${scenario}: ${text}`),
    ...broken.map((text) => `${scenario}: outside the bounds: ${text}`),
    JSON.stringify({ scenario, ...figures, broken }),
  ];
}

export const grouped = (count: number): string => count.toLocaleString('en-US');
export const inSeconds = (ms: number): string => `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
