/** The registers of a process, with the loopback that feeds results back into them. */
import { filter, map, merge } from 'rxjs';
import { isAbandoned } from '../../src/core/ledger.js';
import type { OperationId } from '../../src/core/operation.js';
import type { Rank } from '../../src/core/rank.js';
import type { RegisterEvent } from '../../src/core/register/event.js';
import type { Self } from '../../src/core/register/step.js';
import { STAMP_POLICY_PLAIN } from '../../src/core/stamp.js';
import type { StampPolicy } from '../../src/core/stamp.js';
import { deferUntil } from '../deferUntil.js';
import type { SectorOutcome, SectorEvent } from '../reduceRegisters.js';
import { reduceRegisters } from '../reduceRegisters.js';
import { withLoopback } from '../withLoopback.js';
import { isOfLostDisk } from './membership/disavowals.js';
import type { ProcessPipelineOptions, ProcessPorts } from './processOptions.js';
import { noteDamaged } from './repair/repairProgress.js';
import type { Origin } from './session.js';
import { mapEach } from '../mapEach.js';
import { delayByKey } from '../delayByKey.js';
import type { SectorIndex } from '../../src/core/sector.js';
import { assert } from '../../src/core/assert.js';

type ProcessEvent = SectorEvent<Origin | null>;
type ProcessOutcome = SectorOutcome<Origin | null>;

/** Asks for a boot number once a value of this process had to be stored before it was sent. */
export function wantBootNumber(outcome: ProcessOutcome, options: ProcessPipelineOptions): void {
  const { isExtended, membership, bootNumber, self } = options;
  if (!isExtended || outcome.kind !== 'done' || outcome.effects.length === 0) return;
  const [first] = outcome.effects;
  if (first.kind !== 'store' || first.stamp.writeRank !== self.rank) return;
  if (!membership.current.isMixed) bootNumber.want();
}

function isQuestion(event: RegisterEvent, self: Rank): boolean {
  if (event.kind !== 'message' || event.from === self) return false;
  return event.message.kind === 'readProc' || event.message.kind === 'readStamp';
}

/** The id of the operation if a WRITE begins; else null. */
function writeOf(event: RegisterEvent): OperationId | null {
  return event.kind === 'begin' && event.operation.kind === 'write' ? event.operation.id : null;
}

/**
 * @returns a function that gives this process as its registers see it: the same object until something in it changes.
 */
function selfOf({ self, membership, ...options }: ProcessPipelineOptions): () => Self {
  const { isExtended, bootNumber } = options;
  let isVoting: boolean | null = null;
  let stamps: StampPolicy = STAMP_POLICY_PLAIN;
  let current: Self = self;
  return () => {
    const { isMixed, own } = membership.current;
    const { incarnation } = own;
    const boot = isExtended && !isMixed ? bootNumber.current : 0;
    // Foreign members may expect timestamps that go up by one.
    const isPlain = isMixed && incarnation === 0 && !bootNumber.wasEverUsed;
    const isSame =
      isVoting === membership.isVoting &&
      stamps.incarnation === incarnation &&
      stamps.boot === boot &&
      stamps.isPlain === isPlain;
    if (!isSame) {
      ({ isVoting } = membership);
      stamps = { incarnation, boot, isPlain };
      current = { ...self, stamps, asksStamps: isExtended, isSilent: !isVoting };
    }
    return current;
  };
}

/**
 * The registers of a process. They get the events that arrive, the messages that they send to themselves, and again the
 * steps that found no room on the disk.
 */
export function registers(options: ProcessPipelineOptions, { store, schedulers }: ProcessPorts) {
  const { self, limits, timeouts, state, membership } = options;
  const { clock } = schedulers;
  return withLoopback<ProcessEvent, ProcessOutcome>(
    (event$) =>
      event$.pipe(
        // A process that does not know its incarnation yet cannot choose stamps: its WRITEs wait.
        deferUntil({
          earlyName: ({ event }) => (membership.mayStamp ? null : writeOf(event)),
          due$: membership.mayStamp$,
          // The register then drops the WRITE, because its client is gone.
          endsWaitOf: ({ event }) => (event.kind === 'abandon' ? event.id : null),
        }),
        reduceRegisters({
          self: selfOf(options),
          store,
          stripes: limits.stripes,
          registers: state.registers,
          // A process that does not know yet whether it may vote does not answer: its peers ask again.
          isTooEarly: (event) => membership.memberState === 'fresh' && isQuestion(event, self.rank),
          isVoid: (cause) => isOfLostDisk(cause, membership.current),
          isAbandoned: (id) => isAbandoned(state.ledger, id),
          damaged: (sector) => {
            noteDamaged(state.repair, sector);
          },
        }),
      ),
    (outcome$) =>
      merge(
        outcome$.pipe(mapEach((outcome) => messagesToSelf(outcome, self.rank))),
        outcome$.pipe(
          mapEach((outcome) => (outcome.kind === 'full' ? ownStep(outcome.cause, self.rank) : [])),
          delayByKey({ delayMs: timeouts.fullRetryMs, clock, keyOf: operationOf }),
          // A value that no operation waits for any more can wait for the next READ of its sector.
          filter((event) => state.ledger.entries.has(operationOf(event))),
        ),
        outcome$.pipe(
          mapEach(fetched),
          delayByKey({ delayMs: timeouts.fetchMs, clock, keyOf: ({ id }) => id }),
          map(({ id, sector }): ProcessEvent => {
            return { sector, event: { kind: 'widen', id }, origin: null };
          }),
        ),
      ),
  );
}

/** The operations that have just asked one process for its value. */
function fetched(outcome: ProcessOutcome): { id: OperationId; sector: SectorIndex }[] {
  if (outcome.kind !== 'done') return [];
  const last = outcome.effects.at(-1);
  if (last?.kind !== 'fetch') return [];
  return [{ id: last.message.id, sector: outcome.cause.sector }];
}

function messagesToSelf(outcome: ProcessOutcome, self: Rank): ProcessEvent[] {
  const events: ProcessEvent[] = [];
  if (outcome.kind !== 'done') return events;
  for (const effect of outcome.effects) {
    if (effect.kind !== 'broadcast') continue;
    const { message } = effect;
    const event = { kind: 'message', from: self, message } as const;
    events.push({ sector: outcome.cause.sector, event, origin: null });
  }
  return events;
}

/**
 * A step of an operation of this process that found no room on the disk. It is repeated here, because no other process
 * repeats it: it is the answer that completes a quorum, or a message to itself. (A peer repeats its WRITE_PROC.)
 */
function ownStep({ sector, event }: ProcessEvent, self: Rank): ProcessEvent[] {
  if (event.kind !== 'message') return [];
  const { kind } = event.message;
  const isOwn = event.from === self || kind === 'value' || kind === 'stamp';
  return isOwn ? [{ sector, event, origin: null }] : [];
}

function operationOf({ event }: ProcessEvent): OperationId {
  assert(event.kind === 'message', 'only messages are stored');
  return event.message.id;
}
