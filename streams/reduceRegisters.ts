import type { ObservableInput, OperatorFunction } from 'rxjs';
import { concatMap, map } from 'rxjs';
import type { RegisterEffect } from '../src/core/register/effect.js';
import type { RegisterEvent } from '../src/core/register/event.js';
import { needsCopy } from '../src/core/register/event.js';
import { reduce } from '../src/core/register/reduce.js';
import type { RegisterState } from '../src/core/register/state.js';
import type { Self } from '../src/core/register/step.js';
import { isQuiescent, restingState } from '../src/core/register/state.js';
import type { OperationId } from '../src/core/operation.js';
import type { SectorIndex } from '../src/core/sector.js';
import type { SectorStore } from '../src/ports/store.js';
import { serializeByKey } from './serializeByKey.js';

/** An event of one sector's register. `origin` is whatever the source wants to find again. */
export interface SectorEvent<Origin> {
  readonly sector: SectorIndex;
  readonly event: RegisterEvent;
  readonly origin: Origin;
}

/**
 * What came of an event: `effects` are due now, in order, and what they promise is on the disk (`store` itself has been
 * done). `full`: nothing was done, since there was no room, or since it came too early; whoever sent it sends it again.
 * `void`: nothing was done; it counts no longer.
 */
export type SectorOutcome<Origin> =
  | {
      readonly kind: 'done';
      readonly cause: SectorEvent<Origin>;
      readonly effects: readonly RegisterEffect[];
    }
  | { readonly kind: 'full' | 'void'; readonly cause: SectorEvent<Origin> };

export interface ReduceRegistersOptions<Origin> {
  /** This process, as it is at the moment. */
  readonly self: () => Self;
  readonly store: SectorStore;
  /** Whether the client of an operation is gone: the event that says so may still be waiting. */
  readonly isAbandoned: (id: OperationId) => boolean;
  /** Whether nothing can be done about an event yet. Default: about each there can. */
  readonly isTooEarly?: (event: RegisterEvent) => boolean;
  /** Whether an event, now that it has its turn, counts no longer. Default: each does. */
  readonly isVoid?: (cause: SectorEvent<Origin>) => boolean;
  /** An event of that sector has met a copy that the disk cannot give back, and not mended it. */
  readonly damaged?: (sector: SectorIndex) => void;
  /** States of the registers that have an operation, for others to look at. Belongs to this. */
  readonly registers: Map<SectorIndex, RegisterState>;
  /** Number of serial queues: sectors with the same index modulo this share one. */
  readonly stripes: number;
}

/**
 * Runs each event through the register of its sector, with its load from the disk before and its flush after it, one
 * event of a sector at a time.
 *
 * ```
 * events    -a--b-----|      a = a newer WRITE_PROC for sector 1, b = one for sector 2
 * store      ---(s|)         a put takes three frames
 * outcomes  ----A--B--|      A = [store, reply ACK], only after the flush
 * ```
 *
 * Only the handling of one event is serialised, not an operation: registers that wait for their quorum hold up nobody.
 * The state of a register is kept while it has an operation; after that the disk knows all that there is to know, and
 * the state is forgotten: memory by sectors in use.
 *
 * A message that would take an operation further whose client is gone drops it instead (O4).
 *
 * An error of the store, or a broken invariant, ends the stream: the process has to stop.
 */
export function reduceRegisters<Origin>(
  options: ReduceRegistersOptions<Origin>,
): OperatorFunction<SectorEvent<Origin>, SectorOutcome<Origin>> {
  return (event$) => {
    const handle = createHandler<Origin>(options);
    return event$.pipe(serializeByKey({ keyOf: ({ sector }) => sector % options.stripes, handle }));
  };
}

function createHandler<Origin>(options: ReduceRegistersOptions<Origin>) {
  const { self, store, registers, isAbandoned, damaged } = options;

  const keep = (sector: SectorIndex, state: RegisterState): void => {
    if (state.copy.kind === 'damaged') damaged?.(sector);
    if (isQuiescent(state)) registers.delete(sector);
    else registers.set(sector, state);
  };

  const step = (before: RegisterState, cause: SectorEvent<Origin>): ObservableInput<SectorOutcome<Origin>> => {
    const { sector } = cause;
    const event = takenFurther(before, cause.event, isAbandoned);
    const { state, effects } = reduce(before, event, self());
    const first = effects.length > 0 ? effects[0] : null;
    if (first?.kind !== 'store') {
      keep(sector, state);
      return [{ kind: 'done', cause, effects }];
    }
    return store.put(sector, first.stamp, first.data).pipe(
      map((outcome): SectorOutcome<Origin> => {
        if (outcome === 'full') {
          keep(sector, before);
          return { kind: 'full', cause };
        }
        keep(sector, state);
        return { kind: 'done', cause, effects };
      }),
    );
  };

  return (cause: SectorEvent<Origin>): ObservableInput<SectorOutcome<Origin>> => {
    const { sector, event } = cause;
    if (options.isVoid?.(cause) === true) return [{ kind: 'void', cause }];
    if (options.isTooEarly?.(event) === true) return [{ kind: 'full', cause }];
    const before = registers.get(sector) ?? restingState(store.stampOf(sector), store.isDamaged(sector));
    if (!needsCopy(before, event, self().rank)) return step(before, cause);
    return store
      .load(sector)
      .pipe(concatMap((copy) => step(reduce(before, { kind: 'loaded', copy }, self()).state, cause)));
  };
}

/**
 * The event, unless it is about an operation in its read phase whose client is gone: that could choose a stamp by it,
 * and the client may have been told that it never will.
 */
function takenFurther(
  { running }: RegisterState,
  event: RegisterEvent,
  isAbandoned: (id: OperationId) => boolean,
): RegisterEvent {
  if (event.kind !== 'message' || running?.phase !== 'read') return event;
  const { id } = running.operation;
  return event.message.id === id && isAbandoned(id) ? { kind: 'abandon', id } : event;
}
