/** Random requests, slow and full disks: every sector answers as if its requests were handled one after the other. */
import test from 'ava';
import { Subject, VirtualTimeScheduler } from 'rxjs';
import { overlap } from '../../src/core/strict/range.js';
import type { ReplicaAnswer, ReplicaRequest } from '../../src/core/strict/replicaMessage.js';
import { PromiseTable } from '../../src/core/strict/promises.js';
import type { StrictStamp } from '../../src/core/strict/version.js';
import { STRICT_STAMP_INITIAL } from '../../src/core/strict/version.js';
import type { RequestFrom } from '../../streams/replicaRegisters.js';
import { replicaRegisters } from '../../streams/replicaRegisters.js';
import type { Dice } from '../helpers/seed.js';
import { chooseSeed, dice, seedOf } from '../helpers/seed.js';
import type { SectorEvent, SectorRequest } from './sectorHistory.js';
import { isExplained, orderedAnswer, refusedAnswer, stateAnswer } from './sectorHistory.js';
import { FakeStrictStore, dataOf, sectorsOf, strictStamp, taking, valueOf } from './strictFakes.js';

/** Around the border of two extents. */
const FIRST = 252;
const SECTORS = 8;
const BORDER = 256;
const DAMAGED = 253;
const REQUESTS = 40;

/** The write that a stamp belongs to: its first stamp and its data. The same for whoever stores it. */
interface Write {
  readonly stamp: StrictStamp;
  readonly origin: StrictStamp;
  readonly value: number;
  /** The stamp before it, of which it keeps the data; null: it is a write. */
  readonly settled: StrictStamp | null;
}

function writesOf(random: Dice): Write[] {
  const writes: Write[] = [];
  for (let counter = 1; counter <= 12; counter += 1) {
    const stamp = strictStamp(counter, random.below(4));
    const last = writes.at(-1) ?? null;
    const before = last === null || random.chance(60) ? null : random.chance(60) ? last : random.pick(writes);
    const fresh = { stamp, origin: stamp, value: counter, settled: null };
    writes.push(before === null ? fresh : { ...before, stamp, settled: before.stamp });
  }
  return writes;
}

function rangeOf(random: Dice) {
  const first = FIRST + random.below(SECTORS);
  const end = first < BORDER ? BORDER : FIRST + SECTORS;
  return { first, count: 1 + random.below(Math.min(4, end - first)) };
}

/** @param progress From 0 to 1: later requests have later stamps, more or less. */
function requestOf(random: Dice, writes: readonly Write[], progress: number): ReplicaRequest {
  const range = rangeOf(random);
  const latest = Math.floor(progress * writes.length) + 3;
  const { stamp, origin, value, settled } = random.pick(writes.slice(Math.max(0, latest - 6), latest));
  switch (random.below(8)) {
    case 0:
      return { kind: 'query', range, wantsData: false };
    case 1:
      return { kind: 'query', range, wantsData: true };
    case 2:
    case 3:
      return { kind: 'order', range, stamp, wants: random.pick(['nothing', 'versions', 'data'] as const) };
    case 4:
      return { kind: 'learn', range, stamp, origin, data: dataOf(value, range.count) };
    default: {
      const isHeld = settled !== null && random.chance(60);
      const data = isHeld ? { held: settled } : dataOf(value, range.count);
      return { kind: 'store', range, stamp, origin, data };
    }
  }
}

function sectorRequestOf(request: ReplicaRequest): SectorRequest {
  switch (request.kind) {
    case 'query':
    case 'order':
      return request;
    case 'store':
    case 'learn': {
      const { kind, stamp, origin, data } = request;
      const held = typeof data === 'object' && 'held' in data ? data.held : null;
      // The data of a write is known by its first stamp.
      return { kind, stamp, origin, value: Number(origin.counter), held };
    }
    case 'concluded':
    case 'list':
      throw new Error('has no answer');
  }
}

/** The answer of each sector of the range. */
function answersOf(answer: ReplicaAnswer): string[] {
  if (answer.kind === 'listed') throw new Error('tells of no sectors');
  return answer.runs.flatMap((run): string[] => {
    const dataAt = (at: number): string | null => {
      if (!('data' in run) || run.data === null) return null;
      if (run.data === 'damaged') return run.data;
      return String(valueOf(run.data === 'zeros' ? run.data : run.data.subarray(at * 4096)));
    };
    return Array.from({ length: run.count }, (_, at) => {
      if (!('outcome' in run)) return stateAnswer(run.version.stamp, run.version.origin, run.promised, dataAt(at));
      if (run.outcome === 'granted') return orderedAnswer(run.version, dataAt(at));
      return run.outcome === 'refused' ? refusedAnswer(run.promised) : run.outcome;
    });
  });
}

interface Asked extends RequestFrom<number> {
  readonly begun: number;
  over: number;
  answer: ReplicaAnswer | null;
}

/** Every request, when it came and when it was answered, numbered in order: frames are too coarse. */
function runOnce(random: Dice): Asked[] {
  const clock = new VirtualTimeScheduler();
  const store = new FakeStrictStore(taking(clock, () => random.below(12)));
  store.isFull = () => random.chance(15);
  store.damaged.add(DAMAGED);
  store.copies.set(DAMAGED, { stamp: strictStamp(2), origin: strictStamp(2), data: dataOf(2) });
  const none = (): void => undefined;
  const request$ = new Subject<Asked>();
  const asked: Asked[] = [];
  let instant = 0;
  const options = {
    store,
    promises: new PromiseTable(10_000),
    regions: { stored: none, learnt: none, concluded: none },
    list: () => ({ next: null, extents: [] }),
    turn: clock,
  };
  request$.pipe(replicaRegisters<number>(options)).subscribe(({ value, result }) => {
    const of = value as Asked;
    of.over = instant += 1;
    of.answer = result;
  });
  const writes = writesOf(random);
  for (let index = 0; index < REQUESTS; index += 1) {
    clock.schedule(() => {
      const request = requestOf(random, writes, clock.now() / 60);
      const next: Asked = { origin: index, request, begun: (instant += 1), over: Infinity, answer: null };
      asked.push(next);
      request$.next(next);
    }, random.below(60));
  }
  clock.flush();
  return asked;
}

test('each sector: answers of one request after the other, whatever is put together', (t) => {
  const seed = chooseSeed();
  t.log(`seed ${seed}`);
  let counted = { full: 0, refused: 0, lacks: 0, damaged: 0, granted: 0 };
  for (let round = 0; round < 100; round += 1) {
    const asked = runOnce(dice(seedOf(seed, round)));
    t.is(asked.length, REQUESTS);
    t.true(
      asked.every(({ answer }) => answer !== null),
      `round ${round}: each is answered, once`,
    );
    for (let sector = FIRST; sector < FIRST + SECTORS; sector += 1) {
      const range = { first: sector, count: 1 };
      const events = asked
        .filter(({ request }) => overlap(request.range, range))
        .map(({ request, begun, over, answer }): SectorEvent => {
          const at = sectorsOf(request.range).indexOf(sector);
          const text = answersOf(answer!)[at];
          for (const name of Object.keys(counted) as (keyof typeof counted)[]) {
            if (text.includes(name)) counted = { ...counted, [name]: counted[name] + 1 };
          }
          return { request: sectorRequestOf(request), begun, over, answer: text };
        });
      const stamp = sector === DAMAGED ? strictStamp(2) : STRICT_STAMP_INITIAL;
      const initial = { stamp, origin: stamp, value: sector === DAMAGED ? null : 0, promised: stamp };
      if (!isExplained(events, initial)) {
        const story = events.map((event) =>
          JSON.stringify(event, (_, v: unknown) => (typeof v === 'bigint' ? Number(v) : v)),
        );
        t.fail(`seed ${seed}, round ${round}, sector ${sector}:\n${story.join('\n')}`);
        return;
      }
    }
  }
  t.log(JSON.stringify(counted));
  t.true(
    Object.values(counted).every((count) => count > 20),
    'every kind of answer is among them',
  );
});
