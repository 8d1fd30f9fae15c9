/**
 * Questions that this process asks on its own behalf, for no client, and their answers: to list, to fetch and to hand
 * over sectors. Each question is one observable. To subscribe asks the question, over a stubborn link. The observable
 * emits the answer and completes. To unsubscribe withdraws the question.
 */
import { Observable, Subject } from 'rxjs';
import type { RegisterMessage } from '../../../src/core/message.js';
import type { OperationId } from '../../../src/core/operation.js';
import type { Rank } from '../../../src/core/rank.js';
import type { RegisterEvent } from '../../../src/core/register/event.js';
import type { SectorData, SectorIndex } from '../../../src/core/sector.js';
import type { Stamp } from '../../../src/core/stamp.js';
import type { Random } from '../../../src/ports/random.js';
import { OutgoingMessage } from '../../../src/wire/outgoingMessage.js';
import { serializeMemberMessage } from '../../../src/wire/memberMessages.js';
import type { Tagger } from '../../../src/wire/tag.js';
import type { SectorOutcome } from '../../reduceRegisters.js';
import type { LinkCommand } from '../../stubbornLink.js';
import type { Listed } from '../../../src/wire/listMessages.js';

export type Value = Extract<RegisterMessage, { kind: 'value' }>;
/** `nothing`: this process has no sound copy to hand over. */
export type Handover = 'acknowledged' | 'nothing';
export type Adoption = 'done' | 'full';

type Answer =
  | { readonly kind: 'listed'; readonly listed: Listed }
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: Handover }
  | { readonly kind: Adoption };

interface Pending {
  /** The process whose answer counts; the own rank for a question to an own register. */
  readonly from: Rank;
  readonly answered: (answer: Answer) => void;
}

export interface ExchangeOptions {
  readonly self: Rank;
  readonly systemTagger: Tagger;
  readonly random: Random;
}

export interface SelfEvent {
  readonly sector: SectorIndex;
  readonly event: RegisterEvent;
  readonly origin: null;
}

export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #pending = new Map<OperationId, Pending>();
  readonly #events = new Subject<SelfEvent>();
  readonly #commands = new Subject<{ readonly to: Rank; readonly command: LinkCommand }>();
  readonly event$ = this.#events.asObservable();
  readonly command$ = this.#commands.asObservable();

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /** Number of unanswered questions. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Whether a question with this id was asked here of that peer, and has no answer yet. */
  isAsking(peer: Rank, id: OperationId): boolean {
    return this.#pending.get(id)?.from === peer;
  }

  /** Asks a peer for a list of the sectors that it has, from that sector on. Only members answer. */
  list(peer: Rank, from: SectorIndex): Observable<Listed> {
    return this.#question<Listed>(peer, (id, answer) => {
      const content = { kind: 'list', id, from } as const;
      const message = serializeMemberMessage({ sender: this.#options.self, content }, this.#options.systemTagger);
      this.#commands.next({ to: peer, command: { kind: 'question', id, message } });
      return (given) => {
        if (given.kind === 'listed') answer(given.listed);
      };
    });
  }

  /** Asks a peer for its value of a sector. */
  fetch(peer: Rank, sector: SectorIndex): Observable<Value> {
    return this.#question<Value>(peer, (id, answer) => {
      const content = { kind: 'readProc', id } as const;
      const { self, systemTagger } = this.#options;
      const message = new OutgoingMessage({ sender: self, sector, content }, false, systemTagger);
      this.#commands.next({ to: peer, command: { kind: 'question', id, message } });
      return (given) => {
        if (given.kind === 'value') answer(given.value);
      };
    });
  }

  /** Hands this process's value of a sector over to a peer. Answered when the peer has that value or a newer one. */
  handOver(peer: Rank, sector: SectorIndex): Observable<Handover> {
    return this.#question<Handover>(peer, (id, answer) => {
      this.#events.next({ sector, event: { kind: 'handOver', to: peer, id }, origin: null });
      return (given) => {
        if (given.kind === 'acknowledged' || given.kind === 'nothing') answer(given.kind);
      };
    });
  }

  /** Takes a value into the own register, if it is newer than the value there, or if the copy there is damaged. */
  adopt(sector: SectorIndex, stamp: Stamp, data: SectorData): Observable<Adoption> {
    const { self } = this.#options;
    return this.#question<Adoption>(self, (id, answer) => {
      const message = { kind: 'writeProc', id, stamp, data } as const;
      this.#events.next({ sector, event: { kind: 'message', from: self, message }, origin: null });
      return (given) => {
        if (given.kind === 'done' || given.kind === 'full') answer(given.kind);
      };
    });
  }

  /** Reads a sector from the own disk. Afterwards the store knows whether the copy is damaged. */
  verify(sector: SectorIndex): Observable<Adoption> {
    return this.#question<Adoption>(this.#options.self, (id, answer) => {
      this.#events.next({ sector, event: { kind: 'verify', id }, origin: null });
      return (given) => {
        if (given.kind === 'done') answer(given.kind);
      };
    });
  }

  #question<T>(
    from: Rank,
    ask: (id: OperationId, answer: (value: T) => void) => (given: Answer) => void,
  ): Observable<T> {
    return new Observable<T>((subscriber) => {
      const id = this.#options.random.operationId();
      const early: Answer[] = [];
      let take = (given: Answer): void => void early.push(given);
      this.#pending.set(id, {
        from,
        answered: (given) => {
          take(given);
        },
      });
      subscriber.add(() => {
        this.#pending.delete(id);
        if (from === this.#options.self) return;
        this.#commands.next({ to: from, command: { kind: 'retire', id } });
      });
      take = ask(id, (value) => {
        subscriber.next(value);
        subscriber.complete();
      });
      for (const given of early) take(given);
    });
  }

  /** Takes the answer out of a message of a peer, if it is one to a question of this exchange. */
  #takeMessage(from: Rank, message: RegisterMessage): void {
    if (message.kind !== 'value' && message.kind !== 'ack') return;
    const pending = this.#pending.get(message.id);
    if (pending?.from !== from) return;
    if (message.kind === 'value') pending.answered({ kind: 'value', value: message });
    else pending.answered({ kind: 'acknowledged' });
  }

  takeListed(from: Rank, listed: Listed): void {
    const pending = this.#pending.get(listed.id);
    if (pending?.from === from) pending.answered({ kind: 'listed', listed });
  }

  /** Whether the effects of an outcome are to be sent: those of a withdrawn question are not. */
  isWanted({ cause: { event } }: SectorOutcome<unknown>): boolean {
    return event.kind !== 'handOver' || this.#pending.has(event.id);
  }

  /** Answers the question that an outcome of an own register answers, if there is one. */
  takeOutcome(outcome: SectorOutcome<unknown>): void {
    if (outcome.kind === 'void') return;
    const { event } = outcome.cause;
    switch (event.kind) {
      case 'verify':
        this.#pending.get(event.id)?.answered({ kind: 'done' });
        break;
      case 'handOver':
        if (outcome.kind === 'done' && outcome.effects.length === 0) {
          this.#pending.get(event.id)?.answered({ kind: 'nothing' });
        }
        break;
      case 'message': {
        const pending = this.#pending.get(event.message.id);
        const isOwn = event.from === this.#options.self && pending?.from === event.from;
        if (isOwn) pending.answered({ kind: outcome.kind });
        else this.#takeMessage(event.from, event.message);
        break;
      }
      default:
    }
  }
}
