/**
 * Makes the effects of hellos (src/core/membership/) durable as notes, one after the other, and with them changes the
 * member state by which this process acts.
 */
import type { Observable } from 'rxjs';
import { BehaviorSubject, EMPTY, ReplaySubject, Subject, concatMap, defer, endWith, filter, of, tap } from 'rxjs';
import { assert } from '../../../src/core/assert.js';
import type { MemberState } from '../../../src/core/membership/identity.js';
import type { MembershipEffect } from '../../../src/core/membership/membership.js';
import type { Membership, MembershipOptions, PeerMemory } from '../../../src/core/membership/state.js';
import { newMembership } from '../../../src/core/membership/membership.js';
import type { Rank } from '../../../src/core/rank.js';
import type { Notes } from '../../../src/ports/notes.js';
import type { MembershipView } from '../processState.js';
import type { SchedulerLike } from 'rxjs';
import {
  identityNote,
  modeOnDisk,
  NOTE_IDENTITY,
  noteOfPeer,
  peerNote,
  readIdentity,
  readMemory,
} from './identityNotes.js';
import { retryWithoutRoom } from '../../retryWithoutRoom.js';

export class MembershipState implements MembershipView {
  readonly durable: Map<Rank, PeerMemory>;
  readonly #memberState: BehaviorSubject<MemberState>;
  readonly memberState$: Observable<MemberState>;
  readonly #voting: BehaviorSubject<boolean>;
  /** Emits whether this process votes: at once on subscription, and whenever that changes. */
  readonly voting$: Observable<boolean>;
  readonly #mayStamp: BehaviorSubject<boolean>;
  /** Emits true when this process may choose stamps, because it knows its incarnation: at once if it may already. */
  readonly mayStamp$: Observable<boolean>;
  readonly #exhausted = new Subject<void>();
  /** Emits when no number is left for this incarnation: this process never votes. */
  readonly exhausted$ = this.#exhausted.asObservable();
  readonly #transition = new ReplaySubject<void>(1);
  /** Emits when src/core/membership/transition.ts may tell something else: also at once if that has happened. */
  readonly transition$ = this.#transition.asObservable();
  readonly #raised = new Subject<readonly MembershipEffect[]>();
  /** The effects of changes that no message has caused. */
  readonly raised$ = this.#raised.asObservable();

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

  /** To be called when `current` has changed, with the effects of the change. */
  notifyChange(effects: readonly MembershipEffect[]): void {
    const may = this.#knowsIncarnation();
    if (may !== this.mayStamp) this.#mayStamp.next(may);
    this.#updateVoting();
    if (effects.some(({ kind }) => kind === 'exhausted')) this.#exhausted.next();
    if (effects.some(({ kind }) => kind === 'transition')) this.#transition.next();
  }

  /** `current` was changed for a reason of the process's own. */
  raise(effects: readonly MembershipEffect[]): void {
    this.#raised.next(effects);
  }

  /** A process that is not a member learns its incarnation from peers. */
  #knowsIncarnation(): boolean {
    const { memberState, incarnation } = this.current.own;
    return memberState === 'member' || incarnation > 0;
  }

  get memberState(): MemberState {
    return this.#memberState.value;
  }

  set memberState(memberState: MemberState) {
    if (memberState !== this.#memberState.value) this.#memberState.next(memberState);
    this.#updateVoting();
  }

  get isVoting(): boolean {
    return this.#voting.value;
  }

  #updateVoting(): void {
    const isVoting = this.memberState === 'member' && this.current.objections.length === 0;
    if (isVoting !== this.isVoting) this.#voting.next(isVoting);
  }
}

/**
 * Reads the identity of the process and what it remembers of its peers. A disk that holds sectors but no identity was
 * written by a version without identities, and is that of a member.
 *
 * @throws {AtomicDiskError} ATDD_STORE_CORRUPT
 */
export function openMembership(options: MembershipOptions, notes: Notes): MembershipState {
  const { mode } = options.configuration;
  const hasData = options.hasData();
  const known = modeOnDisk(notes, hasData);
  assert(known === null || known === mode, 'the mode of the disk was checked before');
  const found = readIdentity(notes) ?? {
    storage: options.draw(),
    incarnation: 0,
    memberState: hasData ? 'member' : 'fresh',
    founding: null,
    isVouched: false,
  };
  const own = { ...found, mode };
  const remembered = new Map<Rank, PeerMemory>();
  for (let rank = 1; rank <= options.self.processCount; rank += 1) {
    const memory = readMemory(notes, rank);
    if (memory !== null) remembered.set(rank, memory);
  }
  return new MembershipState(newMembership(options, own, remembered));
}

/**
 * Makes the identity of a new disk durable, or the mode of a fresh one, then completes. Emits nothing. This has to be
 * done before any peer hears of the disk, so that a process that is killed while its cluster is founded comes back with
 * the disk id that the others have counted. It has to be done before anything is stored, so that the sectors of a fresh
 * process do not make it a member.
 */
export function keepIdentity({ current }: MembershipState, notes: Notes, clock: SchedulerLike): Observable<never> {
  return defer(() => {
    if (readIdentity(notes)?.mode === current.own.mode) return EMPTY;
    return notes.put(identityNote(current.own)).pipe(retryWithoutRoom(clock));
  });
}

/**
 * Makes the effects durable, in order. A process stops voting at once, and begins to vote only once its membership is
 * durable. Emits after each batch. An error is one of the store.
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
