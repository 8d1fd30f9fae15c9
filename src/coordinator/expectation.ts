/** Whether an answer can be one to its request. Pure. */
import { unreachable } from '../core/assert.js';
import type { SectorRange } from '../core/strict/range.js';
import type { OrderWants, ReplicaAnswer, ReplicaRequest } from '../core/strict/replicaMessage.js';
import type { StrictStamp } from '../core/strict/version.js';
import { compareStrictStamps } from '../core/strict/version.js';
import type { NumberedAnswer } from '../wire/strict/answers.js';

/** What is kept of a request until its answer comes: all but its data. */
export type Expectation = { readonly range: SectorRange } & (
  | { readonly kind: 'state'; readonly wantsData: boolean }
  | { readonly kind: 'ordered'; readonly stamp: StrictStamp; readonly wants: OrderWants }
  | { readonly kind: 'stored'; readonly stamp: StrictStamp; readonly mayLack: boolean }
  | { readonly kind: 'listed' }
);

/** @returns null if the request is not answered. */
export function expectationOf(request: ReplicaRequest): Expectation | null {
  const { range } = request;
  switch (request.kind) {
    case 'query':
      return { kind: 'state', range, wantsData: request.wantsData };
    case 'order':
      return { kind: 'ordered', range, stamp: request.stamp, wants: request.wants };
    case 'store':
    case 'learn': {
      const { stamp, data } = request;
      return { kind: 'stored', range, stamp, mayLack: typeof data === 'object' && 'held' in data };
    }
    case 'list':
      return { kind: 'listed', range };
    case 'concluded':
      return null;
    default:
      return unreachable(request);
  }
}

/** @returns why the answer is none to that request, in words; null: it is one. */
export function misfitOf(expected: Expectation, { range, answer }: NumberedAnswer): string | null {
  if (answer.kind !== expected.kind) return `${answer.kind} in place of ${expected.kind}`;
  if (range.first !== expected.range.first || range.count !== expected.range.count) {
    const asked = `${expected.range.count} sectors from ${expected.range.first} on`;
    return `${range.count} sectors from ${range.first} on in place of ${asked}`;
  }
  switch (expected.kind) {
    case 'state':
      return misfitOfState(expected, answer);
    case 'ordered':
      return misfitOfOrdered(expected, answer);
    case 'stored':
      return misfitOfStored(expected, answer);
    case 'listed':
      // What is in it was checked when it was read: it depends on the range alone.
      return null;
    default:
      return unreachable(expected);
  }
}

type Of<Kind extends Expectation['kind']> = Extract<Expectation, { kind: Kind }>;

function misfitOfState({ wantsData }: Of<'state'>, answer: ReplicaAnswer): string | null {
  if (answer.kind !== 'state' || !wantsData) return null;
  return answer.runs.some(({ data }) => data === null) ? 'a state without the data' : null;
}

function misfitOfOrdered({ wants, stamp }: Of<'ordered'>, answer: ReplicaAnswer): string | null {
  if (answer.kind !== 'ordered') return null;
  for (const run of answer.runs) {
    if (run.outcome === 'refused') {
      // A2: the promise is at least the stamp.
      if (compareStrictStamps(run.promised, stamp) < 0) return 'an order refused for an earlier one';
    } else if (wants !== 'nothing' && run.version === null) return 'an order without the versions';
    else if (wants === 'data' && run.data === null) return 'an order without the data';
  }
  return null;
}

function misfitOfStored({ stamp, mayLack }: Of<'stored'>, answer: ReplicaAnswer): string | null {
  if (answer.kind !== 'stored') return null;
  for (const run of answer.runs) {
    // A3: the promise is above the stamp.
    if (run.outcome === 'refused' && compareStrictStamps(run.promised, stamp) <= 0) {
      return 'a store refused for one that is not later';
    }
    if (run.outcome === 'lacks' && !mayLack) return 'data that were sent are said to be lacking';
  }
  return null;
}
