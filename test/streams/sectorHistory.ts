/** What one sector of a replica was asked and has answered, against clauses A1 to A3 and D1, one after the other. */
import type { StrictStamp } from '../../src/core/strict/version.js';
import { compareStrictStamps } from '../../src/core/strict/version.js';

/** A sector as the contract sees it. */
export interface SectorState {
  readonly stamp: StrictStamp;
  readonly origin: StrictStamp;
  /** null: damaged. */
  readonly value: number | null;
  readonly promised: StrictStamp;
}

export type SectorRequest =
  | { readonly kind: 'query'; readonly wantsData: boolean }
  | { readonly kind: 'order'; readonly stamp: StrictStamp; readonly wants: 'nothing' | 'versions' | 'data' }
  | {
      readonly kind: 'store' | 'learn';
      readonly stamp: StrictStamp;
      readonly origin: StrictStamp;
      readonly value: number;
      /** It is to keep the data that it has with this stamp. */
      readonly held: StrictStamp | null;
    };

export interface SectorEvent {
  readonly request: SectorRequest;
  readonly begun: number;
  /** When it was answered; Infinity: it was not. */
  readonly over: number;
  /** As text, see `answersOf`. */
  readonly answer: string | null;
}

const nameOf = ({ counter, coordinator }: StrictStamp): string => `${counter}${coordinator[0]}`;

/** What the contract allows to answer, each with the state after it. More than one: the disk may be full. */
function* outcomesOf(state: SectorState, request: SectorRequest): Generator<[answer: string, after: SectorState]> {
  const { stamp, promised } = state;
  const data = state.value === null ? 'damaged' : String(state.value);
  switch (request.kind) {
    case 'query':
      yield [
        stateAnswer(stamp, state.origin, promised, request.wantsData || state.value === null ? data : null),
        state,
      ];
      return;
    case 'order': {
      const order = compareStrictStamps(request.stamp, promised);
      if (order > 0 || (order === 0 && compareStrictStamps(stamp, request.stamp) < 0)) {
        const version = request.wants === 'nothing' ? null : state;
        const told = request.wants === 'data' || (version !== null && state.value === null) ? data : null;
        yield [orderedAnswer(version, told), { ...state, promised: request.stamp }];
      } else yield [refusedAnswer(promised), state];
      return;
    }
    case 'store':
    case 'learn':
      yield* storeOutcomes(state, request);
  }
}

function* storeOutcomes(
  state: SectorState,
  { kind, stamp, origin, value, held }: SectorRequest & { kind: 'store' | 'learn' },
): Generator<[answer: string, after: SectorState]> {
  const order = compareStrictStamps(stamp, state.stamp);
  const isThere = order === 0 && state.value !== null;
  if (kind === 'store' && compareStrictStamps(stamp, state.promised) < 0) {
    yield [refusedAnswer(state.promised), state];
  } else if (isThere || (kind === 'learn' && order < 0)) yield ['stored', state];
  else if (held !== null && (state.value === null || compareStrictStamps(state.stamp, held) !== 0)) {
    yield ['lacks', state];
  } else {
    const promised = compareStrictStamps(state.promised, stamp) > 0 ? state.promised : stamp;
    yield ['stored', { stamp, origin, value, promised }];
    yield ['full', state];
  }
}

export function stateAnswer(
  stamp: StrictStamp,
  origin: StrictStamp,
  promised: StrictStamp,
  data: string | null,
): string {
  return `state ${nameOf(stamp)} ${nameOf(origin)} ${nameOf(promised)} ${data ?? '-'}`;
}

export function orderedAnswer(version: Pick<SectorState, 'stamp' | 'origin'> | null, data: string | null): string {
  const told = version === null ? '-' : `${nameOf(version.stamp)} ${nameOf(version.origin)}`;
  return `granted ${told} ${data ?? '-'}`;
}

export function refusedAnswer(promised: StrictStamp): string {
  return `refused ${nameOf(promised)}`;
}

/** Whether there is an order of the events in which the contract gives these answers, and none is moved in time. */
export function isExplained(events: readonly SectorEvent[], initial: SectorState): boolean {
  const failed = new Set<string>();
  const explain = (left: readonly SectorEvent[], state: SectorState): boolean => {
    if (left.every(({ answer }) => answer === null)) return true;
    const at = `${nameOf(state.stamp)} ${nameOf(state.promised)} ${state.value}`;
    const key = `${left.map((event) => events.indexOf(event)).join()} ${at}`;
    if (failed.has(key)) return false;
    const firstOver = Math.min(...left.map(({ over }) => over));
    for (const event of left) {
      if (event.begun > firstOver) continue;
      for (const [answer, after] of outcomesOf(state, event.request)) {
        if (event.answer !== null && event.answer !== answer) continue;
        const others = left.filter((other) => other !== event);
        if (explain(others, after)) return true;
      }
    }
    failed.add(key);
    return false;
  };
  return explain(events, initial);
}
