import test from 'ava';
import { EMPTY, NEVER, VirtualTimeScheduler, defer, ignoreElements, throwError, timer } from 'rxjs';
import type { Observable } from 'rxjs';
import { NoSpace } from '../../src/ports/blockFiles.js';
import { BootNumber } from '../../streams/pipelines/membership/bootNumber.js';

/** Notes that were there, those that were put, and how each put ends. */
function notesWith(text: string | null, put: () => Observable<never> = () => EMPTY) {
  const initial = new Map(text === null ? [] : [['life', Buffer.from(text)]]);
  const written: string[] = [];
  const notes = {
    initial,
    put: (changes: ReadonlyMap<string, Uint8Array | null>) => {
      written.push(Buffer.from(changes.get('life') ?? []).toString());
      return put();
    },
  };
  return { notes, written };
}

test('a boot has no number before it writes, and one that is durable after', (t) => {
  const clock = new VirtualTimeScheduler();
  const { notes, written } = notesWith('41', () => timer(5, clock).pipe(ignoreElements()));
  const boot = new BootNumber(notes);
  boot.keep(clock).subscribe();
  t.is(boot.current, 0);
  t.true(boot.wasEverUsed, 'by a boot before');
  boot.want();
  boot.want();
  t.is(boot.current, 0, 'the note is not flushed yet');
  clock.flush();
  t.is(boot.current, 42);
  boot.want();
  t.deepEqual(written, ['42'], 'once');
});

test('the first boot of a disk', (t) => {
  const { notes, written } = notesWith(null);
  const boot = new BootNumber(notes);
  boot.keep(new VirtualTimeScheduler()).subscribe();
  t.false(boot.wasEverUsed);
  boot.want();
  t.is(boot.current, 1);
  t.true(boot.wasEverUsed);
  t.deepEqual(written, ['1']);
});

test('a disk without room: the note is tried again, and nothing is numbered until then', (t) => {
  const clock = new VirtualTimeScheduler();
  let tries = 0;
  const { notes } = notesWith(null, () =>
    defer(() => {
      tries += 1;
      return tries < 3 ? throwError(() => new NoSpace('full')) : EMPTY;
    }),
  );
  const boot = new BootNumber(notes);
  boot.keep(clock).subscribe();
  boot.want();
  t.is(boot.current, 0);
  clock.flush();
  t.is(tries, 3);
  t.is(boot.current, 1);
});

test('when the numbers are used up no boot has one', (t) => {
  const { notes, written } = notesWith('65535', () => NEVER);
  const boot = new BootNumber(notes);
  boot.keep(new VirtualTimeScheduler()).subscribe();
  boot.want();
  t.is(boot.current, 0);
  t.true(boot.wasEverUsed);
  t.deepEqual(written, []);
});

test('a note that is no number is refused', (t) => {
  for (const text of ['', '0', '-1', '65536', 'x', '1.5']) {
    t.throws(() => new BootNumber(notesWith(text).notes), { code: 'ATDD_STORE_CORRUPT' });
  }
});
