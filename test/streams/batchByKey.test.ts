import test from 'ava';
import { Subject, map, of, tap } from 'rxjs';
import type { BatchByKeyOptions } from '../../streams/batchByKey.js';
import { batchByKey } from '../../streams/batchByKey.js';
import { usedBytes } from '../helpers/garbage.js';
import { marbles } from '../helpers/marbles.js';

interface Letter {
  readonly letter: string;
}

const letters = (...names: string[]): Record<string, Letter> =>
  Object.fromEntries(names.map((letter) => [letter, { letter }]));

type Options = BatchByKeyOptions<Letter, string>;

/** All in one key; a letter conflicts with itself, whichever its case, and capitals may be in one batch. */
const options = (handle: Options['handle']): Options => ({
  keyOf: () => 0,
  claimOf: ({ letter }) => ({
    first: letter.toLowerCase().charCodeAt(0),
    count: 1,
    isExclusive: true,
    mayJoin: letter !== letter.toLowerCase(),
  }),
  handle,
});

const resultsOf = (batch: readonly Letter[]) => batch.map((value) => ({ value, result: value.letter }));

test('what conflicts waits, and goes as one batch; the rest goes at once', marbles, (helpers) => {
  const { cold, expectObservable } = helpers;
  const value$ = cold('     -aAAb----------|').pipe(map((letter) => ({ letter })));
  const batches: string[] = [];
  const handle = (batch: readonly Letter[]) => {
    batches.push(batch.map(({ letter }) => letter).join(''));
    return cold('           ----(x|)').pipe(map(() => resultsOf(batch)));
  };
  const expected = '        -----a--b(AA)--|';
  const result$ = value$.pipe(
    batchByKey(options(handle)),
    map(({ result }) => result),
  );
  expectObservable(result$.pipe(tap({ complete: () => batches.push('end') }))).toBe(expected);
  helpers.flush();
  if (batches.join() !== 'a,b,AA,end') throw new Error(batches.join());
});

test('values that may not be in one batch go one after the other, in order', marbles, ({ cold, expectObservable }) => {
  const value$ = cold('-abaA--------|').pipe(map((letter) => ({ letter })));
  const handle = (batch: readonly Letter[]) => cold('---(x|)').pipe(map(() => resultsOf(batch)));
  const result$ = value$.pipe(
    batchByKey(options(handle)),
    map(({ result }) => result),
  );
  expectObservable(result$).toBe('----ab-a--A--|');
});

test('a value that does not wait for the one before it is not held by it', marbles, ({ cold, expectObservable }) => {
  // The second a waits for the first, B for nothing, though it comes behind.
  const value$ = cold('-aaB-------|').pipe(map((letter) => ({ letter })));
  const handle = (batch: readonly Letter[]) => cold('----(x|)').pipe(map(() => resultsOf(batch)));
  const result$ = value$.pipe(
    batchByKey(options(handle)),
    map(({ result }) => result),
  );
  expectObservable(result$).toBe('-----a-B-a-|');
});

test('results of a batch that are due earlier free their values earlier', marbles, ({ cold, expectObservable }) => {
  const value$ = cold('-aAABb------|').pipe(map((letter) => ({ letter })));
  const handle = (batch: readonly Letter[]) =>
    batch.length === 1
      ? cold('---(x|)').pipe(map(() => resultsOf(batch)))
      : cold('-x--(y|)').pipe(map((mark) => resultsOf(mark === 'x' ? batch.slice(0, 1) : batch.slice(1))));
  const result$ = value$.pipe(
    batchByKey(options(handle)),
    map(({ result }) => result),
  );
  // a: 1 to 4. Both A: one after a frame, the other after four. B: 4 to 7, b: 7 to 10.
  expectObservable(result$).toBe('----aA-BA-b-|');
});

test('keys are side by side, and an idle key is used again', marbles, ({ cold, expectObservable }) => {
  const value$ = cold('-ab----a---|').pipe(map((letter) => ({ letter })));
  const handle = (batch: readonly Letter[]) => cold('---(x|)').pipe(map(() => resultsOf(batch)));
  const result$ = value$.pipe(
    batchByKey({ ...options(handle), keyOf: ({ letter }) => letter.charCodeAt(0) }),
    map(({ result }) => result),
  );
  expectObservable(result$).toBe('----ab----a|');
});

test('the end of the source waits for what is under way; an error does not', marbles, (helpers) => {
  const { cold, expectObservable } = helpers;
  const handle = (batch: readonly Letter[]) => cold('----(x|)').pipe(map(() => resultsOf(batch)));
  const run = (source: string) =>
    cold(source).pipe(
      map((letter) => ({ letter })),
      batchByKey(options(handle)),
      map(({ result }) => result),
    );
  expectObservable(run('-aa|')).toBe('-----a---(a|)');
  expectObservable(run('-a-#')).toBe('---#');
  expectObservable(run('--|')).toBe('--|');
  expectObservable(run('---')).toBe('---');
  const failing$ = cold('-ab-|').pipe(
    map((letter) => ({ letter })),
    batchByKey(options(() => cold('--#'))),
  );
  expectObservable(failing$).toBe('---#');
});

test('unsubscribing ends what is under way', marbles, ({ cold, expectObservable, expectSubscriptions }) => {
  const work$ = cold('      ------x|');
  const value$ = cold('     -a-------|');
  const result$ = value$.pipe(
    map((letter) => ({ letter })),
    batchByKey(options((batch) => work$.pipe(map(() => resultsOf(batch))))),
  );
  expectObservable(result$, '---!').toBe('---');
  expectSubscriptions(work$.subscriptions).toBe('-^-!');
  expectSubscriptions(value$.subscriptions).toBe('^--!');
});

test('a long queue does not overflow the stack', (t) => {
  const claimOf = () => ({ first: 0, count: 1, isExclusive: true, mayJoin: false });
  const first = new Subject<string>();
  const source = new Subject<Letter>();
  const results: string[] = [];
  const handle = (batch: readonly Letter[]) => {
    if (batch[0].letter !== 'a') return of(resultsOf(batch));
    return first.pipe(map(() => resultsOf(batch)));
  };
  source.pipe(batchByKey({ ...options(handle), claimOf })).subscribe(({ result }) => {
    results.push(result);
  });
  source.next({ letter: 'a' });
  for (let index = 0; index < 4_000; index += 1) source.next({ letter: 'b' });
  t.deepEqual(results, []);
  first.next('go');
  t.is(results.length, 4_001);
});

test('an idle key takes no memory', (t) => {
  const source = new Subject<Letter>();
  const seen = new Set<string>();
  let key = 0;
  const keyOf = (): number => (key += 1);
  source.pipe(batchByKey({ ...options((batch) => of(resultsOf(batch))), keyOf })).subscribe(({ result }) => {
    seen.add(result);
  });
  const value = { letter: 'a' };
  const send = (): number => {
    for (let index = 0; index < 40_000; index += 1) source.next(value);
    return usedBytes();
  };
  const before = send();
  // A group that stays takes more than 1,000 bytes.
  t.true(send() - before < 10_000_000);
  t.is(key, 80_000);
});

test('a value that a result gives rise to is handled too, and none is lost', (t) => {
  const source = new Subject<Letter>();
  const results: string[] = [];
  const slow = new Subject<string>();
  const handle = (batch: readonly Letter[]) =>
    batch[0].letter === 'a' ? slow.pipe(map(() => resultsOf(batch))) : of(resultsOf(batch));
  source.pipe(batchByKey(options(handle))).subscribe(({ result }) => {
    results.push(result);
    if (result === 'b') source.next({ letter: 'c' });
    if (result === 'A' && results.length < 7) source.next({ letter: 'd' });
  });
  source.next(letters('b').b);
  source.next({ letter: 'a' });
  source.next({ letter: 'A' });
  source.next({ letter: 'A' });
  slow.next('go');
  t.deepEqual(results, ['b', 'c', 'a', 'A', 'd', 'A', 'd']);
});
