/**
 * One process of a trace (test/core/traces.test.ts): the production reducers of one register and of the membership, and
 * a disk that flushes when the script says so. What they are fed and what comes of it is written down, line by line.
 */
import { rebuildQuorum } from '../../src/core/membership/heard.js';
import type { Identity } from '../../src/core/membership/identity.js';
import type { MembershipEffect } from '../../src/core/membership/membership.js';
import {
  finishJoining,
  helloTo,
  isOutdated,
  newMembership,
  receiveHello,
} from '../../src/core/membership/membership.js';
import type { Membership, PeerMemory } from '../../src/core/membership/state.js';
import { MODE_OPEN } from '../../src/core/membership/registerMode.js';
import type { RegisterMessage } from '../../src/core/message.js';
import type { OperationId } from '../../src/core/operation.js';
import { ranksBut, type Rank } from '../../src/core/rank.js';
import { describeEffect, describeEvent, describeState } from '../../src/core/register/describe.js';
import type { RegisterEffect } from '../../src/core/register/effect.js';
import { needsCopy, type RegisterEvent } from '../../src/core/register/event.js';
import { reduce } from '../../src/core/register/reduce.js';
import { restingState, type RegisterState } from '../../src/core/register/state.js';
import type { Self } from '../../src/core/register/step.js';
import { ZERO_SECTOR, type SectorData } from '../../src/core/sector.js';
import { STAMP_INITIAL, compareStamps, type Stamp } from '../../src/core/stamp.js';
import type { Disk, Envelope, TraceMessage } from './traceMessage.js';
import { describeContent, describeHello, showStamp } from './traceMessage.js';

export const PROCESS_COUNT = 3;

/** What survives a crash. */
interface Durable {
  own: Identity;
  remembered: ReadonlyMap<Rank, PeerMemory>;
  stamp: Stamp;
  data: SectorData;
  /** The number of the last boot that had one. */
  boot: number;
}

/** An event of the register, and whose disk answered. */
interface Waiting {
  readonly event: RegisterEvent;
  readonly disk: Disk | null;
}

export interface TraceOutside {
  readonly note: (line: string) => void;
  readonly send: (envelope: Envelope) => void;
  /** The id of a new disk. */
  readonly draw: () => string;
}

export const takeInId = (rank: Rank): OperationId => `T${rank}`.padStart(16, '\0');

export class TraceProcess {
  isUp = true;
  #disk: Durable;
  #membership: Membership;
  #state: RegisterState = restingState(STAMP_INITIAL);
  /** What comes while a flush is under way. */
  #waiting: Waiting[] = [];
  #early: RegisterEvent[] = [];
  /** What is to be done when the disk has flushed, oldest first. */
  #flushes: { readonly isOfRegister: boolean; readonly done: () => void }[] = [];
  #boot = 0;
  /** Asked again until retired: by operation and rank. */
  #owed = new Map<OperationId, Map<Rank, RegisterMessage>>();
  #lists = new Map<Rank, Stamp>();

  constructor(
    readonly rank: Rank,
    private readonly isExtended: boolean,
    private readonly outside: TraceOutside,
    own: Identity,
    remembered: ReadonlyMap<Rank, PeerMemory>,
  ) {
    this.#disk = { own, remembered, stamp: STAMP_INITIAL, data: ZERO_SECTOR, boot: 0 };
    this.#membership = this.#start();
  }

  get isFlushing(): boolean {
    return this.#flushes.length > 0;
  }

  describe(): string {
    const { memberState, storage, incarnation } = this.#membership.own;
    const waiting = this.#waiting.length === 0 ? '' : `, ${this.#waiting.length} behind the flush`;
    const who = `${memberState}, disk ${storage.trim()}, incarnation ${incarnation}, boot ${this.#boot}`;
    return this.isUp ? `${describeState(this.#state)}${waiting} (${who})` : 'down';
  }

  begin(event: RegisterEvent): void {
    const { memberState, incarnation } = this.#membership.own;
    if (memberState !== 'member' && incarnation === 0) {
      this.#note(`${describeEvent(event)}: waits, it does not know its incarnation`);
      this.#early.push(event);
    } else this.#take({ event, disk: null });
  }

  receive({ from, content, disk }: Envelope): void {
    if (content.kind === 'hello') {
      this.#note(`HELLO of ${from}: ${describeHello(content.hello)}`);
      this.#apply(receiveHello(this.#membership, from, content.hello));
    } else if (isOutdated(this.#membership, from, disk)) {
      this.#note(`${describeContent(content)} from ${from}: ignored, of a disk that was replaced`);
    } else if (content.kind === 'register' && content.message.id === takeInId(this.rank)) {
      this.#adopt(content.message);
    } else if (content.kind === 'register') {
      this.#take({ event: { kind: 'message', from, message: content.message }, disk });
    } else if (content.kind === 'list') {
      this.#receiveList(from);
    } else {
      this.#note(`LISTED ${showStamp(content.stamp)} from ${from}`);
      this.#lists.set(from, content.stamp);
      this.#takeIn();
    }
  }

  /** All that was given to the disk until now is on it. */
  flush(): void {
    if (!this.isFlushing) throw new Error(`${this.rank} has nothing to flush`);
    for (const { done } of this.#flushes.splice(0)) done();
    this.#takeWaiting();
    this.#takeIn();
  }

  /** Sends once more what was not answered. */
  repeat(): void {
    for (const of of this.#owed.values()) for (const [to, message] of of) this.#send(to, { kind: 'register', message });
  }

  crash(): void {
    this.isUp = false;
  }

  loseDisk(): void {
    const own = { storage: this.outside.draw(), incarnation: 0, memberState: 'fresh', founding: null } as const;
    this.#disk = {
      own: { ...own, mode: MODE_OPEN, isVouched: false },
      remembered: new Map(),
      stamp: STAMP_INITIAL,
      data: ZERO_SECTOR,
      boot: 0,
    };
  }

  restart(): void {
    this.isUp = true;
    this.#membership = this.#start();
    this.#state = restingState(this.#disk.stamp);
    this.#waiting = [];
    this.#early = [];
    this.#flushes = [];
    this.#boot = 0;
    this.#owed = new Map();
    this.#lists = new Map();
  }

  /** Asks the members which sectors they have. */
  list(): void {
    for (const to of this.#others()) {
      this.outside.note(`    ask ${to}: LIST`);
      this.#send(to, { kind: 'list' });
    }
  }

  sayHello(to: Rank): void {
    this.#send(to, { kind: 'hello', hello: helloTo(this.#membership, to) });
  }

  #start(): Membership {
    const { own, remembered } = this.#disk;
    const options = {
      self: { rank: this.rank, processCount: PROCESS_COUNT },
      configuration: { processCount: PROCESS_COUNT, sectors: 1, addresses: '', mode: 0 },
      wasInUse: false,
      isFounder: false,
      hasData: () => this.#disk.stamp.timestamp > 0n,
      canChange: false,
      draw: this.outside.draw,
    };
    return newMembership(options, own, remembered);
  }

  #self(): Self {
    const { own, objections } = this.#membership;
    const stamps = { incarnation: own.incarnation, boot: this.#boot, isPlain: false };
    const isSilent = own.memberState !== 'member' || objections.length > 0;
    return { rank: this.rank, processCount: PROCESS_COUNT, stamps, asksStamps: this.isExtended, isSilent };
  }

  /** One event of the register at a time: its flush belongs to it. */
  #take(waiting: Waiting): void {
    if (this.#flushes.some(({ isOfRegister }) => isOfRegister)) {
      this.#note(`${describeEvent(waiting.event)}: waits behind the flush`);
      this.#waiting.push(waiting);
      return;
    }
    const { event, disk } = waiting;
    if (event.kind === 'message' && disk !== null && isOutdated(this.#membership, event.from, disk)) {
      this.#note(`${describeEvent(event)}: counts for nothing, of a disk that was replaced`);
      return;
    }
    const before = this.#state;
    if (needsCopy(before, event, this.rank)) {
      this.#step({ kind: 'loaded', copy: { kind: 'sound', data: this.#disk.data } });
    }
    this.#step(event);
  }

  #takeWaiting(): void {
    for (const one of this.#waiting.splice(0)) this.#take(one);
  }

  #step(event: RegisterEvent): void {
    this.#note(describeEvent(event));
    const before = this.#state;
    const { state, effects } = reduce(before, event, this.#self());
    const first = effects.at(0);
    for (const effect of effects) this.outside.note(`    ${describeEffect(effect)}`);
    const isWithStore = first?.kind === 'store';
    const finish = (): void => {
      this.#state = state;
      const text = describeState(state);
      if (text !== describeState(before)) this.outside.note(`  ${this.rank} is ${text}`);
      for (const effect of isWithStore ? effects.slice(1) : effects) this.#perform(effect);
    };
    if (!isWithStore) {
      finish();
      return;
    }
    const done = (): void => {
      this.#note(`flushed ${describeEffect(first)}`);
      this.#disk = { ...this.#disk, stamp: first.stamp, data: first.data };
      finish();
      if (first.stamp.writeRank === this.rank) this.#wantNumber();
    };
    this.#flushes.push({ isOfRegister: true, done });
  }

  /** See streams/pipelines/membership/bootNumber.ts. */
  #wantNumber(): void {
    if (!this.isExtended || this.#boot > 0) return;
    const number = this.#disk.boot + 1;
    this.outside.note(`    note boot ${number}`);
    const done = (): void => {
      this.#note(`flushed note boot ${number}`);
      this.#disk.boot = number;
      this.#boot = number;
    };
    this.#flushes.push({ isOfRegister: false, done });
  }

  #perform(effect: RegisterEffect): void {
    switch (effect.kind) {
      case 'reply':
        this.#send(effect.to, { kind: 'register', message: effect.message });
        break;
      case 'broadcast':
        this.#owed.set(effect.message.id, new Map());
        for (const to of this.#others()) this.#ask(to, effect.message);
        this.#take({ event: { kind: 'message', from: this.rank, message: effect.message }, disk: null });
        break;
      case 'ask':
      case 'fetch':
        this.#ask(effect.to, effect.message);
        break;
      case 'retire':
        this.#owed.get(effect.id)?.delete(effect.rank);
        break;
      case 'retireAll':
        this.#owed.delete(effect.id);
        break;
      default:
    }
  }

  #ask(to: Rank, message: RegisterMessage): void {
    const of = this.#owed.get(message.id) ?? new Map<Rank, RegisterMessage>();
    this.#owed.set(message.id, of.set(to, message));
    this.#send(to, { kind: 'register', message });
  }

  #apply(effects: readonly MembershipEffect[]): void {
    for (const effect of effects) {
      const { own, remembered, objections } = this.#membership;
      switch (effect.kind) {
        case 'identify':
          this.#disk = { ...this.#disk, own };
          this.outside.note(
            `    identify: ${own.memberState}, disk ${own.storage.trim()}, incarnation ${own.incarnation}`,
          );
          break;
        case 'remember': {
          const known = remembered.get(effect.rank);
          this.#disk = { ...this.#disk, remembered: new Map(remembered) };
          this.outside.note(
            `    remember ${effect.rank}: disk ${known?.storage?.trim() ?? '?'}, incarnation ${known?.incarnation}`,
          );
          break;
        }
        case 'sendHello':
          this.outside.note('    HELLO to all');
          for (const to of this.#others()) this.sayHello(to);
          break;
        case 'disavow':
          this.outside.note(`    disavow ${effect.rank}`);
          break;
        default:
          this.outside.note(`    ${effect.kind}: ${objections.length}`);
      }
    }
    for (const effect of effects) {
      if (effect.kind === 'disavow') this.#take({ event: { kind: 'disavow', rank: effect.rank }, disk: null });
    }
    if (this.#membership.own.incarnation > 0) {
      for (const event of this.#early.splice(0)) this.#take({ event, disk: null });
    }
  }

  /** See members.ts: a member answers when the disavowals of that rank have had their turn. */
  #receiveList(from: Rank): void {
    const isDisavowing = this.#waiting.some(({ event }) => event.kind === 'disavow' && event.rank === from);
    const isMember = this.#membership.own.memberState === 'member';
    if (!isMember || isDisavowing) {
      this.#note(`LIST from ${from}: no answer, ${isMember ? `a disavowal of ${from} waits` : 'it is no member'}`);
      return;
    }
    this.#note(`LIST from ${from}`);
    this.outside.note(`    reply LISTED ${showStamp(this.#disk.stamp)} to ${from}`);
    this.#send(from, { kind: 'listed', stamp: this.#disk.stamp });
  }

  /** See streams/pipelines/repair/rebuild.ts: what the newest list has, and it is a member. */
  #takeIn(): void {
    if (this.#membership.own.memberState !== 'joining' || this.#lists.size < rebuildQuorum(PROCESS_COUNT)) return;
    const [[holder, newest]] = [...this.#lists].sort(([, a], [, b]) => compareStamps(b, a));
    if (compareStamps(this.#disk.stamp, newest) >= 0) {
      this.#note('has taken everything in');
      this.#apply(finishJoining(this.#membership));
    } else {
      const message: RegisterMessage = { kind: 'readProc', id: takeInId(this.rank) };
      this.outside.note(`    ask ${holder}: READ_PROC T${this.rank}`);
      this.#send(holder, { kind: 'register', message });
    }
  }

  /** What was asked for while joining is stored as if it had been written. */
  #adopt(message: RegisterMessage): void {
    if (message.kind !== 'value') return;
    const adopted: RegisterMessage = { ...message, kind: 'writeProc' };
    this.#take({ event: { kind: 'message', from: this.rank, message: adopted }, disk: null });
  }

  #send(to: Rank, content: TraceMessage): void {
    const { storage, incarnation } = this.#membership.own;
    this.outside.send({ from: this.rank, to, content, disk: { storage, incarnation } });
  }

  #others(): Rank[] {
    return ranksBut(this.rank, PROCESS_COUNT);
  }

  #note(line: string): void {
    this.outside.note(`  ${this.rank} <- ${line}`);
  }
}
