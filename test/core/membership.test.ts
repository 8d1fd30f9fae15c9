import test from 'ava';
import type { Identity, Standing } from '../../src/core/membership/identity.js';
import type { Hello, Membership, PeerMemory } from '../../src/core/membership/membership.js';
import {
  finishJoining,
  hearAnswer,
  hearBase,
  hearHello,
  helloTo,
  isOutdated,
  newMembership,
  rebuildQuorum,
  reconsider,
} from '../../src/core/membership/membership.js';
import { INCARNATION_MAX } from '../../src/core/stamp.js';

const id = (letter: string): string => letter.repeat(16);

const make = (
  processCount: number,
  own: Partial<Identity> = {},
  remembered: readonly (readonly [number, PeerMemory])[] = [],
): Membership => {
  const identity = { storage: id('x'), incarnation: 0, standing: 'fresh' as Standing, ...own };
  return newMembership({ rank: 1, processCount }, identity, new Map(remembered), () => id('n'));
};

const hello = (storage: string, fields: Partial<Hello> = {}): Hello => ({
  kind: 'hello',
  standing: 'fresh',
  storage: id(storage),
  incarnation: 0,
  known: null,
  incarnations: [0, 0, 0, 0, 0],
  ...fields,
});

test('one process alone founds its cluster at once', (t) => {
  const alone = make(1);
  t.deepEqual(
    reconsider(alone).map(({ kind }) => kind),
    ['identify', 'greet'],
  );
  t.is(alone.own.standing, 'member');
});

test('a cluster is founded by all, or after the grace by enough; they remember each other', (t) => {
  const all = make(3);
  t.deepEqual(reconsider(all), []);
  hearHello(all, 2, hello('b'));
  t.is(all.own.standing, 'fresh', 'the third may have something to say');
  hearHello(all, 3, hello('c'));
  t.is(all.own.standing, 'member');
  t.is(helloTo(all, 3).known, id('c'));

  const some = make(3);
  hearHello(some, 2, hello('b'));
  some.isGraceOver = true;
  reconsider(some);
  t.is(some.own.standing, 'member');
  const few = make(5);
  few.isGraceOver = true;
  hearHello(few, 2, hello('b'));
  t.is(few.own.standing, 'fresh', 'one of four others is not enough');
});

test('a founder that was counted while it was still fresh is a member', (t) => {
  const late = make(3);
  hearHello(late, 2, hello('b', { standing: 'member', known: id('x') }));
  t.is(late.own.standing, 'member');
});

test('whose disk is remembered as another one joins, with an incarnation of its own', (t) => {
  const lost = make(3);
  const known = { standing: 'member', known: id('o'), incarnations: [4, 0, 0, 0, 0] } as const;
  hearHello(lost, 2, hello('b', known));
  t.deepEqual(lost.own, { storage: id('n'), incarnation: 0, standing: 'joining' });
  hearHello(lost, 3, hello('c', { standing: 'joining', incarnation: 1 }));
  t.is(lost.own.incarnation, 0, 'those who join themselves do not count');
  const effects = hearHello(lost, 3, hello('c', { standing: 'member', incarnation: 1 }));
  t.is(lost.own.incarnation, 5);
  t.deepEqual(
    effects.map(({ kind }) => kind),
    ['identify', 'greet'],
  );
  finishJoining(lost);
  t.is(lost.own.standing, 'member');
});

test('a process without a number left for its incarnation goes on joining, and says so', (t) => {
  const spent = make(3);
  const known = { standing: 'member', incarnations: [INCARNATION_MAX, 0, 0, 0, 0] } as const;
  hearHello(spent, 2, hello('b', known));
  const effects = hearHello(spent, 3, hello('c', { standing: 'member' }));
  t.deepEqual(effects.at(-1), { kind: 'exhausted' });
  t.deepEqual(spent.own, { storage: id('n'), incarnation: 0, standing: 'joining' });
  const last = make(3);
  hearHello(last, 2, hello('b', { ...known, incarnations: [INCARNATION_MAX - 1, 0, 0, 0, 0] }));
  hearHello(last, 3, hello('c', { standing: 'member' }));
  t.is(last.own.incarnation, INCARNATION_MAX);
});

test('a process joins a cluster once enough members have not counted it', (t) => {
  const late = make(3);
  hearHello(late, 2, hello('b', { standing: 'member' }));
  t.is(late.own.standing, 'fresh', 'the other one may have counted it');
  late.isGraceOver = true;
  t.deepEqual(reconsider(late), [], 'and there is nothing to found any more');
  hearHello(late, 3, hello('c', { standing: 'member' }));
  t.is(late.own.standing, 'joining');
});

test('a founder that hears of one who joins first waits for the one that counted it', (t) => {
  const counted = make(3);
  hearHello(counted, 3, hello('c', { standing: 'joining' }));
  counted.isGraceOver = true;
  reconsider(counted);
  t.is(counted.own.standing, 'fresh');
  hearHello(counted, 2, hello('b', { standing: 'member', known: id('x') }));
  t.is(counted.own.standing, 'member');
});

test('a member whose disk was replaced by another one meanwhile joins again', (t) => {
  const old = make(3, { standing: 'member', incarnation: 1 });
  hearHello(
    old,
    2,
    hello('b', { standing: 'member', incarnations: [1, 0, 0, 0, 0], known: id('x') }),
  );
  t.is(old.own.standing, 'member');
  hearHello(
    old,
    2,
    hello('b', { standing: 'member', incarnations: [2, 0, 0, 0, 0], known: id('y') }),
  );
  t.is(old.own.standing, 'joining');
});

test('a higher incarnation takes away what was acknowledged, and everybody is told', (t) => {
  const member = make(5, { standing: 'member' }, [[2, { storage: id('b'), incarnation: 0 }]]);
  const joined = hello('B', { standing: 'joining', incarnation: 1 });
  t.deepEqual(hearHello(member, 2, joined), [
    { kind: 'remember', rank: 2 },
    { kind: 'disavow', rank: 2 },
    { kind: 'greet' },
  ]);
  t.deepEqual(hearHello(member, 2, joined), [], 'once');
  const told = make(5, { standing: 'member' }, [[2, { storage: id('b'), incarnation: 0 }]]);
  const gossip = hello('c', { standing: 'member', incarnations: [0, 1, 0, 0, 0] });
  t.deepEqual(
    hearHello(told, 3, gossip).map(({ kind }) => kind),
    ['remember', 'remember', 'disavow', 'greet'],
  );
  t.deepEqual(told.remembered.get(2), { storage: null, incarnation: 1 });
  hearHello(told, 2, joined);
  t.deepEqual(told.remembered.get(2), { storage: id('B'), incarnation: 1 });
});

test('a disk that was replaced is outdated, whatever it says', (t) => {
  const member = make(3, { standing: 'member' }, [[2, { storage: id('B'), incarnation: 1 }]]);
  t.true(isOutdated(member, 2, { storage: id('b'), incarnation: 0 }));
  t.true(isOutdated(member, 2, { storage: id('b'), incarnation: 1 }));
  t.false(isOutdated(member, 2, { storage: id('B'), incarnation: 1 }));
  t.false(isOutdated(member, 2, { storage: id('C'), incarnation: 2 }));
  t.false(isOutdated(member, 3, { storage: id('c'), incarnation: 0 }));
});

/** A message of another make came from there, and it has answered what it was asked. */
const hearForeign = (membership: Membership, from: number): void => {
  hearBase(membership, from);
  hearAnswer(membership, from);
};

test('beside members of another make a process votes once it has heard everybody', (t) => {
  const mixed = make(3);
  mixed.isGraceOver = true;
  hearForeign(mixed, 2);
  t.is(mixed.own.standing, 'fresh', 'the third may remember another disk');
  reconsider(mixed);
  t.is(mixed.own.standing, 'fresh');
  hearForeign(mixed, 3);
  t.is(mixed.own.standing, 'member');
  const lost = make(3);
  lost.isGraceOver = true;
  hearForeign(lost, 2);
  hearHello(lost, 3, hello('c', { standing: 'member', known: id('o') }));
  t.is(lost.own.standing, 'joining', 'what one of this make remembers counts all the same');
  const founded = make(3);
  hearHello(founded, 2, hello('b'));
  hearBase(founded, 3);
  founded.isGraceOver = true;
  reconsider(founded);
  t.is(founded.own.standing, 'member', 'enough of this make found a cluster as if they were alone');
});

test('of another make is who answers without a HELLO: what it sends may be a replay', (t) => {
  const pure = make(3);
  pure.isGraceOver = true;
  hearBase(pure, 2);
  hearBase(pure, 3);
  t.is(pure.own.standing, 'fresh');
  hearAnswer(pure, 3);
  hearHello(pure, 2, hello('b', { standing: 'member', known: id('o') }));
  hearAnswer(pure, 2);
  t.is(pure.own.standing, 'joining');
  const alive = make(3);
  hearForeign(alive, 2);
  hearForeign(alive, 2);
  hearAnswer(alive, 3);
  t.is(alive.own.standing, 'fresh', 'each counts once, and only if it was heard');
});

test('a process that comes late to a mixed cluster joins if it can', (t) => {
  const late = make(5);
  late.isGraceOver = true;
  for (const rank of [2, 3]) hearHello(late, rank, hello(String(rank), { standing: 'member' }));
  hearForeign(late, 5);
  t.is(late.own.standing, 'fresh', 'the fourth may make it enough');
  hearHello(late, 4, hello('d'));
  t.is(late.own.standing, 'fresh', 'it will be a member');
  hearHello(late, 4, hello('d', { standing: 'member' }));
  t.is(late.own.standing, 'joining');
  const never = make(3);
  hearHello(never, 2, hello('b', { standing: 'member' }));
  t.is(never.own.standing, 'fresh');
  hearForeign(never, 3);
  t.is(never.own.standing, 'member', 'with one other of this make it could never join');
});

test('rebuild quorums meet every majority without the process itself', (t) => {
  for (let processCount = 2; processCount <= 9; processCount += 1) {
    const majorityWithout = Math.floor(processCount / 2);
    t.true(rebuildQuorum(processCount) + majorityWithout > processCount - 1);
    t.true(rebuildQuorum(processCount) <= processCount - 1);
  }
});
