import test from 'ava';
import { deepStrictEqual as equal } from 'node:assert/strict';
import type { SchedulerLike } from 'rxjs';
import { map } from 'rxjs';
import type { ReplicaAnswer, ReplicaRequest } from '../../src/core/strict/replicaMessage.js';
import { PromiseTable } from '../../src/core/strict/promises.js';
import type { StrictStore } from '../../src/ports/strictStore.js';
import { replicaRegisters } from '../../streams/replicaRegisters.js';
import type { Answered, RequestFrom } from '../../streams/replicaRegisters.js';
import { marbles } from '../helpers/marbles.js';
import { FakeStrictStore, dataOf, strictStamp, taking, valueOf } from './strictFakes.js';

type Request = RequestFrom<string>;

const query = (first: number, wantsData = false, count = 1): ReplicaRequest => ({
  kind: 'query',
  range: { first, count },
  wantsData,
});
const order = (first: number, counter: number, wants: 'nothing' | 'versions' | 'data' = 'nothing'): ReplicaRequest => ({
  kind: 'order',
  range: { first, count: 1 },
  stamp: strictStamp(counter),
  wants,
});
const store = (first: number, counter: number, count = 1): ReplicaRequest => ({
  kind: 'store',
  range: { first, count },
  stamp: strictStamp(counter),
  origin: strictStamp(counter),
  data: dataOf(counter, count),
});
const hold = (first: number, counter: number, held: number): ReplicaRequest => ({
  kind: 'store',
  range: { first, count: 1 },
  stamp: strictStamp(counter),
  origin: strictStamp(held),
  data: { held: strictStamp(held) },
});
const learn = (first: number, counter: number): ReplicaRequest => ({
  ...(store(first, counter) as ReplicaRequest & { kind: 'store' }),
  kind: 'learn',
  data: dataOf(counter),
});
const concluded = (first: number, counter: number, lacking: number[] = []): ReplicaRequest => ({
  kind: 'concluded',
  range: { first, count: 1 },
  stamp: strictStamp(counter),
  lacking,
});

function over(strictStore: StrictStore, turn: SchedulerLike) {
  const noted: string[] = [];
  return {
    noted,
    options: {
      store: strictStore,
      promises: new PromiseTable(1_000),
      regions: {
        stored: ({ first, count }: { first: number; count: number }) => void noted.push(`stored ${first}+${count}`),
        learnt: ({ first, count }: { first: number; count: number }) => void noted.push(`learnt ${first}+${count}`),
        concluded: ({ first }: { first: number }) => void noted.push(`concluded ${first}`),
      },
      list: (from: number) => ({ next: from + 512, extents: [{ extent: from / 256, digest: 7n }] }),
      turn,
    },
  };
}

/** An answer as text: of each run its outcome or its stamp and its promise, then its data. */
function toText(answer: ReplicaAnswer | null): string {
  if (answer === null) return 'noted';
  if (answer.kind === 'listed') return `listed ${answer.extents.map(({ extent }) => extent).join()}<${answer.next}`;
  const runs = answer.runs.map((run) => {
    const data = 'data' in run && run.data !== null ? `=${run.data === 'damaged' ? run.data : valueOf(run.data)}` : '';
    if (!('outcome' in run)) return `${run.version.stamp.counter}<${run.promised.counter}${data}`;
    if (run.outcome === 'refused') return `refused${run.promised.counter}`;
    if (run.outcome !== 'granted') return run.outcome;
    return `granted${run.version === null ? '' : run.version.stamp.counter}${data}`;
  });
  return runs.join();
}

const told = () => map(({ value, result }: Answered<string>) => `${value.origin}:${toText(result)}`);
const from = (requests: Record<string, ReplicaRequest>): Record<string, Request> =>
  Object.fromEntries(Object.entries(requests).map(([origin, request]) => [origin, { origin, request }]));

test('an answer waits for the flush of what it tells', marbles, (helpers, clock) => {
  const { cold, expectObservable } = helpers;
  const request$ = cold('     -ab--c----|', from({ a: store(1, 5), b: query(1), c: store(300, 6) }));
  const put$ = cold('         ---(s|)');
  const expected = '          ----(ab)c-|';
  const { options } = over(new FakeStrictStore(() => put$), clock);
  const answer$ = request$.pipe(replicaRegisters<string>(options), told());
  expectObservable(answer$).toBe(expected, { a: 'a:stored', b: 'b:5<5', c: 'c:stored' });
});

test('all puts of a turn share one call, of whatever extents they are', marbles, (helpers, clock) => {
  const { cold, expectObservable, flush } = helpers;
  const fake = new FakeStrictStore(taking(clock, () => 3));
  const request$ = cold('-(abc)---|', from({ a: store(1, 5), b: store(300, 6), c: store(2, 7) }));
  expectObservable(request$.pipe(replicaRegisters<string>(over(fake, clock).options), told())).toBe('----(abc)|', {
    a: 'a:stored',
    b: 'b:stored',
    c: 'c:stored',
  });
  flush();
  equal(
    fake.calls.map((puts) => puts.length),
    [3],
  );
});

test('what conflicts with nothing under way is answered at once', marbles, (helpers, clock) => {
  const { cold, expectObservable } = helpers;
  const fake = new FakeStrictStore(taking(clock, () => 3));
  const request$ = cold('-abcd-----|', from({ a: store(1, 5), b: query(2), c: order(3, 9), d: concluded(4, 5) }));
  expectObservable(request$.pipe(replicaRegisters<string>(over(fake, clock).options), told())).toBe('--bc(da)--|', {
    a: 'a:stored',
    b: 'b:0<0',
    c: 'c:granted',
    d: 'd:noted',
  });
});

test('requests that wait are one batch: each sees what the ones before it put', marbles, (helpers, clock) => {
  const { cold, expectObservable, flush } = helpers;
  const fake = new FakeStrictStore(taking(clock, () => 5));
  const { options, noted } = over(fake, clock);
  const request$ = cold(
    '-(abcdefg)-------|',
    from({
      a: store(1, 5),
      b: order(1, 8, 'versions'),
      c: store(1, 6),
      d: store(1, 8),
      e: query(1),
      f: hold(1, 9, 8),
      g: order(1, 9),
    }),
  );
  expectObservable(request$.pipe(replicaRegisters<string>(options), told())).toBe('------(abc)(defg)|', {
    a: 'a:stored',
    b: 'b:granted5',
    c: 'c:refused8',
    d: 'd:stored',
    e: 'e:8<8',
    f: 'f:stored',
    g: 'g:refused9',
  });
  flush();
  equal(
    fake.calls.map((puts) => puts.map(({ stamp }) => Number(stamp.counter))),
    [[5], [9]],
  );
  equal(valueOf(fake.copies.get(1)!.data), 8, 'the data of 8 under the stamp 9');
  equal(noted, ['stored 1+1', 'stored 1+1']);
});

test('of puts that overlap the last one of each sector is made', marbles, (helpers, clock) => {
  const { cold, expectObservable, flush } = helpers;
  const fake = new FakeStrictStore(taking(clock, () => 3));
  const { options, noted } = over(fake, clock);
  const requests = { a: store(0, 1, 8), b: store(0, 5, 6), c: learn(2, 7), d: store(4, 6, 4) };
  const request$ = cold('-(abcd)|', from(requests));
  expectObservable(request$.pipe(replicaRegisters<string>(options), told())).toBe('----a--(bcd|)', {
    a: 'a:stored',
    b: 'b:stored',
    c: 'c:stored',
    d: 'd:stored',
  });
  flush();
  const made = fake.calls.map((puts) =>
    puts.map(({ range, stamp }) => [range.first, range.count, Number(stamp.counter)]),
  );
  equal(made, [
    [[0, 8, 1]],
    [
      [0, 2, 5],
      [3, 1, 5],
      [2, 1, 7],
      [4, 4, 6],
    ],
  ]);
  equal(
    [0, 2, 4, 7].map((sector) => valueOf(fake.copies.get(sector)!.data)),
    [5, 7, 6, 6],
  );
  equal(noted, ['stored 0+8', 'stored 0+2', 'stored 3+1', 'learnt 2+1', 'stored 4+4']);
});

test('data is loaded between puts, never during one', marbles, (helpers, clock) => {
  const { cold, expectObservable } = helpers;
  const fake = new FakeStrictStore(taking(clock, () => 3));
  const request$ = cold('-abc----------|', from({ a: store(1, 5), b: query(1, true), c: store(1, 6) }));
  expectObservable(request$.pipe(replicaRegisters<string>(over(fake, clock).options), told())).toBe('----a--b--c---|', {
    a: 'a:stored',
    b: 'b:5<5=5',
    c: 'c:stored',
  });
});

test('an ORDER that loads is granted at once, and others are decided upon that', marbles, (helpers, clock) => {
  const { cold, expectObservable } = helpers;
  const fake = new FakeStrictStore(taking(clock, () => 3));
  const request$ = cold('-abc----|', from({ a: order(1, 5, 'data'), b: order(1, 4), c: query(1) }));
  expectObservable(request$.pipe(replicaRegisters<string>(over(fake, clock).options), told())).toBe('--bca---|', {
    a: 'a:granted0=0',
    b: 'b:refused5',
    c: 'c:0<5',
  });
});

test('an ORDER that is granted in parts loads these', marbles, (helpers, clock) => {
  const { cold, expectObservable } = helpers;
  const fake = new FakeStrictStore(taking(clock, () => 1));
  const wide: ReplicaRequest = { kind: 'order', range: { first: 0, count: 4 }, stamp: strictStamp(5), wants: 'data' };
  const request$ = cold('-ab----|', from({ a: order(2, 7), b: wide }));
  const answer = 'b:granted0=0,granted0=0,refused7,granted0=0';
  expectObservable(request$.pipe(replicaRegisters<string>(over(fake, clock).options), told())).toBe('-a--b--|', {
    a: 'a:granted',
    b: answer,
  });
});

test('without room nothing is stored, and what came behind sees that', marbles, (helpers, clock) => {
  const { cold, expectObservable } = helpers;
  const fake = new FakeStrictStore(taking(clock, () => 3));
  fake.isFull = () => fake.calls.length === 2;
  const { options, noted } = over(fake, clock);
  const requests = {
    a: store(1, 5),
    b: store(1, 6, 2),
    c: query(1),
    d: order(1, 9, 'versions'),
    e: concluded(1, 6, [2]),
    f: store(1, 9),
  };
  expectObservable(cold('-abcde-----f---|', from(requests)).pipe(replicaRegisters<string>(options), told())).toBe(
    '----a--(bcde)-f|',
    {
      a: 'a:stored',
      b: 'b:refused9,full',
      c: 'c:5<9',
      d: 'd:granted5',
      e: 'e:noted',
      f: 'f:stored',
    },
  );
  helpers.flush();
  equal(noted, ['stored 1+1', 'concluded 1', 'stored 1+1']);
});

test('CONCLUDED is noted behind the STORE that it is about', marbles, (helpers, clock) => {
  const { cold, expectObservable, flush } = helpers;
  const { options, noted } = over(new FakeStrictStore(taking(clock, () => 4)), clock);
  const requests = { a: store(1, 5), b: concluded(1, 5), c: store(1, 6), d: concluded(1, 6), e: concluded(1, 6) };
  const answer$ = cold('-abcd--------e-|', from(requests)).pipe(
    replicaRegisters<string>(options),
    map(({ value }) => value.origin),
  );
  expectObservable(answer$).toBe('-----(ab)(cd)e-|');
  flush();
  equal(noted, ['stored 1+1', 'concluded 1', 'stored 1+1', 'concluded 1', 'concluded 1']);
});

test('a failure of the store, or of the source, ends everything', marbles, ({ cold, expectObservable }, clock) => {
  for (const request of [store(1, 5), query(1, true)]) {
    const { options } = over(new FakeStrictStore(() => cold('--#')), clock);
    expectObservable(cold('-a-----|', from({ a: request })).pipe(replicaRegisters<string>(options))).toBe('---#');
  }
  const { options } = over(new FakeStrictStore(taking(clock, () => 1)), clock);
  for (const source of ['--|', '---', '--#']) {
    expectObservable(cold<Request>(source).pipe(replicaRegisters<string>(options))).toBe(source);
  }
});
