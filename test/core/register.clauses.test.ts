/** One test for each clause of docs/register.md: build a state, feed one event, compare exactly. */
import test from 'ava';
import { AssertionFailure } from '../../src/core/assert.js';
import { needsCopy } from '../../src/core/register/event.js';
import { reduce } from '../../src/core/register/reduce.js';
import { isQuiescent, restingState } from '../../src/core/register/state.js';
import {
  abandon,
  ack,
  beginRead,
  beginWrite,
  data,
  feed,
  from,
  holding,
  id,
  never,
  readProc,
  readStamp,
  stamp,
  stampOf,
  value,
  writeProc,
} from './make.js';

const self = { rank: 1, processCount: 3 };
const A = data(1);
const B = data(2);
const C = data(3);

test('O1: an operation begins by asking every process', (t) => {
  const { effects } = reduce(never(), beginRead('r'), self);
  t.deepEqual(effects, [{ kind: 'broadcast', message: readProc('r') }]);
});

test('O2: an operation waits for the one before it, and begins when that is complete', (t) => {
  const first = feed(never(), self, [beginRead('r'), from(1, readProc('r')), beginRead('s')]);
  t.deepEqual(first.effects, []);
  const done = feed(first.state, self, [
    from(2, value('r', stamp(0, 0), data(0))),
    from(1, writeProc('r', stamp(0, 0), data(0))),
    from(2, ack('r')),
  ]);
  t.deepEqual(done.effects, [
    { kind: 'retireAll', id: id('r') },
    { kind: 'complete', id: id('r'), data: data(0), ranks: [1, 2] },
    { kind: 'broadcast', message: readProc('s') },
  ]);
});

test('O4: an operation in its read phase is dropped with its client, and the next begins', (t) => {
  const { effects, state } = feed(never(), self, [beginWrite('w', A), beginRead('r'), abandon('w')]);
  t.deepEqual(effects, [
    { kind: 'retireAll', id: id('w') },
    { kind: 'dropped', id: id('w') },
    { kind: 'broadcast', message: readProc('r') },
  ]);
  // Late answers to it are answers to nothing.
  const late = feed(state, self, [from(2, value('w', stamp(4, 2), B)), from(3, value('w', stamp(4, 2), B))]);
  t.deepEqual(late.effects, []);
  t.deepEqual(late.state, state);
});

test('O4: an operation that waits is dropped with its client', (t) => {
  const { effects, state } = feed(never(), self, [beginRead('r'), beginWrite('w', A), abandon('w')]);
  t.deepEqual(effects, [{ kind: 'dropped', id: id('w') }]);
  t.is(state.queue.count, 0);
});

test('O4: an operation in its write phase goes on without its client', (t) => {
  const { effects, state } = feed(never(), self, [
    beginWrite('w', A),
    from(1, readProc('w')),
    from(2, value('w', stamp(0, 0), data(0))),
    abandon('w'),
  ]);
  t.deepEqual(effects, []);
  t.is(state.running?.phase, 'write');
});

test('O4: giving up what is over does nothing', (t) => {
  const { effects, state } = feed(never(), self, [abandon('w')]);
  t.deepEqual(effects, []);
  t.true(isQuiescent(state));
});

test('R1: a READ_PROC is answered with what the disk holds', (t) => {
  const { effects } = reduce(holding(stamp(7, 2), A), from(2, readProc('x')), self);
  t.deepEqual(effects, [{ kind: 'reply', to: 2, message: value('x', stamp(7, 2), A) }]);
});

test('R1: the data is loaded for that, but not for a writer that asks itself', (t) => {
  const resting = restingState(stamp(7, 2));
  t.true(needsCopy(resting, from(2, readProc('x')), 1));
  t.false(needsCopy(resting, from(2, writeProc('x', stamp(1, 2), A)), 1));
  const writing = feed(resting, self, [beginWrite('w', A)]).state;
  t.false(needsCopy(writing, from(1, readProc('w')), 1));
  const reading = feed(resting, self, [beginRead('r')]).state;
  t.true(needsCopy(reading, from(1, readProc('r')), 1));
});

test('R2: its own READ_PROC is answered on the spot', (t) => {
  const { state, effects } = feed(holding(stamp(7, 2), A), self, [beginRead('r'), from(1, readProc('r'))]);
  t.deepEqual(effects, []);
  t.like(state.running, { phase: 'read', readList: [{ rank: 1, stamp: stamp(7, 2), data: A }] });
});

test('R3: a damaged copy is not voted with, for others or for oneself', (t) => {
  const damaged = feed(restingState(stamp(7, 2)), self, [{ kind: 'loaded', copy: { kind: 'damaged' } }]).state;
  t.deepEqual(feed(damaged, self, [from(2, readProc('x'))]).effects, []);
  const { state } = feed(damaged, self, [beginRead('r'), from(1, readProc('r'))]);
  t.like(state.running, { phase: 'read', readList: [] });
});

test('R3: a READ over a damaged copy returns what a majority of the others holds', (t) => {
  const damaged = { ...restingState(stamp(7, 2)), copy: { kind: 'damaged' } } as const;
  const { effects } = feed(damaged, self, [
    beginRead('r'),
    from(1, readProc('r')),
    from(2, value('r', stamp(6, 1), A)),
    from(3, value('r', stamp(7, 2), B)),
  ]);
  t.deepEqual(effects.at(-1), { kind: 'broadcast', message: writeProc('r', stamp(7, 2), B) });
});

test('R5: a READ that met the damaged copy gets the own answer once the copy is mended', (t) => {
  const reading = feed(restingState(stamp(7, 2), true), self, [
    beginRead('r'),
    from(1, readProc('r')),
    from(2, value('r', stamp(7, 2), A)),
  ]).state;
  t.like(reading.running, { readList: [{ rank: 2 }] });
  const mended = reduce(reading, from(1, writeProc('repair', stamp(7, 2), A)), self);
  t.deepEqual(mended.effects, [
    { kind: 'store', stamp: stamp(7, 2), data: A },
    { kind: 'broadcast', message: writeProc('r', stamp(7, 2), A) },
  ]);
  const overwritten = reduce(reading, from(3, writeProc('w', stamp(8, 3), B)), self);
  t.deepEqual(overwritten.effects, [
    { kind: 'store', stamp: stamp(8, 3), data: B },
    { kind: 'reply', to: 3, message: ack('w') },
    { kind: 'broadcast', message: writeProc('r', stamp(8, 3), B) },
  ]);
});

test('R5: … which alone may be no majority, and which a silent process does not give', (t) => {
  const five = { rank: 1, processCount: 5 };
  const reading = feed(restingState(stamp(7, 2), true), five, [
    beginRead('r'),
    from(1, readProc('r')),
    from(2, value('r', stamp(6, 2), A)),
  ]).state;
  const mend = from(1, writeProc('repair', stamp(7, 2), B));
  const mended = feed(reading, five, [mend]);
  t.like(mended.state.running, { readList: [{ rank: 2 }, { rank: 1, stamp: stamp(7, 2) }] });
  t.is(mended.effects.length, 1);
  const silent = feed(reading, { ...five, isSilent: true }, [mend]);
  t.like(silent.state.running, { readList: [{ rank: 2 }] });
});

test('V1: an answer is listed, and its sender asked no more', (t) => {
  const { state, effects } = feed(never(), self, [beginRead('r'), from(3, value('r', stamp(2, 3), A))]);
  t.deepEqual(effects, [{ kind: 'retire', id: id('r'), rank: 3 }]);
  t.like(state.running, { readList: [{ rank: 3, stamp: stamp(2, 3), data: A }] });
});

test('V2: a second answer of one process replaces its first and makes no majority', (t) => {
  const { state } = feed(never(), self, [
    beginRead('r'),
    from(3, value('r', stamp(2, 3), A)),
    from(3, value('r', stamp(3, 3), B)),
  ]);
  t.like(state.running, { phase: 'read', readList: [{ rank: 3, stamp: stamp(3, 3), data: B }] });
});

test('V4: a READ writes back the newest value of a majority, by timestamp, then rank', (t) => {
  const { effects } = feed(holding(stamp(5, 1), A), self, [
    beginRead('r'),
    from(1, readProc('r')),
    from(3, value('r', stamp(5, 3), C)),
  ]);
  // Nobody is retired: for everyone the WRITE_PROC takes the place of the READ_PROC.
  t.deepEqual(effects, [{ kind: 'broadcast', message: writeProc('r', stamp(5, 3), C) }]);
});

test('V4: what has reached this disk meanwhile counts', (t) => {
  const { effects } = feed(never(), self, [
    beginRead('r'),
    from(2, value('r', stamp(1, 2), A)),
    from(3, writeProc('x', stamp(9, 3), B)),
    from(3, value('r', stamp(1, 2), A)),
  ]);
  t.deepEqual(effects.at(-1), { kind: 'broadcast', message: writeProc('r', stamp(9, 3), B) });
});

test('V5: a WRITE stores its value under a higher stamp before anybody hears of it', (t) => {
  const { effects, state } = feed(holding(stamp(4, 1), A), self, [
    beginWrite('w', C),
    from(1, readProc('w')),
    from(2, value('w', stamp(6, 3), B)),
  ]);
  t.deepEqual(effects, [
    { kind: 'store', stamp: stamp(7, 1), data: C },
    { kind: 'broadcast', message: writeProc('w', stamp(7, 1), C) },
  ]);
  t.deepEqual(state.stamp, stamp(7, 1));
});

test('V5: the stamp of this disk counts, also where nobody else has seen it', (t) => {
  const { effects } = feed(restingState(stamp(9, 1)), self, [
    beginWrite('w', C),
    from(2, value('w', stamp(6, 3), B)),
    from(3, value('w', stamp(6, 3), B)),
  ]);
  t.deepEqual(effects[0], { kind: 'store', stamp: stamp(10, 1), data: C });
});

test('V6: an answer after the quorum, or to another operation, is stale', (t) => {
  const { state } = feed(never(), self, [beginRead('r'), from(1, readProc('r')), from(2, value('r', stamp(1, 2), A))]);
  for (const stale of [value('r', stamp(9, 3), B), value('old', stamp(9, 3), B)]) {
    const after = feed(state, self, [from(3, stale)]);
    t.deepEqual(after.effects, []);
    t.deepEqual(after.state, state);
  }
});

test('W1, W2: a newer value is stored, then acknowledged', (t) => {
  const { effects, state } = reduce(holding(stamp(1, 1), A), from(2, writeProc('x', stamp(1, 2), B)), self);
  t.deepEqual(effects, [
    { kind: 'store', stamp: stamp(1, 2), data: B },
    { kind: 'reply', to: 2, message: ack('x') },
  ]);
  t.deepEqual(state.copy, { kind: 'sound', data: B });
});

test('W3: an older or the same value is acknowledged and not stored', (t) => {
  for (const same of [stamp(1, 2), stamp(1, 1), stamp(0, 0)]) {
    const before = holding(stamp(1, 2), A);
    const { effects, state } = reduce(before, from(3, writeProc('x', same, B)), self);
    t.deepEqual(effects, [{ kind: 'reply', to: 3, message: ack('x') }]);
    t.deepEqual(state, before);
  }
});

test('W4: over a damaged copy the same value is stored again, an older one refused', (t) => {
  const damaged = { ...restingState(stamp(3, 2)), copy: { kind: 'damaged' } } as const;
  t.deepEqual(reduce(damaged, from(2, writeProc('x', stamp(3, 2), A)), self).effects, [
    { kind: 'store', stamp: stamp(3, 2), data: A },
    { kind: 'reply', to: 2, message: ack('x') },
  ]);
  t.deepEqual(reduce(damaged, from(2, writeProc('x', stamp(2, 9), A)), self).effects, []);
});

test('A1: an acknowledgement is counted once, and its sender sent no more', (t) => {
  const five = { rank: 1, processCount: 5 };
  const writing = feed(never(), five, [
    beginWrite('w', A),
    from(2, value('w', stamp(0, 0), data(0))),
    from(3, value('w', stamp(0, 0), data(0))),
    from(4, value('w', stamp(0, 0), data(0))),
  ]).state;
  const once = feed(writing, five, [from(2, ack('w'))]);
  t.deepEqual(once.effects, [{ kind: 'retire', id: id('w'), rank: 2 }]);
  const twice = feed(once.state, five, [from(2, ack('w')), from(2, ack('w'))]);
  t.deepEqual(twice.effects, []);
  t.deepEqual(twice.state, once.state);
});

test('A2: an acknowledgement in the read phase, or of another operation, is stale', (t) => {
  const reading = feed(never(), self, [beginWrite('w', A)]).state;
  t.deepEqual(feed(reading, self, [from(2, ack('w')), from(3, ack('w'))]).state, reading);
  const writing = feed(reading, self, [
    from(2, value('w', stamp(0, 0), data(0))),
    from(3, value('w', stamp(0, 0), data(0))),
  ]).state;
  t.deepEqual(feed(writing, self, [from(2, ack('old')), from(3, ack('old'))]).state, writing);
});

test('A3: with a majority of acknowledgements the operation is complete', (t) => {
  const { effects, state } = feed(never(), self, [
    beginWrite('w', A),
    from(2, value('w', stamp(0, 0), data(0))),
    from(3, value('w', stamp(0, 0), data(0))),
    from(1, writeProc('w', stamp(1, 1), A)),
    from(3, ack('w')),
  ]);
  t.deepEqual(effects, [
    { kind: 'retireAll', id: id('w') },
    { kind: 'complete', id: id('w'), data: null, ranks: [1, 3] },
  ]);
  t.true(isQuiescent(state));
});

test('N = 1: a process alone is its own majority', (t) => {
  const alone = { rank: 1, processCount: 1 };
  const asked = feed(never(), alone, [beginWrite('w', A), from(1, readProc('w'))]);
  t.deepEqual(asked.effects, [
    { kind: 'store', stamp: stamp(1, 1), data: A },
    { kind: 'broadcast', message: writeProc('w', stamp(1, 1), A) },
  ]);
  const done = feed(asked.state, alone, [from(1, writeProc('w', stamp(1, 1), A))]);
  t.deepEqual(done.effects.at(-1), { kind: 'complete', id: id('w'), data: null, ranks: [1] });
});

test('N = 4: two of four are no majority', (t) => {
  const four = { rank: 1, processCount: 4 };
  const { state } = feed(never(), four, [beginRead('r'), from(1, readProc('r')), from(2, value('r', stamp(1, 2), A))]);
  t.is(state.running?.phase, 'read');
});

test('a message from a rank that does not exist is a broken invariant', (t) => {
  t.throws(() => reduce(never(), from(4, ack('w')), self), { instanceOf: AssertionFailure });
});

test('A4: what a lost disk acknowledged counts no longer, and is asked for again', (t) => {
  const writing = feed(never(), { rank: 1, processCount: 5 }, [
    beginWrite('w', A),
    from(2, value('w', stamp(0, 0), data(0))),
    from(3, value('w', stamp(0, 0), data(0))),
    from(4, value('w', stamp(0, 0), data(0))),
    from(1, writeProc('w', stamp(1, 1), A)),
    from(2, ack('w')),
  ]).state;
  const five = { rank: 1, processCount: 5 };
  const disavowed = feed(writing, five, [{ kind: 'disavow', rank: 2 }]);
  t.deepEqual(disavowed.effects, [{ kind: 'ask', to: 2, message: writeProc('w', stamp(1, 1), A) }]);
  t.deepEqual(feed(disavowed.state, five, [from(3, ack('w'))]).effects.at(-1)?.kind, 'retire');
  t.deepEqual(feed(writing, five, [from(3, ack('w'))]).effects.at(-1)?.kind, 'complete');
  t.deepEqual(feed(writing, five, [{ kind: 'disavow', rank: 3 }]).effects, []);
});

test('R4: a silent process tells nobody what it holds, itself included', (t) => {
  const silent = { ...self, isSilent: true };
  t.deepEqual(feed(holding(stamp(7, 2), A), silent, [from(2, readProc('x'))]).effects, []);
  const own = feed(holding(stamp(7, 2), A), silent, [beginRead('r'), from(1, readProc('r'))]);
  t.deepEqual(own.effects, []);
  const stored = feed(holding(stamp(7, 2), A), silent, [from(2, writeProc('x', stamp(8, 2), B))]);
  t.deepEqual(stored.effects.at(-1)?.kind, 'reply', 'what it is given it holds, and says so');
});

test('H1: what is sound and was written is handed over; what is not is not', (t) => {
  const event = { kind: 'handOver', to: 2, id: id('h') } as const;
  t.deepEqual(feed(holding(stamp(7, 2), A), self, [event]).effects, [
    { kind: 'ask', to: 2, message: writeProc('h', stamp(7, 2), A) },
  ]);
  t.deepEqual(feed(never(), self, [event]).effects, []);
});

test('V5: a later incarnation chooses stamps that no earlier one can have chosen', (t) => {
  const third = { ...self, stamps: { incarnation: 3, boot: 0, isPlain: false } };
  const { state } = feed(holding(stamp(70_000, 2), A), third, [
    beginWrite('w', B),
    from(2, value('w', stamp(5, 2), A)),
    from(3, value('w', stamp(5, 2), A)),
  ]);
  t.is(state.stamp.timestamp & 0xff_ffffn, 0x03_0000n);
  t.true(state.stamp.timestamp > 70_000n + 0xff_ffffn);
});

const asking = { ...self, asksStamps: true };
const askingFive = { rank: 1, processCount: 5, asksStamps: true };

test('S1: an operation asks for stamps, and answers from memory', (t) => {
  t.deepEqual(reduce(never(), beginRead('r'), asking).effects, [{ kind: 'broadcast', message: readStamp('r') }]);
  const resting = restingState(stamp(7, 2));
  t.false(needsCopy(resting, from(2, readStamp('x')), 1));
  t.deepEqual(reduce(resting, from(2, readStamp('x')), asking).effects, [
    { kind: 'reply', to: 2, message: stampOf('x', stamp(7, 2)) },
  ]);
  const reading = feed(resting, asking, [beginRead('r')]).state;
  t.true(needsCopy(reading, from(1, readStamp('r')), 1), 'its own READ needs the data');
});

test('S1: a damaged copy, and a silent process, vouch for nothing', (t) => {
  const damaged = { ...restingState(stamp(3, 2)), copy: { kind: 'damaged' } } as const;
  t.deepEqual(reduce(damaged, from(2, readStamp('x')), asking).effects, []);
  const silent = { ...asking, isSilent: true };
  t.deepEqual(reduce(never(), from(2, readStamp('x')), silent).effects, []);
});

test('R5: a mended copy vouches, and a READ that fetches a value goes on with that', (t) => {
  const damaged = restingState(stamp(5, 2), true);
  const reading = feed(damaged, asking, [
    beginRead('r'),
    from(1, readStamp('r')),
    from(3, stampOf('r', stamp(5, 2))),
  ]).state;
  const mend = from(1, writeProc('repair', stamp(5, 2), A));
  t.deepEqual(reduce(reading, mend, asking).effects, [
    { kind: 'store', stamp: stamp(5, 2), data: A },
    { kind: 'retireAll', id: id('r') },
    { kind: 'complete', id: id('r'), data: A, ranks: [3, 1] },
  ]);
  const fetching = feed(reading, asking, [from(2, stampOf('r', stamp(5, 2)))]).state;
  t.deepEqual(reduce(fetching, mend, asking).effects, [{ kind: 'store', stamp: stamp(5, 2), data: A }]);
});

test('S1: a WRITE chooses its stamp by stamps', (t) => {
  const { effects } = feed(holding(stamp(4, 1), A), asking, [
    beginWrite('w', C),
    from(1, readStamp('w')),
    from(2, stampOf('w', stamp(6, 3))),
  ]);
  t.deepEqual(effects, [
    { kind: 'store', stamp: stamp(7, 1), data: C },
    { kind: 'broadcast', message: writeProc('w', stamp(7, 1), C) },
  ]);
});

test('S2: what a majority vouches for is returned at once', (t) => {
  const { effects, state } = feed(holding(stamp(5, 2), A), asking, [
    beginRead('r'),
    from(1, readStamp('r')),
    from(3, stampOf('r', stamp(5, 2))),
  ]);
  t.deepEqual(effects, [
    { kind: 'retireAll', id: id('r') },
    { kind: 'complete', id: id('r'), data: A, ranks: [3, 1] },
  ]);
  t.true(isQuiescent(state));
});

test('S2: what less than a majority vouches for is written back', (t) => {
  const older = feed(holding(stamp(5, 2), A), asking, [
    beginRead('r'),
    from(1, readStamp('r')),
    from(3, stampOf('r', stamp(4, 2))),
  ]);
  t.deepEqual(older.effects, [{ kind: 'broadcast', message: writeProc('r', stamp(5, 2), A) }]);
  // A VALUE vouches for nothing: its sender may tell of what is not flushed.
  const unvouched = feed(holding(stamp(5, 2), A), asking, [
    beginRead('r'),
    from(1, readStamp('r')),
    from(3, value('r', stamp(5, 2), A)),
  ]);
  t.deepEqual(unvouched.effects, older.effects);
});

test('S2: what has reached this disk meanwhile counts', (t) => {
  const { effects } = feed(never(), asking, [
    beginRead('r'),
    from(1, readStamp('r')),
    from(3, writeProc('x', stamp(9, 3), B)),
    from(3, stampOf('r', stamp(9, 3))),
  ]);
  t.like(effects.at(-1), { kind: 'complete', data: B, ranks: [3, 1] });
});

test('S3: the value of the newest stamp is asked of one that has it', (t) => {
  const { effects, state } = feed(holding(stamp(1, 1), A), asking, [
    beginRead('r'),
    from(1, readStamp('r')),
    from(2, stampOf('r', stamp(5, 2))),
  ]);
  t.deepEqual(effects, [{ kind: 'fetch', to: 2, message: readProc('r') }]);
  const late = feed(state, asking, [from(3, stampOf('r', stamp(6, 3)))]);
  t.deepEqual(late.effects, [], 'stamps that come now are too late');
  const fetched = feed(late.state, asking, [from(2, value('r', stamp(5, 2), B))]);
  t.deepEqual(fetched.effects, [{ kind: 'broadcast', message: writeProc('r', stamp(5, 2), B) }]);
});

test('S3: a value that is fetched and that a majority vouches for is returned', (t) => {
  const asked = feed(holding(stamp(1, 1), A), askingFive, [
    beginRead('r'),
    from(2, stampOf('r', stamp(5, 2))),
    from(3, stampOf('r', stamp(5, 2))),
    from(4, stampOf('r', stamp(5, 2))),
  ]);
  t.deepEqual(asked.effects, [{ kind: 'fetch', to: 4, message: readProc('r') }]);
  const { effects } = feed(asked.state, askingFive, [from(4, value('r', stamp(5, 2), B))]);
  t.like(effects.at(-1), { kind: 'complete', data: B, ranks: [2, 3, 4] });
  const newer = feed(asked.state, askingFive, [from(4, value('r', stamp(6, 2), C))]);
  t.deepEqual(newer.effects, [{ kind: 'broadcast', message: writeProc('r', stamp(6, 2), C) }]);
});

test('S4: a READ that waits too long for one value begins anew, with values of all', (t) => {
  const waiting = feed(never(), asking, [
    beginRead('r'),
    from(1, readStamp('r')),
    from(2, stampOf('r', stamp(5, 2))),
  ]).state;
  const widened = feed(waiting, asking, [{ kind: 'widen', id: id('r') }]);
  t.deepEqual(widened.effects, [{ kind: 'broadcast', message: readProc('r') }]);
  t.like(widened.state.running, { phase: 'read', asked: 'values', readList: [] });
  const { effects } = feed(widened.state, asking, [from(1, readProc('r')), from(3, value('r', stamp(4, 3), B))]);
  t.deepEqual(effects, [{ kind: 'broadcast', message: writeProc('r', stamp(4, 3), B) }]);
  t.deepEqual(feed(widened.state, asking, [{ kind: 'widen', id: id('r') }]).effects, []);
  t.deepEqual(feed(never(), asking, [{ kind: 'widen', id: id('r') }]).effects, []);
});

test('S5: a boot with a number sends before it is on this disk, and writes as others do', (t) => {
  const numbered = { ...asking, stamps: { incarnation: 0, boot: 9, isPlain: false } };
  const { effects, state } = feed(holding(stamp(4, 1), A), numbered, [
    beginWrite('w', C),
    from(1, readStamp('w')),
    from(2, stampOf('w', stamp(6, 3))),
  ]);
  const chosen = { timestamp: (2n << 24n) + 9n, writeRank: 1 };
  t.deepEqual(effects, [{ kind: 'broadcast', message: writeProc('w', chosen, C) }]);
  t.deepEqual(state.stamp, stamp(4, 1), 'it counts only when it is flushed');
  const own = feed(state, numbered, [from(1, writeProc('w', chosen, C))]);
  t.deepEqual(own.effects[0], { kind: 'store', stamp: chosen, data: C });
  t.like(own.state.running, { ackList: [1] });
});

test('S5: a boot without a number stores first', (t) => {
  const stamps = { incarnation: 5, boot: 0, isPlain: false };
  const { effects } = feed(holding(stamp(4, 1), A), { ...asking, stamps }, [
    beginWrite('w', C),
    from(1, readStamp('w')),
    from(2, stampOf('w', stamp(6, 3))),
  ]);
  const chosen = { timestamp: (2n << 24n) + (5n << 16n), writeRank: 1 };
  t.deepEqual(effects[0], { kind: 'store', stamp: chosen, data: C });
});

test('A4: what a lost disk vouched for counts no longer, and is asked for again', (t) => {
  const reading = feed(holding(stamp(5, 2), A), askingFive, [
    beginRead('r'),
    from(1, readStamp('r')),
    from(2, stampOf('r', stamp(5, 2))),
  ]).state;
  const disavowed = feed(reading, askingFive, [{ kind: 'disavow', rank: 2 }]);
  t.deepEqual(disavowed.effects, [{ kind: 'ask', to: 2, message: readStamp('r') }]);
  t.is(feed(disavowed.state, askingFive, [from(3, stampOf('r', stamp(5, 2)))]).effects[0].kind, 'retire');
  const fetching = feed(reading, askingFive, [from(3, stampOf('r', stamp(6, 3)))]).state;
  const again = feed(fetching, askingFive, [{ kind: 'disavow', rank: 3 }]);
  t.deepEqual(again.effects, [{ kind: 'broadcast', message: readProc('r') }]);
});
