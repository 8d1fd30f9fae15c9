/** A process on a disk that it has never used: what it is called is durable before it is told. */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { EMPTY, Observable, VirtualTimeScheduler, defer, throwError } from 'rxjs';
import { MODE_OPEN } from '../../src/core/membership/registerMode.js';
import { NoSpace } from '../../src/ports/blockFiles.js';
import type { NoteChanges, Notes } from '../../src/ports/notes.js';
import { keepIdentity, openMembership } from '../../streams/pipelines/membership/membershipState.js';
import { configurationOf, hellosTold } from './hello.js';
import type { TestConnection } from './virtualProcess.js';
import { startVirtual } from './virtualProcess.js';

const DISK = 'd'.repeat(16);
const options = (draw: () => string) => ({
  self: { rank: 1, processCount: 3 },
  configuration: configurationOf(3),
  wasInUse: false,
  isFounder: false,
  hasData: () => true,
  canChange: false,
  draw,
});

function diskToldTo(connection: TestConnection): string[] {
  return hellosTold(connection).flatMap(({ content }) => content()?.storage ?? []);
}

/** Notes that take what is put by hand. */
function slowNotes() {
  const puts: { readonly changes: NoteChanges; readonly done: () => void }[] = [];
  const notes: Notes = {
    initial: new Map(),
    put: (changes) =>
      new Observable((subscriber) => {
        const done = (): void => {
          subscriber.complete();
        };
        puts.push({ changes, done });
      }),
  };
  return { notes, puts };
}

const start = (t: ExecutionContext, notes: Notes) =>
  startVirtual(3, (error) => t.fail(String(error)), 'fresh', false, notes);

test('the id of a disk is durable before anybody hears it, and is kept', (t) => {
  const { notes, puts } = slowNotes();
  const { pass, dialled, connect } = start(t, notes);
  const early = connect();
  pass(10);
  t.is(dialled.size, 0);
  t.false(early.isRead, 'nothing is taken in that would have to be stored');
  t.is(puts.length, 1);
  puts[0].done();
  pass(1);
  const [told] = diskToldTo(dialled.get(2)!);
  const initial = new Map<string, Uint8Array>();
  for (const [name, bytes] of puts[0].changes) if (bytes !== null) initial.set(name, bytes);
  const again = openMembership(
    options(() => DISK),
    { initial, put: () => EMPTY },
  );
  t.is(again.current.own.storage, told);
  t.is(again.memberState, 'fresh', 'also if it has stored something meanwhile');
  const next = start(t, { initial, put: () => EMPTY });
  t.deepEqual(diskToldTo(next.dialled.get(2)!), [told]);
});

test('a disk without room for its id is tried again', (t) => {
  let tryCount = 0;
  const put = (): Observable<never> =>
    defer(() => {
      tryCount += 1;
      return tryCount < 3 ? throwError(() => new NoSpace('full')) : EMPTY;
    });
  const { pass, dialled } = start(t, { initial: new Map(), put });
  pass(600);
  t.deepEqual([tryCount, dialled.size], [2, 0]);
  pass(500);
  t.deepEqual([tryCount, dialled.size], [3, 2]);
});

test('a disk of a version without ids is a member, and called the same from then on', (t) => {
  const stored = new Map<string, Uint8Array>();
  const notes: Notes = {
    initial: stored,
    put: (changes) => {
      for (const [name, bytes] of changes) if (bytes !== null) stored.set(name, bytes);
      return EMPTY;
    },
  };
  const upgraded = openMembership(
    options(() => DISK),
    notes,
  );
  t.is(upgraded.memberState, 'member');
  keepIdentity(upgraded, notes, new VirtualTimeScheduler()).subscribe();
  const again = openMembership(
    options(() => 'e'.repeat(16)),
    notes,
  );
  t.deepEqual(again.current.own, {
    storage: DISK,
    incarnation: 0,
    memberState: 'member',
    founding: null,
    mode: MODE_OPEN,
    isVouched: false,
  });
});
