/** A process in virtual time that is told which incarnation it is, or which it cannot be. */
import test from 'ava';
import { EMPTY, VirtualTimeScheduler, of } from 'rxjs';
import type { Hello } from '../../src/core/membership/membership.js';
import { hearHello, newMembership } from '../../src/core/membership/membership.js';
import { INCARNATION_MAX } from '../../src/core/stamp.js';
import { serializeMemberMessage } from '../../src/wire/serialize.js';
import { createTagger } from '../../src/wire/tag.js';
import { MembershipState, keepMembership } from '../../streams/pipelines/membership.js';
import { SYSTEM_KEY } from '../wire/messages.js';
import { startVirtual } from './virtualProcess.js';

const member = (rank: number, own: number): Hello => ({
  kind: 'hello',
  standing: 'member',
  storage: String(rank).repeat(16),
  incarnation: 0,
  known: null,
  incarnations: [own, 0, 0],
});

test('a member that says that no number is left ends no process', (t) => {
  const { running, connect, pass } = startVirtual(3, (error) => t.fail(String(error)), 'fresh');
  for (const rank of [2, 3]) {
    const content = member(rank, rank === 2 ? INCARNATION_MAX : 0);
    const hello = serializeMemberMessage({ sender: rank, content }, createTagger(SYSTEM_KEY));
    connect().bytes$.next(hello);
    pass(1_000);
  }
  t.is(running.figures().standing, 'joining');
});

test('a member that hears that it was replaced chooses no stamp until it has a number', (t) => {
  const own = { storage: 'x'.repeat(16), incarnation: 1, standing: 'member' } as const;
  const self = { rank: 1, processCount: 3 };
  const state = new MembershipState(newMembership(self, own, new Map(), () => 'n'.repeat(16)));
  const notes = { initial: new Map<string, Uint8Array>(), put: () => EMPTY };
  const dues: boolean[] = [];
  state.mayStamp$.subscribe((may) => dues.push(may));
  const hear = (hello: Hello, from: number): void => {
    const effects = hearHello(state.current, from, hello);
    keepMembership(of(effects), state, notes, new VirtualTimeScheduler()).subscribe();
  };
  t.true(state.mayStamp);
  hear(member(2, 2), 2);
  t.is(state.standing, 'joining');
  t.false(state.mayStamp);
  hear(member(3, 0), 3);
  t.is(state.current.own.incarnation, 3);
  t.true(state.mayStamp);
  t.deepEqual(dues, [true, true], 'what waits goes on once more');
});
