/**
 * The ledger of client operations under way: which client asked for what, and how many there are.
 *
 * It bounds them, because each operation may hold 4 KiB until it is answered. A session that has as many under way as
 * it may is not read from until one ends. With many sessions each gets a smaller share of `operations`, but never less
 * than SESSION_SHARE_MIN.
 *
 * A mutable record behind functions (an entry comes and goes with each operation).
 */
import { assert } from './assert.js';
import type { OperationId } from './operation.js';
import type { SectorIndex } from './sector.js';

export interface LedgerLimits {
  /** Operations of all sessions together. */
  readonly operations: number;
  /** Operations of one session. */
  readonly operationsPerConnection: number;
}

/** Each session may have this many operations under way, however many sessions there are. */
export const SESSION_SHARE_MIN = 4;

export interface LedgerEntry<Session> {
  readonly session: Session;
  readonly sector: SectorIndex;
  readonly request: 'read' | 'write';
  readonly requestNumber: bigint;
  /** The client is gone: if the operation has no stamp yet, it must not get one any more. */
  isAbandoned?: boolean;
}

export interface Ledger<Session> {
  readonly limits: LedgerLimits;
  readonly entries: Map<OperationId, LedgerEntry<Session>>;
  readonly bySession: Map<Session, Set<OperationId>>;
}

export function emptyLedger<Session>(limits: LedgerLimits): Ledger<Session> {
  return { limits, entries: new Map(), bySession: new Map() };
}

export function enterOperation<Session>(ledger: Ledger<Session>, id: OperationId, entry: LedgerEntry<Session>): void {
  assert(!ledger.entries.has(id), 'operation id used twice');
  ledger.entries.set(id, entry);
  const ids = ledger.bySession.get(entry.session);
  if (ids === undefined) ledger.bySession.set(entry.session, new Set([id]));
  else ids.add(id);
}

/** Removes the operation. Every operation ends exactly once: it is completed or dropped. */
export function endOperation<Session>(ledger: Ledger<Session>, id: OperationId): LedgerEntry<Session> {
  const entry = ledger.entries.get(id);
  assert(entry !== undefined, 'an operation ended that was not under way');
  ledger.entries.delete(id);
  const ids = ledger.bySession.get(entry.session);
  assert(ids?.delete(id) === true, 'an operation without a session');
  if (ids.size === 0) ledger.bySession.delete(entry.session);
  return entry;
}

/** Whether the client of that operation is gone. */
export function isAbandoned(ledger: Ledger<unknown>, id: OperationId): boolean {
  return ledger.entries.get(id)?.isAbandoned === true;
}

/**
 * Marks all operations of the session as abandoned.
 * @returns these operations.
 */
export function abandonOperations<Session>(
  ledger: Ledger<Session>,
  session: Session,
): { readonly id: OperationId; readonly sector: SectorIndex }[] {
  return [...(ledger.bySession.get(session) ?? [])].map((id) => {
    const entry = ledger.entries.get(id);
    assert(entry !== undefined, 'a session with an operation that is not under way');
    entry.isAbandoned = true;
    return { id, sector: entry.sector };
  });
}

/** Whether another operation of the session may begin. */
export function mayBegin<Session>(ledger: Ledger<Session>, session: Session): boolean {
  const share = Math.floor(ledger.limits.operations / Math.max(1, ledger.bySession.size));
  const allowed = Math.min(ledger.limits.operationsPerConnection, Math.max(SESSION_SHARE_MIN, share));
  return (ledger.bySession.get(session)?.size ?? 0) < allowed;
}
