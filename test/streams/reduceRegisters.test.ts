import test from 'ava';
import { EMPTY, Subject, from as from$, map, of } from 'rxjs';
import { STAMP_INITIAL } from '../../src/core/stamp.js';
import type { RegisterState } from '../../src/core/register/state.js';
import type { SectorStore } from '../../src/ports/store.js';
import type { SectorEvent, SectorOutcome } from '../../streams/reduceRegisters.js';
import { reduceRegisters } from '../../streams/reduceRegisters.js';
import { marbles } from '../helpers/marbles.js';
import {
  abandon,
  ack,
  beginRead,
  beginWrite,
  data,
  from,
  readProc,
  readStamp,
  stamp,
  value,
  writeProc,
} from '../core/make.js';

type Event = SectorEvent<string>;

const self = { rank: 1, processCount: 3 };
const A = data(1);
const B = data(2);

/** A store whose every answer is a marble stream. */
function storeOf(answers: Partial<SectorStore>): SectorStore {
  return {
    stampOf: () => STAMP_INITIAL,
    isDamaged: () => false,
    list: () => EMPTY,
    runs: () => [],
    counts: () => ({ written: 0, damaged: 0 }),
    load: () => EMPTY,
    put: () => EMPTY,
    ...answers,
  };
}

/** Options of a process over that store, of which nobody has left. */
const over = (store: SectorStore) => ({
  self: () => self,
  store,
  stripes: 8,
  registers: new Map<number, RegisterState>(),
  isAbandoned: () => false,
});

const at = (sector: number, event: Event['event'], origin = ''): Event => ({
  sector,
  event,
  origin,
});

/** What came of it, as text: origin, then each effect. */
const told = () =>
  map((outcome: SectorOutcome<string>) => {
    const effects = outcome.kind === 'done' ? outcome.effects.map(({ kind }) => kind) : ['full'];
    return `${outcome.cause.origin}:${effects.join()}`;
  });

const newer = (sector: number, name: string) => at(sector, from(2, writeProc(name, stamp(1, 2), A)), name);
const older = (sector: number, name: string) => at(sector, from(3, writeProc(name, stamp(0, 0), B)), name);

test('an ACK waits for the flush before it; another sector does not', marbles, (helpers) => {
  const { cold, expectObservable } = helpers;
  const event$ = cold('     -a--b-----|', { a: newer(1, 'a'), b: newer(2, 'b') });
  const store = storeOf({ put: () => cold('---(s|)', { s: 'stored' as const }) });
  const expected = '        ----A--B--|';
  const outcome$ = event$.pipe(reduceRegisters(over(store)), told());
  expectObservable(outcome$).toBe(expected, { A: 'a:store,reply', B: 'b:store,reply' });
});

test('one event of a sector at a time, flush included', marbles, ({ cold, expectObservable }) => {
  const store = storeOf({ put: () => cold('---(s|)', { s: 'stored' as const }) });
  const event$ = cold('     -ab-------|', { a: newer(1, 'a'), b: older(1, 'b') });
  const outcome$ = event$.pipe(reduceRegisters(over(store)), told());
  expectObservable(outcome$).toBe('----(AB)--|', { A: 'a:store,reply', B: 'b:reply' });
});

test('a register that waits for its quorum holds up nobody, not even its stripe', marbles, (helpers) => {
  const { cold, expectObservable } = helpers;
  const store = storeOf({ load: () => of({ kind: 'sound', data: A }) });
  const event$ = cold('     -a-b-|', {
    a: at(1, beginRead('r'), 'a'),
    b: at(9, from(2, readProc('x')), 'b'),
  });
  const outcome$ = event$.pipe(reduceRegisters(over(store)), told());
  expectObservable(outcome$).toBe('-A-B-|', { A: 'a:broadcast', B: 'b:reply' });
});

test('data is loaded before it is told, and only then', marbles, ({ cold, expectObservable }) => {
  const store = storeOf({ load: () => cold('--(c|)', { c: { kind: 'sound', data: A } as const }) });
  const event$ = cold('     -a----b-|', {
    a: at(1, from(2, readProc('x')), 'a'),
    b: older(1, 'b'),
  });
  const outcome$ = event$.pipe(reduceRegisters(over(store)), told());
  expectObservable(outcome$).toBe('---A--B-|', { A: 'a:reply', B: 'b:reply' });
});

test('a damaged copy is not told', marbles, ({ cold, expectObservable }) => {
  const store = storeOf({ load: () => of({ kind: 'damaged' }) });
  const event$ = cold('-a-|', { a: at(1, from(2, readProc('x')), 'a') });
  const outcome$ = event$.pipe(reduceRegisters(over(store)), told());
  expectObservable(outcome$).toBe('-A-|', { A: 'a:' });
});

test('who meets a damaged copy reports it, whether it was known before or not', (t) => {
  const reported: number[] = [];
  const damaged = (sector: number): void => void reported.push(sector);
  const store = storeOf({ load: () => of({ kind: 'damaged' }), put: () => of('stored') });
  const found$ = of(at(1, from(2, readProc('x'))), older(2, 'b'));
  found$.pipe(reduceRegisters({ ...over(store), damaged })).subscribe();
  t.deepEqual(reported, [1]);
  const knows = { ...store, isDamaged: (sector: number) => sector > 2 };
  const known$ = of(at(3, from(2, readStamp('x'))), newer(4, 'n'));
  known$.pipe(reduceRegisters({ ...over(knows), damaged })).subscribe();
  t.deepEqual(reported, [1, 3], 'a newer value mends it');
});

test('a copy known to be damaged is mended by the same value, and votes for no older one', (t) => {
  const store = storeOf({ isDamaged: () => true, put: () => of('stored') });
  const outcomes: string[] = [];
  const initial = at(1, from(2, writeProc('a', STAMP_INITIAL, A)), 'a');
  of(initial)
    .pipe(reduceRegisters(over(store)), told())
    .subscribe((text) => {
      outcomes.push(text);
    });
  const knows = { ...store, stampOf: () => stamp(5, 1) };
  const events = [older(1, 'b'), at(1, from(2, writeProc('c', stamp(5, 1), A)), 'c')];
  from$(events)
    .pipe(reduceRegisters(over(knows)), told())
    .subscribe((text) => {
      outcomes.push(text);
    });
  t.deepEqual(outcomes, ['a:store,reply', 'b:', 'c:store,reply']);
});

test('without room nothing has happened, and it can happen later', marbles, (helpers) => {
  const { cold, expectObservable } = helpers;
  let tries = 0;
  const store = storeOf({ put: () => of(tries++ === 0 ? 'full' : 'stored') });
  const event$ = cold('     -r-v-w-w-k-|', {
    r: at(1, beginWrite('o', A), 'r'),
    v: at(1, from(2, value('o', stamp(4, 2), B)), 'v'),
    w: at(1, from(3, value('o', stamp(4, 2), B)), 'w'),
    k: at(1, from(2, ack('o')), 'k'),
  });
  const outcome$ = event$.pipe(reduceRegisters(over(store)), told());
  // v: the first of two answers; w: the quorum, but no room; w again: and there is room.
  expectObservable(outcome$).toBe('-R-V-F-W-K-|', {
    R: 'r:broadcast',
    V: 'v:retire',
    F: 'w:full',
    W: 'w:store,broadcast',
    K: 'k:retire',
  });
});

test('what comes too early is not even looked at', (t) => {
  const isTooEarly = ({ kind }: Event['event']): boolean => kind === 'message';
  const outcomes: string[] = [];
  of(at(1, from(2, readProc('x')), 'a'), at(1, beginRead('r'), 'b'))
    .pipe(reduceRegisters({ ...over(storeOf({})), isTooEarly }), told())
    .subscribe((text) => {
      outcomes.push(text);
    });
  t.deepEqual(outcomes, ['a:full', 'b:broadcast']);
});

test('a failure of the store ends everything', marbles, ({ cold, expectObservable }) => {
  const store = storeOf({ put: () => cold('--#') });
  const event$ = cold('-a-----|', { a: newer(1, 'a') });
  expectObservable(event$.pipe(reduceRegisters(over(store)))).toBe('---#');
});

test('nothing, for ever, and an error', marbles, ({ cold, expectObservable }) => {
  for (const source of ['--|', '---', '--#']) {
    const outcome$ = cold<Event>(source).pipe(
      reduceRegisters({
        self: () => self,
        store: storeOf({}),
        stripes: 8,
        registers: new Map(),
        isAbandoned: () => false,
      }),
    );
    expectObservable(outcome$).toBe(source);
  }
});

test('O4: a message drops an operation whose client has gone, and takes it no further', (t) => {
  const puts: string[] = [];
  const store = storeOf({
    put: () => {
      puts.push('put');
      return of('stored');
    },
  });
  const gone = new Set<string>();
  const options = { ...over(store), isAbandoned: (id: string) => gone.has(id) };
  const events = new Subject<Event>();
  const outcomes: string[] = [];
  events.pipe(reduceRegisters(options), told()).subscribe((text) => {
    outcomes.push(text);
  });
  events.next(at(1, beginWrite('o', A), 'begin'));
  events.next(at(1, beginRead('next'), 'queued'));
  const begun = options.registers.get(1)?.running?.operation.id ?? '';
  gone.add(begun);
  // Two answers waited before the event that drops it: a majority, with our own.
  events.next(at(1, from(2, value('o', stamp(4, 2), B)), 'value'));
  events.next(at(1, from(3, value('o', stamp(4, 2), B)), 'value'));
  events.next(at(1, abandon('o'), 'abandon'));
  t.deepEqual(outcomes, ['begin:broadcast', 'queued:', 'value:retireAll,dropped,broadcast', 'value:', 'abandon:']);
  t.deepEqual(puts, []);
});

test('an operation in its write phase goes on, though its client has gone', (t) => {
  const store = storeOf({ put: () => of('stored') });
  const gone = new Set<string>();
  const options = { ...over(store), isAbandoned: (id: string) => gone.has(id) };
  const events = new Subject<Event>();
  const outcomes: string[] = [];
  events.pipe(reduceRegisters(options), told()).subscribe((text) => {
    outcomes.push(text);
  });
  events.next(at(1, beginWrite('o', A), 'begin'));
  const begun = options.registers.get(1)?.running?.operation.id ?? '';
  events.next(at(1, from(2, value('o', stamp(4, 2), B)), 'value'));
  events.next(at(1, from(3, value('o', stamp(4, 2), B)), 'value'));
  gone.add(begun);
  events.next(at(1, from(2, ack('o')), 'ack'));
  events.next(at(1, from(3, ack('o')), 'ack'));
  t.is(outcomes.at(-1), 'ack:retireAll,complete');
});
