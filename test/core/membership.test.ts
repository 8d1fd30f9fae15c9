import test from 'ava';
import type { Configuration } from '../../src/core/membership/configuration.js';
import { describeWaiting } from '../../src/core/membership/describe.js';
import { waitingOf } from '../../src/core/membership/founding.js';
import { rebuildQuorum } from '../../src/core/membership/heard.js';
import type { Identity, Standing } from '../../src/core/membership/identity.js';
import type { Hello } from '../../src/core/membership/memberMessage.js';
import type { Membership, MembershipOptions, PeerMemory } from '../../src/core/membership/state.js';
import {
  finishJoining,
  hearAnswer,
  hearBase,
  hearHello,
  hearOpening,
  helloTo,
  isKnownAlready,
  isOutdated,
  meetStranger,
  newMembership,
  reconsider,
} from '../../src/core/membership/membership.js';
import { INCARNATION_MAX } from '../../src/core/stamp.js';

const id = (letter: string): string => letter.repeat(16);

const configuration = (processCount: number): Configuration => ({
  processCount,
  sectors: 100,
  addresses: id('a'),
  mode: 0,
});

const make = (
  processCount: number,
  own: Partial<Identity> = {},
  remembered: readonly (readonly [number, PeerMemory])[] = [],
  options: Partial<MembershipOptions> = {},
): Membership => {
  const disk = { storage: id('x'), incarnation: 0, founding: null, isVouched: false };
  const identity = { ...disk, standing: 'fresh' as Standing, ...own };
  const started = {
    self: { rank: 1, processCount },
    configuration: configuration(processCount),
    wasInUse: false,
    isFounder: false,
    hasData: () => false,
    draw: () => id('n'),
    ...options,
  };
  return newMembership(started, identity, new Map(remembered));
};

const hello = (storage: string, fields: Partial<Hello> = {}): Hello => ({
  standing: 'fresh',
  storage: id(storage),
  incarnation: 0,
  known: null,
  incarnations: [0, 0, 0, 0, 0],
  founding: null,
  isVouched: false,
  configuration: null,
  wasInUse: false,
  isFounder: false,
  hasData: false,
  ...fields,
});

/** Of a process that was started with that, but for what is named. */
const configured = (processCount: number, fields: Partial<Configuration> = {}): Partial<Hello> => ({
  configuration: { ...configuration(processCount), ...fields },
});

test('one process alone founds its cluster if it is told to', (t) => {
  const alone = make(1);
  alone.isGraceOver = true;
  t.deepEqual(reconsider(alone), [], 'its list may be too short');
  t.regex(describeWaiting(waitingOf(alone)), /only process of its list/);
  const founder = make(1, {}, [], { isFounder: true });
  t.deepEqual(reconsider(founder), [], 'others may have something to say');
  founder.isGraceOver = true;
  t.deepEqual(
    reconsider(founder).map(({ kind }) => kind),
    ['identify', 'greet'],
  );
  t.like(founder.own, { standing: 'member', founding: id('x') });
});

test('a cluster is founded by all of its processes together; they remember each other', (t) => {
  const all = make(3);
  t.deepEqual(reconsider(all), []);
  hearHello(all, 2, hello('b'));
  all.isGraceOver = true;
  t.deepEqual(reconsider(all), [], 'the third may have something to say, however late');
  t.deepEqual(waitingOf(all).unheard, [3]);
  hearHello(all, 3, hello('c'));
  t.like(all.own, { standing: 'member', founding: id('x') });
  t.is(helloTo(all, 3).known, id('c'));
});

test('an operator who vouches founds a cluster with a majority, and the others follow', (t) => {
  const founder = make(3, {}, [], { isFounder: true });
  founder.isGraceOver = true;
  reconsider(founder);
  t.is(founder.own.standing, 'fresh', 'one of three is none');
  hearHello(founder, 3, hello('c', configured(3, { addresses: id('z') })));
  t.like(founder.own, { standing: 'member', founding: id('x') });
  const follower = make(3);
  hearHello(follower, 2, hello('b', { isFounder: true }));
  hearHello(follower, 3, hello('c'));
  t.is(follower.own.standing, 'fresh', 'it is left to the founder');
  hearHello(follower, 2, hello('b', { standing: 'member', known: id('x'), founding: id('b') }));
  t.like(follower.own, { standing: 'member', founding: id('b') });
});

test('who is alone in its opinion stays fresh, and does not keep the others from founding', (t) => {
  const agreeing = make(3);
  hearHello(agreeing, 2, hello('b', configured(3)));
  hearHello(agreeing, 3, hello('c', configured(3, { sectors: 50 })));
  t.is(agreeing.own.standing, 'member');
  t.false(agreeing.remembered.has(3));
  const alone = make(3);
  for (const rank of [2, 3]) {
    hearHello(alone, rank, hello(String(rank), configured(3, { sectors: 200 })));
  }
  t.is(alone.own.standing, 'fresh');
  t.deepEqual(waitingOf(alone).differing, [2, 3]);
  for (const rank of [2, 3]) {
    const member = { standing: 'member', ...configured(3, { sectors: 200 }) } as const;
    hearHello(alone, rank, hello(String(rank), member));
  }
  t.is(alone.own.standing, 'fresh', 'with fewer sectors it could not take in all');
});

test('a process with a shorter list is heard where it is dialled, and left out', (t) => {
  const agreeing = make(3);
  hearHello(agreeing, 2, hello('b', configured(3)));
  t.is(agreeing.own.standing, 'fresh');
  hearOpening(agreeing, 3, hello('c', configured(3)));
  t.is(agreeing.own.standing, 'fresh', 'one that agrees will dial, and be counted');
  hearOpening(agreeing, 3, hello('c', configured(1)));
  t.is(agreeing.own.standing, 'member');
  t.deepEqual([...agreeing.remembered.keys()], [2]);
});

test('on a folder that was in use before nobody founds a cluster, unless told to', (t) => {
  const unmounted = make(3, {}, [], { wasInUse: true });
  for (const rank of [2, 3]) hearHello(unmounted, rank, hello(String(rank)));
  t.is(unmounted.own.standing, 'fresh');
  t.true(helloTo(unmounted, 2).wasInUse);
  const beside = make(3);
  hearHello(beside, 2, hello('b', { wasInUse: true }));
  hearHello(beside, 3, hello('c'));
  t.is(beside.own.standing, 'fresh', 'the other one may have lost what is not lost');
  t.deepEqual(waitingOf(beside).inUse, [2]);
  const vouched = make(3, {}, [], { wasInUse: true, isFounder: true });
  vouched.isGraceOver = true;
  for (const rank of [2, 3]) hearHello(vouched, rank, hello(String(rank)));
  t.is(vouched.own.standing, 'member');
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
  t.like(lost.own, { storage: id('n'), incarnation: 0, standing: 'joining' });
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
  t.like(spent.own, { storage: id('n'), incarnation: 0, standing: 'joining' });
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

test('a member that was replaced joins again once a majority of the others says so', (t) => {
  const old = make(3, { standing: 'member', incarnation: 1, founding: id('f') });
  const said = (incarnation: number, known: string): Partial<Hello> => ({
    standing: 'member',
    incarnations: [incarnation, 0, 0, 0, 0],
    known: id(known),
  });
  t.deepEqual(hearHello(old, 2, hello('b', said(1, 'x'))).at(-1)?.kind, 'remember');
  t.deepEqual(old.objections, []);
  t.deepEqual(hearHello(old, 2, hello('b', said(2, 'y'))), [{ kind: 'objections' }]);
  t.is(old.own.standing, 'member');
  t.deepEqual(old.objections, [{ kind: 'replaced', by: 2 }], 'it does not vote meanwhile');
  hearHello(old, 2, hello('b', said(1, 'x')));
  t.deepEqual(old.objections, []);
  hearHello(old, 2, hello('b', said(2, 'y')));
  hearHello(old, 3, hello('c', said(2, 'y')));
  t.is(old.own.standing, 'joining');
  t.is(old.own.founding, id('f'), 'of the same cluster');
});

test('of two that remain one is a majority of the others', (t) => {
  const old = make(2, { standing: 'member' });
  hearHello(old, 2, hello('b', { standing: 'member', incarnations: [1, 0] }));
  t.is(old.own.standing, 'joining');
});

test('what an operator has vouched for is taken for the disk that was known', (t) => {
  const member = make(3, { standing: 'member' }, [[2, { storage: id('b'), incarnation: 0 }]]);
  const vouched = hello('B', { standing: 'member', isVouched: true });
  const kinds = hearHello(member, 2, vouched).map(({ kind }) => kind);
  t.deepEqual(kinds, ['remember', 'greet'], 'it has to hear that it is known');
  t.false(isOutdated(member, 2, vouched));
  t.deepEqual(hearHello(member, 2, vouched), []);
  hearHello(member, 2, hello('c', { standing: 'member' }));
  t.is(member.remembered.get(2)?.storage, id('B'));
  const own = make(3, { standing: 'member', isVouched: true });
  hearHello(own, 2, hello('b', { standing: 'member', known: id('o') }));
  t.deepEqual(own.objections, []);
  hearHello(own, 2, hello('b', { standing: 'member', incarnations: [1, 0, 0] }));
  t.is(own.objections.length, 1, 'a later disk there has been all the same');
});

test('a cluster that meets one with data that it was founded without ceases to vote', (t) => {
  const [founded, other] = [id('f'), id('o')];
  const remembered = [[2, { storage: id('b'), incarnation: 0 }]] as const;
  const member = make(3, { standing: 'member', founding: founded }, remembered);
  const said = { standing: 'member', founding: other } as const;
  t.deepEqual(meetStranger(member, 3, hello('c', said)), [], 'an empty one is none');
  t.deepEqual(meetStranger(member, 2, hello('y', { ...said, hasData: true })), []);
  t.deepEqual(member.objections, [], 'in the place of one that is known it is a stray');
  meetStranger(member, 3, hello('c', { ...said, hasData: true }));
  t.deepEqual(member.objections, [{ kind: 'otherCluster', by: 3 }]);
  t.is(member.own.standing, 'member', 'nothing is given up');
});

test('members of two clusters are none that a process could join', (t) => {
  const lost = make(3);
  const of = (founding: string) => ({ standing: 'member', founding: id(founding) }) as const;
  hearHello(lost, 2, hello('b', { ...of('f'), known: id('o') }));
  hearHello(lost, 3, hello('c', of('g')));
  t.like(lost.own, { standing: 'joining', incarnation: 0 });
  hearHello(lost, 3, hello('c', of('f')));
  t.like(lost.own, { incarnation: 1, founding: id('f') });
});

test('version 1 is believed unseen only where it tells nothing new', (t) => {
  const member = make(3, { standing: 'member' }, [[2, { storage: id('b'), incarnation: 1 }]]);
  const said = { storage: id('b'), incarnation: 1, incarnations: [0, 1, 0] };
  t.true(isKnownAlready(member, 2, said));
  t.false(isKnownAlready(member, 2, { ...said, incarnation: 2 }));
  t.false(isKnownAlready(member, 2, { ...said, storage: id('c') }));
  t.false(isKnownAlready(member, 2, { ...said, incarnations: [1, 1, 0] }));
  t.false(isKnownAlready(member, 2, { ...said, incarnations: [0, 1, 1] }));
  t.false(isKnownAlready(member, 3, { ...said, incarnation: 0 }));
  t.false(isKnownAlready(make(3), 2, said));
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
  t.is(founded.own.standing, 'fresh', 'who is of another make has to answer');
  hearAnswer(founded, 3);
  t.is(founded.own.standing, 'member');
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
