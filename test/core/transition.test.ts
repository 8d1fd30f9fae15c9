/** When a process changes its mode, and whom it waits for (docs/strict-register.md, G2, G3 and G6). */
import test from 'ava';
import { describeTransition } from '../../src/core/membership/describe.js';
import type { MemberState } from '../../src/core/membership/identity.js';
import type { Hello } from '../../src/core/membership/memberMessage.js';
import type { MembershipEffect } from '../../src/core/membership/membership.js';
import {
  finishDraining,
  helloTo,
  newMembership,
  receiveBase,
  receiveHello,
  reconsider,
} from '../../src/core/membership/membership.js';
import { MODE_OPEN, MODE_STRICT } from '../../src/core/membership/registerMode.js';
import type { Membership } from '../../src/core/membership/state.js';
import { areOthersDrained, canMeet, modeWanted, transitionWaitOf } from '../../src/core/membership/transition.js';

interface Kind {
  readonly mode: number;
  readonly canChange: boolean;
  readonly memberState: MemberState;
}

const READY: Kind = { mode: MODE_OPEN, canChange: true, memberState: 'member' };
const OPEN: Kind = { mode: MODE_OPEN, canChange: false, memberState: 'member' };
const STRICT: Kind = { mode: MODE_STRICT, canChange: true, memberState: 'member' };
const EMPTY: Kind = { mode: MODE_STRICT, canChange: true, memberState: 'fresh' };

const make = (rank: number, { mode, canChange, memberState }: Kind, processCount = 3): Membership => {
  const options = {
    self: { rank, processCount },
    configuration: { processCount, sectors: 100, addresses: 'a'.repeat(16), mode },
    ...{ wasInUse: false, isFounder: false, hasData: () => false, canChange, draw: () => 'n'.repeat(16) },
  };
  const founding = memberState === 'fresh' ? null : 'f'.repeat(16);
  const own = { storage: String(rank).repeat(16), incarnation: 0, memberState, founding, mode, isVouched: false };
  return newMembership(options, own, new Map());
};

const helloOf = (sender: Membership, to: number): Hello => ({
  ...helloTo(sender, to),
  configuration: sender.configuration,
});

/** Process 1 of that kind hears processes 2, 3, ... */
const hears = (one: Membership, ...kinds: Kind[]): MembershipEffect[] =>
  kinds.flatMap((kind, index) => receiveHello(one, index + 2, helloOf(make(index + 2, kind), 1)));

test('an open process becomes strict when it has heard from each of the others that it can be', (t) => {
  const one = make(1, READY);
  t.is(modeWanted(one), null);
  t.deepEqual(transitionWaitOf(one), { unheard: [2, 3], foreign: [], notReady: [] });
  const effects = hears(one, READY);
  t.true(effects.some(({ kind }) => kind === 'transition'));
  t.is(modeWanted(one), null);
  hears(one, READY, READY);
  t.is(modeWanted(one), 'strict');

  const beside = make(1, READY);
  hears(beside, READY, EMPTY);
  t.is(modeWanted(beside), 'strict', 'an empty folder with members strict can be strict');
});

test('it stays open as long as one of them is open, older, foreign, or unheard', (t) => {
  const one = make(1, READY);
  hears(one, READY, OPEN);
  t.is(modeWanted(one), null);
  t.is(
    describeTransition(transitionWaitOf(one) ?? t.fail()),
    'becomes strict when all members can: it waits for process 3, which was started with members open, or with an ' +
      'older program',
  );
  const older = make(1, READY);
  hears(older, READY);
  const old = { ...helloOf(make(3, OPEN), 1), configuration: null };
  receiveHello(older, 3, old);
  t.is(modeWanted(older), null);
  t.deepEqual(transitionWaitOf(older), { unheard: [], foreign: [], notReady: [3] });
  const foreign = make(1, READY);
  hears(foreign, READY);
  receiveBase(foreign, 3);
  t.is(modeWanted(foreign), null);
  t.deepEqual(transitionWaitOf(foreign), { unheard: [], foreign: [3], notReady: [] });

  // It said that it could be, and was then started with the former version.
  hears(one, READY, READY);
  hears(one, READY, OPEN);
  t.is(modeWanted(one), null);
});

test('one strict member is enough to follow; one with an empty folder is not', (t) => {
  const one = make(1, READY);
  hears(one, EMPTY);
  t.is(modeWanted(one), null);
  hears(one, STRICT);
  t.is(modeWanted(one), 'strict');
  const open = make(1, OPEN);
  t.deepEqual(
    hears(open, STRICT, STRICT).filter(({ kind }) => kind === 'transition'),
    [],
  );
  t.is(modeWanted(open), null);
});

test('a process alone becomes strict at its start', (t) => {
  const one = make(1, READY, 1);
  t.true(reconsider(one).some(({ kind }) => kind === 'transition'));
  t.is(modeWanted(one), 'strict');
  t.is(modeWanted(make(1, OPEN, 1)), null);
});

test('with an empty folder it joins members that are open as an open process, and begins nothing before', (t) => {
  const one = make(1, EMPTY);
  const effects = hears(one, OPEN, OPEN);
  t.is(modeWanted(one), 'open');
  t.is(one.own.memberState, 'fresh');
  t.false(effects.some(({ kind }) => kind === 'identify'));
  one.isGraceOver = true;
  t.deepEqual(
    reconsider(one).filter(({ kind }) => kind === 'identify'),
    [],
  );

  const among = make(1, EMPTY);
  hears(among, READY, STRICT);
  t.is(modeWanted(among), null, 'the cluster becomes strict');
  t.is(among.own.memberState, 'joining');
  const founding = make(1, EMPTY);
  hears(founding, EMPTY, EMPTY);
  t.is(modeWanted(founding), null);
  t.is(founding.own.memberState, 'member');
  const again = make(1, { ...EMPTY, canChange: false });
  hears(again, OPEN, OPEN);
  t.is(modeWanted(again), null, 'at most once');
});

test('hellos of the other mode count if one of the two will change', (t) => {
  const meet = (one: Kind, other: Kind): boolean => {
    const [here, there] = [make(1, one), make(2, other)];
    const isSo = canMeet(here, helloOf(there, 1));
    t.is(canMeet(there, helloOf(here, 2)), isSo, 'both see it alike');
    return isSo;
  };
  const fresh = (kind: Kind): Kind => ({ ...kind, memberState: 'fresh' });
  for (const [one, other] of [
    ...[
      [READY, STRICT],
      [READY, EMPTY],
      [OPEN, EMPTY],
      [READY, OPEN],
    ],
    ...[
      [STRICT, EMPTY],
      [fresh(READY), EMPTY],
      [READY, { ...STRICT, memberState: 'joining' as const }],
    ],
  ]) {
    t.true(meet(one, other));
  }
  for (const [one, other] of [
    [OPEN, STRICT],
    [fresh(OPEN), STRICT],
    [fresh(OPEN), EMPTY],
  ]) {
    t.false(meet(one, other));
  }
});

test('the others are drained when each of them has said so, or is strict', (t) => {
  const one = make(1, READY);
  t.false(areOthersDrained(one));
  hears(one, READY, STRICT);
  t.false(areOthersDrained(one));
  const two = make(2, READY);
  t.deepEqual(finishDraining(two), [{ kind: 'sendHello' }]);
  receiveHello(one, 2, helloOf(two, 1));
  t.true(areOthersDrained(one));
});
