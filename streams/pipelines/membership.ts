/**
 * What comes of what peers say of themselves (src/core/membership/): notes that become durable one
 * after the other, and with them the standing by which this process acts.
 */
import type { MonoTypeOperatorFunction, Observable } from 'rxjs';
import {
  BehaviorSubject,
  EMPTY,
  Subject,
  concatMap,
  defer,
  endWith,
  filter,
  of,
  retry,
  tap,
  timer,
} from 'rxjs';
import type { Identity, Standing } from '../../src/core/membership/identity.js';
import { STORAGE_ID_SIZE_BYTES } from '../../src/core/membership/identity.js';
import type {
  Membership,
  MembershipEffect,
  PeerMemory,
} from '../../src/core/membership/membership.js';
import { newMembership } from '../../src/core/membership/membership.js';
import type { Rank } from '../../src/core/rank.js';
import { AtomicDiskError } from '../../src/errors.js';
import { NoSpace } from '../../src/ports/blockFiles.js';
import type { Notes } from '../../src/ports/notes.js';
import type { MembershipRecord } from './records.js';
import type { SchedulerLike } from 'rxjs';

const NOTE_IDENTITY = 'identity';
const noteOfPeer = (rank: Rank): string => `peer/${rank}`;

/** A disk without room for a note is tried again after this. */
const FULL_RETRY_MS = 500;

export class MembershipState implements MembershipRecord {
  readonly durable: Map<Rank, PeerMemory>;
  readonly #standing: BehaviorSubject<Standing>;
  readonly standing$: Observable<Standing>;
  readonly #mayStamp: BehaviorSubject<boolean>;
  /** Emits whenever this process may choose stamps again: it knows which incarnation it is. */
  readonly mayStamp$: Observable<boolean>;
  readonly #exhausted = new Subject<void>();
  /** Emits when there is no number for this incarnation: this process stays as it is. */
  readonly exhausted$ = this.#exhausted.asObservable();

  constructor(readonly current: Membership) {
    this.durable = new Map(current.remembered);
    this.#standing = new BehaviorSubject<Standing>(current.own.standing);
    this.standing$ = this.#standing.asObservable();
    this.#mayStamp = new BehaviorSubject(this.#knowsIncarnation());
    this.mayStamp$ = this.#mayStamp.pipe(filter((may) => may));
  }

  get mayStamp(): boolean {
    return this.#mayStamp.value;
  }

  /** `current` has changed. */
  look(effects: readonly MembershipEffect[]): void {
    const may = this.#knowsIncarnation();
    if (may !== this.mayStamp) this.#mayStamp.next(may);
    if (effects.some(({ kind }) => kind === 'exhausted')) this.#exhausted.next();
  }

  /** A process whose disk was lost knows only what peers have told it. */
  #knowsIncarnation(): boolean {
    const { standing, incarnation } = this.current.own;
    return standing === 'member' || incarnation > 0;
  }

  get standing(): Standing {
    return this.#standing.value;
  }

  set standing(standing: Standing) {
    if (standing !== this.#standing.value) this.#standing.next(standing);
  }
}

/**
 * @param hasData Whether the disk holds anything: one without an identity that does is from before
 * there were any, and a member's.
 * @throws {AtomicDiskError} ATDD_STORE_CORRUPT
 */
export function openMembership(
  self: Membership['self'],
  notes: Notes,
  hasData: boolean,
  draw: () => string,
): MembershipState {
  const own = readIdentity(notes) ?? {
    storage: draw(),
    incarnation: 0,
    standing: hasData ? 'member' : 'fresh',
  };
  const remembered = new Map<Rank, PeerMemory>();
  for (let rank = 1; rank <= self.processCount; rank += 1) {
    const memory = readMemory(notes, rank);
    if (memory !== null) remembered.set(rank, memory);
  }
  return new MembershipState(newMembership(self, own, remembered, draw));
}

/**
 * What a disk is called, and that it is fresh, is durable before anybody hears of it, and before
 * anything is stored there: a process that is killed while its cluster is founded is the one that
 * the others have counted, and what a fresh one has stored makes no member of it. Completes then.
 */
export function keepIdentity(
  { current }: MembershipState,
  notes: Notes,
  clock: SchedulerLike,
): Observable<never> {
  return defer(() => {
    if (notes.initial.has(NOTE_IDENTITY)) return EMPTY;
    const note = toNote(current.own);
    return notes.put(new Map([[NOTE_IDENTITY, note]])).pipe(retryWithoutRoom(clock));
  });
}

/**
 * Makes the effects durable, in order. A process stops voting at once, and votes only when that it
 * may is durable. Emits after each batch.
 */
export function keepMembership(
  effects$: Observable<readonly MembershipEffect[]>,
  state: MembershipState,
  notes: Notes,
  clock: SchedulerLike,
): Observable<true> {
  return effects$.pipe(
    tap((effects) => {
      const { standing } = state.current.own;
      if (standing !== 'member') state.standing = standing;
      state.look(effects);
    }),
    concatMap((effects) => {
      const changes = new Map<string, Uint8Array>();
      const remembered = new Map<Rank, PeerMemory>();
      const { own } = state.current;
      for (const effect of effects) {
        if (effect.kind === 'identify') changes.set(NOTE_IDENTITY, toNote(own));
        if (effect.kind !== 'remember') continue;
        const memory = state.current.remembered.get(effect.rank);
        if (memory === undefined) continue;
        remembered.set(effect.rank, memory);
        changes.set(noteOfPeer(effect.rank), toNote(memory));
      }
      if (changes.size === 0) return of(true as const);
      return notes.put(changes).pipe(
        retryWithoutRoom(clock),
        endWith(true as const),
        tap(() => {
          for (const [rank, memory] of remembered) state.durable.set(rank, memory);
          const isCurrent = changes.has(NOTE_IDENTITY) && state.current.own === own;
          if (isCurrent) state.standing = own.standing;
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

/** Ids are latin1: in hexadecimal anyone can read them. */
function toNote(value: Identity | PeerMemory): Uint8Array {
  const { storage, ...rest } = value;
  const hex = storage === null ? null : Buffer.from(storage, 'latin1').toString('hex');
  return Buffer.from(JSON.stringify({ storage: hex, ...rest }));
}

/** @throws {AtomicDiskError} ATDD_STORE_CORRUPT */
function readIdentity(notes: Notes): Identity | null {
  const fields = readNote(notes, NOTE_IDENTITY);
  if (fields === null) return null;
  const { storage, incarnation, standing } = fields;
  const isStanding = standing === 'fresh' || standing === 'joining' || standing === 'member';
  if (storage === null || !isStanding) throw unreadable(NOTE_IDENTITY, fields);
  return { storage, incarnation, standing };
}

function readMemory(notes: Notes, rank: Rank): PeerMemory | null {
  const fields = readNote(notes, noteOfPeer(rank));
  if (fields === null) return null;
  const { storage, incarnation } = fields;
  return { storage, incarnation };
}

interface NoteFields extends PeerMemory {
  readonly standing: unknown;
}

function readNote({ initial }: Notes, name: string): NoteFields | null {
  const bytes = initial.get(name);
  if (bytes === undefined) return null;
  const fields = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>;
  const { storage: hex, incarnation, standing } = fields;
  const isHex = typeof hex === 'string' && hex.length === 2 * STORAGE_ID_SIZE_BYTES;
  if ((hex !== null && !isHex) || typeof incarnation !== 'number') throw unreadable(name, fields);
  const storage = isHex ? Buffer.from(hex, 'hex').toString('latin1') : null;
  return { storage, incarnation, standing };
}

function unreadable(name: string, fields: unknown): AtomicDiskError {
  return new AtomicDiskError(
    'ATDD_STORE_CORRUPT',
    `the note ${name} of the store says ${JSON.stringify(fields)}: that is no disk's identity`,
  );
}
