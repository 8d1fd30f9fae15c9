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

/** An event of the register of one sector. `origin` is passed through to the outcome. */
export interface SectorEvent<Origin> {
  readonly sector: SectorIndex;
  readonly event: RegisterEvent;
  readonly origin: Origin;
}

/**
 * The outcome of an event. `done`: the effects are due now, in order, and what they promise is on the disk (`store`
 * itself has been carried out). `full`: nothing was done, because there was no room or because the event came too
 * early; its sender sends it again. `void`: nothing was done, because the event counts no longer.
 */
export type SectorOutcome<Origin> =
  | {
      readonly kind: 'done';
      readonly cause: SectorEvent<Origin>;
      readonly effects: readonly RegisterEffect[];
    }
  | { readonly kind: 'full' | 'void'; readonly cause: SectorEvent<Origin> };

export interface ReduceRegistersOptions<Origin> {
  /** This process as it is now. */
  readonly self: () => Self;
  readonly store: SectorStore;
  /** Whether the client of an operation is gone. The `abandon` event may still be waiting. */
  readonly isAbandoned: (id: OperationId) => boolean;
  /** Whether an event cannot be handled yet. Default: each can. */
  readonly isTooEarly?: (event: RegisterEvent) => boolean;
  /** Whether an event counts no longer by the time it is handled. Default: each counts. */
  readonly isVoid?: (cause: SectorEvent<Origin>) => boolean;
  /** Called when an event has found the copy of its sector damaged, and has not mended it. */
  readonly damaged?: (sector: SectorIndex) => void;
  /** The states of the registers that have an operation. Only this operator changes it; others may read it. */
  readonly registers: Map<SectorIndex, RegisterState>;
  /** Number of stripes: sectors whose index is the same modulo this number share one. */
  readonly stripes: number;
}

/**
 * Runs each event through the register of its sector, one event of a sector at a time. If the register needs its copy,
 * it is loaded from the disk before; if the event stores a value, that is flushed before the outcome is emitted.
 *
 * ```
 * events    -a--b-----|      a = a newer WRITE_PROC for sector 1, b = one for sector 2
 * store      ---(s|)         a put takes three frames
 * outcomes  ----A--B--|      A = [store, reply ACK], only after the flush
 * ```
 *
 * Only the handling of one event is serialised, not an operation: registers that wait for their quorum hold up nothing.
 * The state of a register is kept while it has an operation. After that the state is dropped, because all of it is on
 * the disk. So memory grows with the sectors in use only.
 *
 * A message that would take an operation further whose client is gone drops the operation instead (O4).
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
 * @returns the event, but `abandon` if it is a message for an operation in its read phase whose client is gone. Such an
 * operation could choose a stamp because of the message, and the client may know already that it never will.
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
