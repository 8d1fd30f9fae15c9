/**
 * What comes of what peers say of themselves (src/core/membership/): notes that become durable one after the other, and
 * with them the memberState by which this process acts.
 */
import type { MonoTypeOperatorFunction, Observable } from 'rxjs';
import { BehaviorSubject, EMPTY, Subject, concatMap, defer, endWith, filter, of, retry, tap, timer } from 'rxjs';
import type { Identity, MemberState, StorageId } from '../../../src/core/membership/identity.js';
import { STORAGE_ID_SIZE_BYTES } from '../../../src/core/membership/identity.js';
import type { MembershipEffect } from '../../../src/core/membership/membership.js';
import type { Membership, MembershipOptions, PeerMemory } from '../../../src/core/membership/state.js';
import { newMembership } from '../../../src/core/membership/membership.js';
import type { Rank } from '../../../src/core/rank.js';
import { AtomicDiskError } from '../../../src/errors.js';
import { NoSpace } from '../../../src/ports/blockFiles.js';
import type { NoteChanges, Notes } from '../../../src/ports/notes.js';
import type { MembershipView } from '../processState.js';
import type { SchedulerLike } from 'rxjs';

const NOTE_IDENTITY = 'identity';
const noteOfPeer = (rank: Rank): string => `peer/${rank}`;

/** A disk without room for a note is tried again after this. */
const FULL_RETRY_MS = 500;

export class MembershipState implements MembershipView {
  readonly durable: Map<Rank, PeerMemory>;
  readonly #memberState: BehaviorSubject<MemberState>;
  readonly memberState$: Observable<MemberState>;
  readonly #voting: BehaviorSubject<boolean>;
  /** Emits whether this process votes, at once and whenever that changes. */
  readonly voting$: Observable<boolean>;
  readonly #mayStamp: BehaviorSubject<boolean>;
  /** Emits whenever this process may choose stamps again: it knows which incarnation it is. */
  readonly mayStamp$: Observable<boolean>;
  readonly #exhausted = new Subject<void>();
  /** Emits when there is no number for this incarnation: this process stays as it is. */
  readonly exhausted$ = this.#exhausted.asObservable();

  constructor(readonly current: Membership) {
    this.durable = new Map(current.remembered);
    this.#memberState = new BehaviorSubject<MemberState>(current.own.memberState);
    this.memberState$ = this.#memberState.asObservable();
    this.#voting = new BehaviorSubject(this.memberState === 'member');
    this.voting$ = this.#voting.asObservable();
    this.#mayStamp = new BehaviorSubject(this.#knowsIncarnation());
    this.mayStamp$ = this.#mayStamp.pipe(filter((may) => may));
  }

  get mayStamp(): boolean {
    return this.#mayStamp.value;
  }

  /** `current` has changed. */
  notifyChange(effects: readonly MembershipEffect[]): void {
    const may = this.#knowsIncarnation();
    if (may !== this.mayStamp) this.#mayStamp.next(may);
    this.#weigh();
    if (effects.some(({ kind }) => kind === 'exhausted')) this.#exhausted.next();
  }

  /** A process whose disk was lost knows only what peers have told it. */
  #knowsIncarnation(): boolean {
    const { memberState, incarnation } = this.current.own;
    return memberState === 'member' || incarnation > 0;
  }

  get memberState(): MemberState {
    return this.#memberState.value;
  }

  set memberState(memberState: MemberState) {
    if (memberState !== this.#memberState.value) this.#memberState.next(memberState);
    this.#weigh();
  }

  get isVoting(): boolean {
    return this.#voting.value;
  }

  #weigh(): void {
    const isVoting = this.memberState === 'member' && this.current.objections.length === 0;
    if (isVoting !== this.isVoting) this.#voting.next(isVoting);
  }
}

/**
 * A disk without an identity that holds anything is from before there were any, and a member's.
 *
 * @throws {AtomicDiskError} ATDD_STORE_CORRUPT
 */
export function openMembership(options: MembershipOptions, notes: Notes): MembershipState {
  const own = readIdentity(notes) ?? {
    storage: options.draw(),
    incarnation: 0,
    memberState: options.hasData() ? 'member' : 'fresh',
    founding: null,
    isVouched: false,
  };
  const remembered = new Map<Rank, PeerMemory>();
  for (let rank = 1; rank <= options.self.processCount; rank += 1) {
    const memory = readMemory(notes, rank);
    if (memory !== null) remembered.set(rank, memory);
  }
  return new MembershipState(newMembership(options, own, remembered));
}

/**
 * What a disk is called, and that it is fresh, is durable before anybody hears of it, and before anything is stored
 * there: a process that is killed while its cluster is founded is the one that the others have counted, and what a
 * fresh one has stored makes no member of it. Completes then.
 */
export function keepIdentity({ current }: MembershipState, notes: Notes, clock: SchedulerLike): Observable<never> {
  return defer(() => {
    if (notes.initial.has(NOTE_IDENTITY)) return EMPTY;
    return notes.put(identityNote(current.own)).pipe(retryWithoutRoom(clock));
  });
}

/**
 * Makes the effects durable, in order. A process stops voting at once, and votes only when that it may is durable.
 * Emits after each batch.
 */
export function keepMembership(
  effects$: Observable<readonly MembershipEffect[]>,
  state: MembershipState,
  notes: Notes,
  clock: SchedulerLike,
): Observable<true> {
  return effects$.pipe(
    tap((effects) => {
      const { memberState } = state.current.own;
      if (memberState !== 'member') state.memberState = memberState;
      state.notifyChange(effects);
    }),
    concatMap((effects) => {
      const changes = new Map<string, Uint8Array | null>();
      const remembered = new Map<Rank, PeerMemory>();
      const { own } = state.current;
      for (const effect of effects) {
        if (effect.kind === 'identify') {
          for (const [name, note] of identityNote(own)) changes.set(name, note);
        }
        if (effect.kind !== 'remember') continue;
        const memory = state.current.remembered.get(effect.rank);
        if (memory === undefined) continue;
        remembered.set(effect.rank, memory);
        changes.set(noteOfPeer(effect.rank), peerNote(memory));
      }
      if (changes.size === 0) return of(true as const);
      return notes.put(changes).pipe(
        retryWithoutRoom(clock),
        endWith(true as const),
        tap(() => {
          for (const [rank, memory] of remembered) state.durable.set(rank, memory);
          const isCurrent = changes.has(NOTE_IDENTITY) && state.current.own === own;
          if (isCurrent) state.memberState = own.memberState;
        }),
      );
    }),
  );
}

/** A disk without room is tried again. */
export function retryWithoutRoom<T>(clock: SchedulerLike): MonoTypeOperatorFunction<T> {
  return retry({
    delay: (error: unknown) => {
      if (error instanceof NoSpace) return timer(FULL_RETRY_MS, clock);
      throw error;
    },
  });
}

/** The note of who this process is. */
export function identityNote(identity: Identity): NoteChanges {
  const { storage, incarnation, memberState, founding, isVouched } = identity;
  const fields = {
    storage: inHex(storage),
    incarnation,
    standing: memberState,
    founding: founding && inHex(founding),
    isVouched,
  };
  return new Map([[NOTE_IDENTITY, Buffer.from(JSON.stringify(fields))]]);
}

function peerNote({ storage, incarnation }: PeerMemory): Uint8Array {
  const hex = storage === null ? null : inHex(storage);
  return Buffer.from(JSON.stringify({ storage: hex, incarnation }));
}

/** Ids are latin1: in hexadecimal anyone can read them. */
function inHex(id: StorageId): string {
  return Buffer.from(id, 'latin1').toString('hex');
}

/** @throws {AtomicDiskError} ATDD_STORE_CORRUPT */
export function readIdentity(notes: Pick<Notes, 'initial'>): Identity | null {
  const fields = readNote(notes, NOTE_IDENTITY);
  if (fields === null) return null;
  const { storage, incarnation, memberState, founding, isVouched } = fields;
  const isMemberState = memberState === 'fresh' || memberState === 'joining' || memberState === 'member';
  if (storage === null || !isMemberState) throw unreadable(NOTE_IDENTITY, fields);
  return { storage, incarnation, memberState, founding, isVouched };
}

function readMemory(notes: Notes, rank: Rank): PeerMemory | null {
  const fields = readNote(notes, noteOfPeer(rank));
  if (fields === null) return null;
  const { storage, incarnation } = fields;
  return { storage, incarnation };
}

interface NoteFields extends PeerMemory {
  readonly memberState: unknown;
  readonly founding: StorageId | null;
  readonly isVouched: boolean;
}

function readNote({ initial }: Pick<Notes, 'initial'>, name: string): NoteFields | null {
  const bytes = initial.get(name);
  if (bytes === undefined) return null;
  const fields = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>;
  // Versions before 0.2 have neither of the last two.
  const { storage: hex, incarnation, standing, founding = null, isVouched = false } = fields;
  const [storage, foundingId] = [idIn(hex), idIn(founding)];
  const isWrong =
    storage === undefined ||
    foundingId === undefined ||
    typeof incarnation !== 'number' ||
    typeof isVouched !== 'boolean';
  if (isWrong) throw unreadable(name, fields);
  return { storage, incarnation, memberState: standing, founding: foundingId, isVouched };
}

/** @returns undefined: it is neither an id nor null. */
function idIn(hex: unknown): StorageId | null | undefined {
  if (hex === null) return null;
  if (typeof hex !== 'string' || hex.length !== 2 * STORAGE_ID_SIZE_BYTES) return undefined;
  return Buffer.from(hex, 'hex').toString('latin1');
}

function unreadable(name: string, fields: unknown): AtomicDiskError {
  return new AtomicDiskError(
    'ATDD_STORE_CORRUPT',
    `the note ${name} of the store says ${JSON.stringify(fields)}: that is no disk's identity`,
  );
}
