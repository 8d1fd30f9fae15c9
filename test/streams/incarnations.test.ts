/** A process in virtual time that is told which incarnation it is, or which it cannot be. */
import test from 'ava';
import { EMPTY, VirtualTimeScheduler, of } from 'rxjs';
import { MODE_OPEN } from '../../src/core/membership/registerMode.js';
import type { Hello } from '../../src/core/membership/memberMessage.js';
import { receiveHello, newMembership } from '../../src/core/membership/membership.js';
import { INCARNATION_MAX } from '../../src/core/stamp.js';
import { MembershipState, keepMembership } from '../../streams/pipelines/membership/membershipState.js';
import { configurationOf, hello, introduce } from './hello.js';
import { startVirtual } from './virtualProcess.js';

const member = (rank: number, own: number) => hello(rank, { incarnations: [own, 0, 0] });

test('a member that says that no number is left ends no process', (t) => {
  const process = startVirtual(3, (error) => t.fail(String(error)), 'fresh');
  for (const rank of [2, 3]) {
    introduce(process, rank, member(rank, rank === 2 ? INCARNATION_MAX : 0));
    process.pass(1_000);
  }
  t.is(process.running.stats().memberState, 'joining');
});

test('a member that hears that it was replaced chooses no stamp until it has a number', (t) => {
  const disk = { storage: 'x'.repeat(16), incarnation: 1, founding: null, mode: MODE_OPEN, isVouched: false };
  const options = {
    self: { rank: 1, processCount: 3 },
    configuration: configurationOf(3),
    wasInUse: false,
    isFounder: false,
    hasData: () => false,
    canChange: false,
    draw: () => 'n'.repeat(16),
  };
  const own = { ...disk, memberState: 'member' } as const;
  const state = new MembershipState(newMembership(options, own, new Map()));
  const notes = { initial: new Map<string, Uint8Array>(), put: () => EMPTY };
  const dues: boolean[] = [];
  state.mayStamp$.subscribe((may) => dues.push(may));
  const hear = (said: Hello, from: number): void => {
    const effects = receiveHello(state.current, from, said);
    keepMembership(of(effects), state, notes, new VirtualTimeScheduler()).subscribe();
  };
  t.true(state.mayStamp);
  hear(member(2, 2), 2);
  t.false(state.isVoting, 'one that says so may be right');
  t.is(state.memberState, 'member', 'but that is not enough for what cannot be undone');
  hear(hello(3, { memberState: 'joining', incarnations: [2, 0, 0] }), 3);
  t.is(state.memberState, 'joining');
  t.false(state.mayStamp);
  hear(member(3, 0), 3);
  t.is(state.current.own.incarnation, 3);
  t.true(state.mayStamp);
  t.deepEqual(dues, [true, true], 'what waits goes on once more');
});
