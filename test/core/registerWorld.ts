/**
 * The registers of one sector in N processes, made of the production reducer, under a network that may do anything:
 * every message ever sent may arrive at any time, any number of times, or never. Small enough to be walked through
 * completely: see register.exhaustive.test.ts.
 */
import type { RegisterMessage } from '../../src/core/message.js';
import type { Rank } from '../../src/core/rank.js';
import { describeState } from '../../src/core/register/describe.js';
import { needsCopy } from '../../src/core/register/event.js';
import type { RegisterEvent } from '../../src/core/register/event.js';
import { reduce } from '../../src/core/register/reduce.js';
import type { RegisterState } from '../../src/core/register/state.js';
import { restingState } from '../../src/core/register/state.js';
import type { Self } from '../../src/core/register/step.js';
import { inOrder } from '../../src/core/register/waiting.js';
import type { SectorData } from '../../src/core/sector.js';
import { SECTOR_SIZE_BYTES, ZERO_SECTOR } from '../../src/core/sector.js';
import type { Stamp } from '../../src/core/stamp.js';
import { STAMP_INITIAL, compareStamps } from '../../src/core/stamp.js';

/** Values are small numbers: 0 is the initial one. */
const DATA: readonly SectorData[] = [
  ZERO_SECTOR,
  ...Array.from({ length: 9 }, (_, index) => new Uint8Array(SECTOR_SIZE_BYTES).fill(index + 1)),
];

export interface PlannedOperation {
  readonly rank: Rank;
  readonly kind: 'read' | 'write';
  /** Of a write; unique. */
  readonly value: number;
}

/** What became of a planned operation. */
export interface Fate {
  readonly status: 'planned' | 'running' | 'done' | 'lost' | 'dropped';
  /** Indices of the operations that were done before this one began. */
  readonly after: readonly number[];
  /** Of a read that is done. */
  readonly result: number;
}

interface Envelope {
  readonly from: Rank;
  readonly to: Rank;
  readonly message: RegisterMessage;
}

interface Disk {
  readonly stamp: Stamp;
  readonly data: SectorData;
}

export interface World {
  readonly states: readonly RegisterState[];
  readonly disks: readonly Disk[];
  /** By text, so that the same message is there once. */
  readonly sent: ReadonlyMap<string, Envelope>;
  readonly fates: readonly Fate[];
  readonly crashesLeft: number;
  /** Whether the processes ask for stamps, and flush what they write at the same time as others. */
  readonly isExtended: boolean;
  /** How often each process has started again. */
  readonly boots: readonly number[];
}

export function newWorld(
  processCount: number,
  plan: readonly PlannedOperation[],
  { crashesLeft = 0, isExtended = false } = {},
): World {
  return {
    isExtended,
    boots: Array.from({ length: processCount }, () => 0),
    states: Array.from({ length: processCount }, () => restingState(STAMP_INITIAL)),
    disks: Array.from({ length: processCount }, () => ({
      stamp: STAMP_INITIAL,
      data: ZERO_SECTOR,
    })),
    sent: new Map(),
    fates: plan.map(() => ({ status: 'planned', after: [], result: 0 })),
    crashesLeft,
  };
}

const idOf = (index: number): string => String(index).padStart(16, '0');
const indexOf = (id: string): number => Number(id);

/** The world after one more event at one process, with all that it sends to itself. */
function occur(world: World, rank: Rank, first: RegisterEvent): World {
  const states = [...world.states];
  const disks = [...world.disks];
  const sent = new Map(world.sent);
  let { fates } = world;
  const { isExtended } = world;
  const self = selfOf(world, rank);
  const send = (to: Rank, message: RegisterMessage): void => {
    sent.set(`${rank}>${to} ${messageKey(message)}`, { from: rank, to, message });
  };
  const events: RegisterEvent[] = [first];
  for (let event = events.shift(); event !== undefined; event = events.shift()) {
    let before = states[rank - 1];
    if (needsCopy(before, event, rank)) {
      const copy = { kind: 'sound', data: disks[rank - 1].data } as const;
      before = reduce(before, { kind: 'loaded', copy }, self).state;
    }
    const step = reduce(before, event, self);
    states[rank - 1] = step.state;
    for (const effect of step.effects) {
      if (effect.kind === 'store') {
        disks[rank - 1] = { stamp: effect.stamp, data: effect.data };
      } else if (effect.kind === 'reply') {
        send(effect.to, effect.message);
      } else if (effect.kind === 'ask' || effect.kind === 'fetch') {
        send(effect.to, effect.message);
      } else if (effect.kind === 'broadcast') {
        // Its own flush takes its time, and a crash may come before.
        if (isExtended && effect.message.kind === 'writeProc') send(rank, effect.message);
        else events.push({ kind: 'message', from: rank, message: effect.message });
        for (let to = 1; to <= states.length; to += 1) if (to !== rank) send(to, effect.message);
      } else if (effect.kind === 'complete' || effect.kind === 'dropped') {
        const status = effect.kind === 'complete' ? 'done' : 'dropped';
        const result = effect.kind === 'complete' ? (effect.data?.[0] ?? 0) : 0;
        fates = withFate(fates, indexOf(effect.id), { status, result });
      }
    }
  }
  for (const [key, envelope] of sent) if (!canMatter(envelope, states)) sent.delete(key);
  return { ...world, states, disks, sent, fates };
}

function selfOf({ states, isExtended, boots }: World, rank: Rank): Self {
  const self = { rank, processCount: states.length };
  if (!isExtended) return self;
  const stamps = { incarnation: 0, boot: boots[rank - 1] + 1, isPlain: false };
  return { ...self, asksStamps: true, stamps };
}

/**
 * Whether the message can still change anything but the list of messages. That registers ignore the others is tested by
 * itself (register.clauses.test.ts, "stale"); leaving them out here makes a complete walk possible.
 */
function canMatter({ from, to, message }: Envelope, states: readonly RegisterState[]): boolean {
  const { id } = message;
  const asker = states[(isAnswer(message) ? to : from) - 1].running;
  const phase = asker?.operation.id === id ? asker.phase : null;
  switch (message.kind) {
    case 'readProc':
    case 'readStamp':
    case 'value':
    case 'stamp':
      return phase === 'read';
    case 'ack':
      return asker?.phase === 'write' && phase === 'write' && !asker.ackList.includes(from);
    case 'writeProc':
      return (
        compareStamps(message.stamp, states[to - 1].stamp) > 0 ||
        (asker?.phase === 'write' && phase === 'write' && !asker.ackList.includes(to))
      );
  }
}

function isAnswer({ kind }: RegisterMessage): boolean {
  return kind === 'value' || kind === 'stamp' || kind === 'ack';
}

function withFate(fates: readonly Fate[], at: number, change: Partial<Fate>): readonly Fate[] {
  return fates.map((fate, index) => (index === at ? { ...fate, ...change } : fate));
}

/** Every world that one step can lead to. */
export function* successors(world: World, plan: readonly PlannedOperation[]): Generator<World> {
  for (const [index, { rank, kind, value }] of plan.entries()) {
    if (world.fates[index].status !== 'planned') continue;
    const after = world.fates.flatMap(({ status }, other) => (status === 'done' ? [other] : []));
    const begun = {
      ...world,
      fates: withFate(world.fates, index, { status: 'running', after }),
    };
    const id = idOf(index);
    const operation = kind === 'read' ? { kind, id } : { kind, id, data: DATA[value] };
    yield occur(begun, rank, { kind: 'begin', operation });
  }
  for (const { from, to, message } of world.sent.values()) {
    yield occur(world, to, { kind: 'message', from, message });
  }
  for (const [index, { running }] of world.states.entries()) {
    if (running?.phase !== 'read' || running.asked !== 'oneValue') continue;
    yield occur(world, index + 1, { kind: 'widen', id: running.operation.id });
  }
  if (world.crashesLeft > 0) yield* crashes(world, plan);
}

/** A process forgets all but its disk; its operations under way have no known outcome. */
function* crashes(world: World, plan: readonly PlannedOperation[]): Generator<World> {
  for (let rank = 1; rank <= world.states.length; rank += 1) {
    const states = world.states.map((state, index) =>
      index === rank - 1 ? restingState(world.disks[index].stamp) : state,
    );
    yield {
      ...world,
      crashesLeft: world.crashesLeft - 1,
      boots: world.boots.map((boot, index) => (index === rank - 1 ? boot + 1 : boot)),
      states,
      sent: new Map([...world.sent].filter(([, envelope]) => canMatter(envelope, states))),
      fates: world.fates.map((fate, index) =>
        fate.status === 'running' && plan[index].rank === rank ? { ...fate, status: 'lost' } : fate,
      ),
    };
  }
}

/** The same text for worlds that have the same future. */
export function worldKey(world: World): string {
  const states = world.states.map(({ stamp, copy, running, queue }, index) => {
    const held = copy.kind === 'sound' ? copy.data[0] : copy.kind;
    const disk = world.disks[index];
    let phase = '-';
    if (running?.phase === 'read') {
      const list = running.readList.map(
        (entry) => `${entry.rank}:${stampKey(entry.stamp)}${String(entry.data?.[0])}${entry.isDurable}`,
      );
      phase = `${running.operation.id}${running.asked}${list.sort().join(',')}`;
    } else if (running !== null) {
      phase = `${running.operation.id}w${[...running.ackList].sort().join(',')}`;
    }
    const waiting = inOrder(queue)
      .map(({ id }) => id)
      .join(',');
    return `${stampKey(stamp)}${held}|${stampKey(disk.stamp)}${disk.data[0]}|${phase}|${waiting}`;
  });
  const fates = world.fates.map(({ status, after, result }) => `${status}${after.join()}=${result}`);
  const sent = [...world.sent.keys()].sort();
  return [...states, ...fates, world.crashesLeft, ...world.boots, ...sent].join(';');
}

function stampKey({ timestamp, writeRank }: Stamp): string {
  return `${timestamp}.${writeRank}.`;
}

function messageKey(message: RegisterMessage): string {
  const short = Number(message.id);
  if (!('stamp' in message)) return `${message.kind}${short}`;
  const value = 'data' in message ? message.data[0] : '';
  return `${message.kind}${short} ${stampKey(message.stamp)}${value}`;
}

/**
 * Whether some order of the operations explains what every one of them returned: operations that are done keep their
 * place in time, lost ones may have happened or not, dropped ones have not.
 */
export function isExplained(fates: readonly Fate[], plan: readonly PlannedOperation[]): boolean {
  const place = (placed: ReadonlySet<number>, value: number): boolean => {
    if (fates.every(({ status }, index) => status !== 'done' || placed.has(index))) return true;
    for (const [index, { status, after, result }] of fates.entries()) {
      if (placed.has(index) || status === 'planned' || status === 'dropped') continue;
      // All that ended before it began stands before it already.
      if (!after.every((earlier) => placed.has(earlier))) continue;
      const { kind, value: written } = plan[index];
      if (kind === 'read' && status === 'done' && result !== value) continue;
      if (kind === 'read' && status !== 'done') continue;
      if (place(new Set([...placed, index]), kind === 'write' ? written : value)) return true;
    }
    return false;
  };
  return place(new Set(), 0);
}

/** For the message of a failed test: every register and what every operation came to. */
export function describeWorld(world: World | null): string {
  if (world === null) return '';
  const fates = world.fates.map(
    ({ status, after, result }, index) => `${index}: ${status}, read ${result}, after [${after.join()}]`,
  );
  return [...world.states.map(describeState), ...fates].join('\n');
}
