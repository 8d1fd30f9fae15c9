/**
 * Checks the status report of a process, because it comes over the network, perhaps from an older or newer program, or
 * from something that is no process. Unknown fields are left out. Fields that later versions have added may be missing,
 * because during a rolling upgrade there are processes that do not know them.
 */
import * as v from 'valibot';
import type { ProcessCounters } from '../../core/counters.js';
import { newCounters } from '../../core/counters.js';
import { DIFFERENCE_FIELDS } from '../../core/membership/configuration.js';
import { REGISTER_MODES } from '../../core/membership/registerMode.js';
import { RANK_MAX } from '../../core/rank.js';
import type { StatusReport } from '../../../streams/pipelines/status/statusReport.js';
import { MEMBER_STATES } from '../../core/membership/identity.js';

const whole = (min: number, max: number = Number.MAX_SAFE_INTEGER) => {
  const expected =
    max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min} up` : `a whole number from ${min} to ${max}`;
  return v.pipe(v.number(expected), v.integer(expected), v.minValue(min, expected), v.maxValue(max, expected));
};
const count = whole(0);
const rank = whole(1, RANK_MAX);
const ranks = v.pipe(v.array(rank, 'a list of ranks'), v.maxLength(RANK_MAX, 'a list of ranks'));
const flag = v.boolean('true or false');
const hostName = v.pipe(v.string(), v.regex(/^[0-9A-Za-z.:%_ -]{1,64}$/, 'an address'));
const rankName = v.pipe(v.string(), v.regex(/^[1-9]\d{0,2}$/, 'a rank'));

const short = v.pipe(v.string('a text'), v.maxLength(64, 'a text of at most 64 characters'));

/** Every counter is optional: later versions count more. */
const counters = v.object(
  Object.fromEntries(Object.keys(newCounters()).map((name) => [name, v.optional(count)])) as Record<
    keyof ProcessCounters,
    v.OptionalSchema<typeof count, undefined>
  >,
);

/**
 * The report of a process of any version, this one included. `maps` is left out, because only the client library uses
 * it (src/client/heldWrites.ts).
 */
export interface ReceivedReport extends Omit<StatusReport, 'counters' | 'maps'> {
  readonly counters?: { readonly [Name in keyof ProcessCounters]?: number | undefined } | undefined;
}

/** A schema for each field of that type, and for no others. */
type SchemaOf<Fields> = { readonly [Name in keyof Fields]-?: v.GenericSchema<unknown, Fields[Name]> };

const fields = {
  rank,
  processes: rank,
  sectors: v.optional(whole(1)),
  badTags: v.optional(v.record(hostName, count, 'counts by address')),
  standing: v.picklist(MEMBER_STATES, `one of ${MEMBER_STATES.join(', ')}`),
  incarnation: count,
  waiting: v.optional(
    v.object({
      ...{ unheard: ranks, differing: ranks, inUse: ranks, founders: ranks },
      isAlone: flag,
    }),
  ),
  objections: v.optional(v.array(v.object({ kind: v.picklist(['replaced', 'otherCluster'], 'a reason'), by: rank }))),
  differences: v.optional(
    v.array(
      v.object({
        rank,
        field: v.picklist(DIFFERENCE_FIELDS, `one of ${DIFFERENCE_FIELDS.join(', ')}`),
        own: v.union([count, short], 'a number or a text'),
        peer: v.union([count, short], 'a number or a text'),
      }),
    ),
  ),
  start: v.optional(v.pipe(v.string('hexadecimal digits'), v.regex(/^[0-9a-f]{1,64}$/, 'hexadecimal digits'))),
  members: v.optional(v.picklist(REGISTER_MODES, `one of ${REGISTER_MODES.join(', ')}`)),
  strictWaits: v.optional(v.object({ unheard: ranks, foreign: ranks, notReady: ranks })),
  strict: v.optional(v.object({ promises: count, floors: count, regions: count, toCheck: count })),
  written: count,
  damaged: count,
  healed: count,
  operations: count,
  missed: v.record(rankName, count, 'counts by rank'),
  missedMore: flag,
  connected: ranks,
  extended: v.optional(ranks),
  rebuild: v.nullable(v.object({ taken: count, total: count, isEnough: flag })),
  scrub: v.object({
    isRunning: flag,
    passes: count,
    position: count,
    verified: count,
    damaged: count,
    behind: count,
    ahead: count,
    comparedWith: ranks,
  } satisfies SchemaOf<ReceivedReport['scrub']>),
  counters: v.optional(counters),
} satisfies SchemaOf<ReceivedReport>;

export const reportSchema = v.object(fields);

export type CheckedReport =
  | { readonly kind: 'report'; readonly report: ReceivedReport }
  /** In words: what was found and what was expected. */
  | { readonly kind: 'unreadable'; readonly trouble: string };

/** @param text Untrusted. */
export function checkReport(text: string): CheckedReport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return unreadable(`it begins with ${shown(text)}, expected JSON`);
  }
  const result = v.safeParse(reportSchema, value);
  if (result.success) return { kind: 'report', report: result.output };
  const [issue] = result.issues;
  const path = v.getDotPath(issue) ?? 'all of it';
  if (issue.input === undefined) return unreadable(`${path} is missing`);
  return unreadable(`${path} is ${shown(issue.input)}, expected ${expectedIn(issue)}`);
}

function unreadable(why: string): CheckedReport {
  return { kind: 'unreadable', trouble: `its report cannot be read: ${why}` };
}

/** For an object the message is that of the library: "Invalid type: Expected Object but …". */
function expectedIn({ message, expected }: v.BaseIssue<unknown>): string {
  return expected === 'Object' ? 'an object' : message;
}

const SHOWN_LENGTH_MAX = 40;

/** The value as JSON in printable ASCII, cut short. */
function shown(value: unknown): string {
  const text = JSON.stringify(value).replaceAll(/[^\x20-\x7e]/g, '?');
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
}
