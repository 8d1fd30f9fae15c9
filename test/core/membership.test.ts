import test from 'ava';
import { MODE_OPEN } from '../../src/core/membership/registerMode.js';
import type { Configuration } from '../../src/core/membership/configuration.js';
import { describeWaiting } from '../../src/core/membership/describe.js';
import { waitingOf } from '../../src/core/membership/founding.js';
import { rebuildQuorum } from '../../src/core/membership/heard.js';
import type { Identity, MemberState } from '../../src/core/membership/identity.js';
import type { Hello } from '../../src/core/membership/memberMessage.js';
import type { Membership, MembershipOptions, PeerMemory } from '../../src/core/membership/state.js';
import {
  finishJoining,
  receiveAnswer,
  receiveBase,
  receiveHello,
  receiveOpening,
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
  const disk = { storage: id('x'), incarnation: 0, founding: null, mode: MODE_OPEN, isVouched: false };
  const identity = { ...disk, memberState: 'fresh' as MemberState, ...own };
  const started = {
    self: { rank: 1, processCount },
    configuration: configuration(processCount),
    wasInUse: false,
    isFounder: false,
    hasData: () => false,
    canChange: false,
    draw: () => id('n'),
    ...options,
  };
  return newMembership(started, identity, new Map(remembered));
};

const hello = (storage: string, fields: Partial<Hello> = {}): Hello => ({
  memberState: 'fresh',
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
  isReady: false,
  isDrained: false,
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
    ['identify', 'sendHello'],
  );
  t.like(founder.own, { memberState: 'member', founding: id('x') });
});

test('a cluster is founded by all of its processes together; they remember each other', (t) => {
  const all = make(3);
  t.deepEqual(reconsider(all), []);
  receiveHello(all, 2, hello('b'));
  all.isGraceOver = true;
  t.deepEqual(reconsider(all), [], 'the third may have something to say, however late');
  t.deepEqual(waitingOf(all).unheard, [3]);
  receiveHello(all, 3, hello('c'));
  t.like(all.own, { memberState: 'member', founding: id('x') });
  t.is(helloTo(all, 3).known, id('c'));
});

test('an operator who vouches founds a cluster with a majority, and the others follow', (t) => {
  const founder = make(3, {}, [], { isFounder: true });
  founder.isGraceOver = true;
  reconsider(founder);
  t.is(founder.own.memberState, 'fresh', 'one of three is none');
  receiveHello(founder, 3, hello('c', configured(3, { addresses: id('z') })));
  t.like(founder.own, { memberState: 'member', founding: id('x') });
  const follower = make(3);
  receiveHello(follower, 2, hello('b', { isFounder: true }));
  receiveHello(follower, 3, hello('c'));
  t.is(follower.own.memberState, 'fresh', 'it is left to the founder');
  receiveHello(follower, 2, hello('b', { memberState: 'member', known: id('x'), founding: id('b') }));
  t.like(follower.own, { memberState: 'member', founding: id('b') });
});

test('who is alone in its opinion stays fresh, and does not keep the others from founding', (t) => {
  const agreeing = make(3);
  receiveHello(agreeing, 2, hello('b', configured(3)));
  receiveHello(agreeing, 3, hello('c', configured(3, { sectors: 50 })));
  t.is(agreeing.own.memberState, 'member');
  t.false(agreeing.remembered.has(3));
  const alone = make(3);
  for (const rank of [2, 3]) {
    receiveHello(alone, rank, hello(String(rank), configured(3, { sectors: 200 })));
  }
  t.is(alone.own.memberState, 'fresh');
  t.deepEqual(waitingOf(alone).differing, [2, 3]);
  for (const rank of [2, 3]) {
    const member = { memberState: 'member', ...configured(3, { sectors: 200 }) } as const;
    receiveHello(alone, rank, hello(String(rank), member));
  }
  t.is(alone.own.memberState, 'fresh', 'with fewer sectors it could not take in all');
});

test('a process with a shorter list is heard where it is dialled, and left out', (t) => {
  const agreeing = make(3);
  receiveHello(agreeing, 2, hello('b', configured(3)));
  t.is(agreeing.own.memberState, 'fresh');
  receiveOpening(agreeing, 3, hello('c', configured(3)));
  t.is(agreeing.own.memberState, 'fresh', 'one that agrees will dial, and be counted');
  receiveOpening(agreeing, 3, hello('c', configured(1)));
  t.is(agreeing.own.memberState, 'member');
  t.deepEqual([...agreeing.remembered.keys()], [2]);
});

test('on a folder that was in use before nobody founds a cluster, unless told to', (t) => {
  const unmounted = make(3, {}, [], { wasInUse: true });
  for (const rank of [2, 3]) receiveHello(unmounted, rank, hello(String(rank)));
  t.is(unmounted.own.memberState, 'fresh');
  t.true(helloTo(unmounted, 2).wasInUse);
  const beside = make(3);
  receiveHello(beside, 2, hello('b', { wasInUse: true }));
  receiveHello(beside, 3, hello('c'));
  t.is(beside.own.memberState, 'fresh', 'the other one may have lost what is not lost');
  t.deepEqual(waitingOf(beside).inUse, [2]);
  const vouched = make(3, {}, [], { wasInUse: true, isFounder: true });
  vouched.isGraceOver = true;
  for (const rank of [2, 3]) receiveHello(vouched, rank, hello(String(rank)));
  t.is(vouched.own.memberState, 'member');
});

test('a founder that was counted while it was still fresh is a member', (t) => {
  const late = make(3);
  receiveHello(late, 2, hello('b', { memberState: 'member', known: id('x') }));
  t.is(late.own.memberState, 'member');
});

test('whose disk is remembered as another one joins, with an incarnation of its own', (t) => {
  const lost = make(3);
  const known = { memberState: 'member', known: id('o'), incarnations: [4, 0, 0, 0, 0] } as const;
  receiveHello(lost, 2, hello('b', known));
  t.like(lost.own, { storage: id('n'), incarnation: 0, memberState: 'joining' });
  receiveHello(lost, 3, hello('c', { memberState: 'joining', incarnation: 1 }));
  t.is(lost.own.incarnation, 0, 'those who join themselves do not count');
  const effects = receiveHello(lost, 3, hello('c', { memberState: 'member', incarnation: 1 }));
  t.is(lost.own.incarnation, 5);
  t.deepEqual(
    effects.map(({ kind }) => kind),
    ['identify', 'sendHello'],
  );
  finishJoining(lost);
  t.is(lost.own.memberState, 'member');
});

test('a process without a number left for its incarnation goes on joining, and says so', (t) => {
  const spent = make(3);
  const known = { memberState: 'member', incarnations: [INCARNATION_MAX, 0, 0, 0, 0] } as const;
  receiveHello(spent, 2, hello('b', known));
  const effects = receiveHello(spent, 3, hello('c', { memberState: 'member' }));
  t.deepEqual(effects.at(-1), { kind: 'exhausted' });
  t.like(spent.own, { storage: id('n'), incarnation: 0, memberState: 'joining' });
  const last = make(3);
  receiveHello(last, 2, hello('b', { ...known, incarnations: [INCARNATION_MAX - 1, 0, 0, 0, 0] }));
  receiveHello(last, 3, hello('c', { memberState: 'member' }));
  t.is(last.own.incarnation, INCARNATION_MAX);
});

test('a process joins a cluster once enough members have not counted it', (t) => {
  const late = make(3);
  receiveHello(late, 2, hello('b', { memberState: 'member' }));
  t.is(late.own.memberState, 'fresh', 'the other one may have counted it');
  late.isGraceOver = true;
  t.deepEqual(reconsider(late), [], 'and there is nothing to found any more');
  receiveHello(late, 3, hello('c', { memberState: 'member' }));
  t.is(late.own.memberState, 'joining');
});

test('a founder that hears of one who joins first waits for the one that counted it', (t) => {
  const counted = make(3);
  receiveHello(counted, 3, hello('c', { memberState: 'joining' }));
  counted.isGraceOver = true;
  reconsider(counted);
  t.is(counted.own.memberState, 'fresh');
  receiveHello(counted, 2, hello('b', { memberState: 'member', known: id('x') }));
  t.is(counted.own.memberState, 'member');
});

test('a member that was replaced joins again once a majority of the others says so', (t) => {
  const old = make(3, { memberState: 'member', incarnation: 1, founding: id('f') });
  const said = (incarnation: number, known: string): Partial<Hello> => ({
    memberState: 'member',
    incarnations: [incarnation, 0, 0, 0, 0],
    known: id(known),
  });
  t.deepEqual(receiveHello(old, 2, hello('b', said(1, 'x'))).at(-1)?.kind, 'remember');
  t.deepEqual(old.objections, []);
  t.deepEqual(receiveHello(old, 2, hello('b', said(2, 'y'))), [{ kind: 'objections' }]);
  t.is(old.own.memberState, 'member');
  t.deepEqual(old.objections, [{ kind: 'replaced', by: 2 }], 'it does not vote meanwhile');
  receiveHello(old, 2, hello('b', said(1, 'x')));
  t.deepEqual(old.objections, []);
  receiveHello(old, 2, hello('b', said(2, 'y')));
  receiveHello(old, 3, hello('c', said(2, 'y')));
  t.is(old.own.memberState, 'joining');
  t.is(old.own.founding, id('f'), 'of the same cluster');
});

test('of two that remain one is a majority of the others', (t) => {
  const old = make(2, { memberState: 'member' });
  receiveHello(old, 2, hello('b', { memberState: 'member', incarnations: [1, 0] }));
  t.is(old.own.memberState, 'joining');
});

test('what an operator has vouched for is taken for the disk that was known', (t) => {
  const member = make(3, { memberState: 'member' }, [[2, { storage: id('b'), incarnation: 0 }]]);
  const vouched = hello('B', { memberState: 'member', isVouched: true });
  const kinds = receiveHello(member, 2, vouched).map(({ kind }) => kind);
  t.deepEqual(kinds, ['remember', 'sendHello'], 'it has to hear that it is known');
  t.false(isOutdated(member, 2, vouched));
  t.deepEqual(receiveHello(member, 2, vouched), []);
  receiveHello(member, 2, hello('c', { memberState: 'member' }));
  t.is(member.remembered.get(2)?.storage, id('B'));
  const own = make(3, { memberState: 'member', isVouched: true });
  receiveHello(own, 2, hello('b', { memberState: 'member', known: id('o') }));
  t.deepEqual(own.objections, []);
  receiveHello(own, 2, hello('b', { memberState: 'member', incarnations: [1, 0, 0] }));
  t.is(own.objections.length, 1, 'a later disk there has been all the same');
});

test('a cluster that meets one with data that it was founded without ceases to vote', (t) => {
  const [founded, other] = [id('f'), id('o')];
  const remembered = [[2, { storage: id('b'), incarnation: 0 }]] as const;
  const member = make(3, { memberState: 'member', founding: founded }, remembered);
  const said = { memberState: 'member', founding: other } as const;
  t.deepEqual(meetStranger(member, 3, hello('c', said)), [], 'an empty one is none');
  t.deepEqual(meetStranger(member, 2, hello('y', { ...said, hasData: true })), []);
  t.deepEqual(member.objections, [], 'in the place of one that is known it is a stray');
  meetStranger(member, 3, hello('c', { ...said, hasData: true }));
  t.deepEqual(member.objections, [{ kind: 'otherCluster', by: 3 }]);
  t.is(member.own.memberState, 'member', 'nothing is given up');
});

test('members of two clusters are none that a process could join', (t) => {
  const lost = make(3);
  const of = (founding: string) => ({ memberState: 'member', founding: id(founding) }) as const;
  receiveHello(lost, 2, hello('b', { ...of('f'), known: id('o') }));
  receiveHello(lost, 3, hello('c', of('g')));
  t.like(lost.own, { memberState: 'joining', incarnation: 0 });
  receiveHello(lost, 3, hello('c', of('f')));
  t.like(lost.own, { incarnation: 1, founding: id('f') });
});

test('version 1 is believed unseen only where it tells nothing new', (t) => {
  const member = make(3, { memberState: 'member' }, [[2, { storage: id('b'), incarnation: 1 }]]);
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
  const member = make(5, { memberState: 'member' }, [[2, { storage: id('b'), incarnation: 0 }]]);
  const joined = hello('B', { memberState: 'joining', incarnation: 1 });
  t.deepEqual(receiveHello(member, 2, joined), [
    { kind: 'remember', rank: 2 },
    { kind: 'disavow', rank: 2 },
    { kind: 'sendHello' },
  ]);
  t.deepEqual(receiveHello(member, 2, joined), [], 'once');
  const told = make(5, { memberState: 'member' }, [[2, { storage: id('b'), incarnation: 0 }]]);
  const gossip = hello('c', { memberState: 'member', incarnations: [0, 1, 0, 0, 0] });
  t.deepEqual(
    receiveHello(told, 3, gossip).map(({ kind }) => kind),
    ['remember', 'remember', 'disavow', 'sendHello'],
  );
  t.deepEqual(told.remembered.get(2), { storage: null, incarnation: 1 });
  receiveHello(told, 2, joined);
  t.deepEqual(told.remembered.get(2), { storage: id('B'), incarnation: 1 });
});

test('a disk that was replaced is outdated, whatever it says', (t) => {
  const member = make(3, { memberState: 'member' }, [[2, { storage: id('B'), incarnation: 1 }]]);
  t.true(isOutdated(member, 2, { storage: id('b'), incarnation: 0 }));
  t.true(isOutdated(member, 2, { storage: id('b'), incarnation: 1 }));
  t.false(isOutdated(member, 2, { storage: id('B'), incarnation: 1 }));
  t.false(isOutdated(member, 2, { storage: id('C'), incarnation: 2 }));
  t.false(isOutdated(member, 3, { storage: id('c'), incarnation: 0 }));
});

/** A message foreign came from there, and it has answered what it was asked. */
const hearForeign = (membership: Membership, from: number): void => {
  receiveBase(membership, from);
  receiveAnswer(membership, from);
};

test('beside foreign members a process votes once it has heard everybody', (t) => {
  const mixed = make(3);
  mixed.isGraceOver = true;
  hearForeign(mixed, 2);
  t.is(mixed.own.memberState, 'fresh', 'the third may remember another disk');
  reconsider(mixed);
  t.is(mixed.own.memberState, 'fresh');
  hearForeign(mixed, 3);
  t.is(mixed.own.memberState, 'member');
  const lost = make(3);
  lost.isGraceOver = true;
  hearForeign(lost, 2);
  receiveHello(lost, 3, hello('c', { memberState: 'member', known: id('o') }));
  t.is(lost.own.memberState, 'joining', 'what one of this implementation remembers counts all the same');
  const founded = make(3);
  receiveHello(founded, 2, hello('b'));
  receiveBase(founded, 3);
  founded.isGraceOver = true;
  reconsider(founded);
  t.is(founded.own.memberState, 'fresh', 'who is foreign has to answer');
  receiveAnswer(founded, 3);
  t.is(founded.own.memberState, 'member');
});

test('foreign is who answers without a HELLO: what it sends may be a replay', (t) => {
  const pure = make(3);
  pure.isGraceOver = true;
  receiveBase(pure, 2);
  receiveBase(pure, 3);
  t.is(pure.own.memberState, 'fresh');
  receiveAnswer(pure, 3);
  receiveHello(pure, 2, hello('b', { memberState: 'member', known: id('o') }));
  receiveAnswer(pure, 2);
  t.is(pure.own.memberState, 'joining');
  const alive = make(3);
  hearForeign(alive, 2);
  hearForeign(alive, 2);
  receiveAnswer(alive, 3);
  t.is(alive.own.memberState, 'fresh', 'each counts once, and only if it was heard');
});

test('a process that comes late to a mixed cluster joins if it can', (t) => {
  const late = make(5);
  late.isGraceOver = true;
  for (const rank of [2, 3]) receiveHello(late, rank, hello(String(rank), { memberState: 'member' }));
  hearForeign(late, 5);
  t.is(late.own.memberState, 'fresh', 'the fourth may make it enough');
  receiveHello(late, 4, hello('d'));
  t.is(late.own.memberState, 'fresh', 'it will be a member');
  receiveHello(late, 4, hello('d', { memberState: 'member' }));
  t.is(late.own.memberState, 'joining');
  const never = make(3);
  receiveHello(never, 2, hello('b', { memberState: 'member' }));
  t.is(never.own.memberState, 'fresh');
  hearForeign(never, 3);
  t.is(never.own.memberState, 'member', 'with one other of this implementation it could never join');
});

test('rebuild quorums meet every majority without the process itself', (t) => {
  for (let processCount = 2; processCount <= 9; processCount += 1) {
    const majorityWithout = Math.floor(processCount / 2);
    t.true(rebuildQuorum(processCount) + majorityWithout > processCount - 1);
    t.true(rebuildQuorum(processCount) <= processCount - 1);
  }
});
