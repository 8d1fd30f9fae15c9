/** Deliberate faults are edits of compiled code: each has to meet what it was made for. */
import test from 'ava';
import { tryEdits } from './applyEdits.js';
import { DELIBERATE_FAULTS } from './deliberateFaults.js';
import { DIST, injectFault } from './injectFault.js';

test('every edit of every deliberate fault matches the compiled code exactly once', (t) => {
  t.true(DELIBERATE_FAULTS.length > 20);
  for (const { name, edits } of DELIBERATE_FAULTS) {
    t.true(edits.length > 0, name);
    t.notThrows(() => {
      tryEdits(edits, DIST);
    }, name);
  }
});

test('an edit that does not apply is an error that says which and why', (t) => {
  const file = 'src/core/quorum.js';
  const replace = '';
  const messageOf = (edit: { file: string; find: string }): string =>
    t.throws(() => {
      tryEdits([{ ...edit, replace }], DIST);
    }).message;
  t.regex(messageOf({ file: 'src/core/gone.js', find: 'return' }), /there is no src\/core\/gone\.js$/);
  t.regex(messageOf({ file, find: 'no such code' }), /"no such code" was found 0 times in src\/core\/quorum\.js/);
  t.regex(messageOf({ file, find: 'c' }), /"c" was found \d+ times in src\/core\/quorum\.js, expected once$/);
});

test('one edit of a module builds on another', (t) => {
  const file = 'src/core/quorum.js';
  const first = { file, find: 'return count > processCount / 2;', replace: 'return isMore(count);' };
  t.notThrows(() => {
    tryEdits([first, { file, find: 'isMore', replace: 'isLess' }], DIST);
  });
});

test('an unknown name is an error that lists the known ones', (t) => {
  const error = t.throws(() => {
    injectFault('no-such-fault');
  });
  t.regex(error.message, /there is no deliberate fault "no-such-fault"; there are: small-majority, /);
});
