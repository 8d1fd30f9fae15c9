/**
 * What comes of what peers say of themselves (src/core/membership/): notes that become durable one after the other, and
 * with them the memberState by which this process acts.
 */
import type { Observable } from 'rxjs';
import { BehaviorSubject, EMPTY, Subject, concatMap, defer, endWith, filter, of, tap } from 'rxjs';
import type { MemberState } from '../../../src/core/membership/identity.js';
import type { MembershipEffect } from '../../../src/core/membership/membership.js';
import type { Membership, MembershipOptions, PeerMemory } from '../../../src/core/membership/state.js';
import { newMembership } from '../../../src/core/membership/membership.js';
import type { Rank } from '../../../src/core/rank.js';
import type { Notes } from '../../../src/ports/notes.js';
import type { MembershipView } from '../processState.js';
import type { SchedulerLike } from 'rxjs';
import { identityNote, NOTE_IDENTITY, noteOfPeer, peerNote, readIdentity, readMemory } from './identityNotes.js';
import { retryWithoutRoom } from '../../retryWithoutRoom.js';

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
