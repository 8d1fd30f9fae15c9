import test from 'ava';
import type { MemberState } from '../../src/core/membership/identity.js';
import type { NoteFormat } from '../../streams/pipelines/notes.js';
import { jsonNote, numberNote, readNote } from '../../streams/pipelines/notes.js';
import { memoryNotes, startVirtual } from './virtualProcess.js';

const position = numberNote('a sector', 0, 99);
const pair = jsonNote<{ a: number }>(
  'a pair',
  (value) => value,
  ({ a }) => (typeof a === 'number' ? { a } : undefined),
);

const notesWith = (name: string, text: string) => ({ initial: new Map([[name, Buffer.from(text)]]) });

test('what was written is read again; what is not there is null', (t) => {
  const initial = new Map([
    ['scrub', position.write(42)],
    ['pair', pair.write({ a: 1 })],
  ]);
  t.is(readNote({ initial }, 'scrub', position), 42);
  t.deepEqual(readNote({ initial }, 'pair', pair), { a: 1 });
  t.is(readNote({ initial }, 'other', position), null);
});

type Reader = Pick<NoteFormat<unknown>, 'what' | 'read'>;
const unreadable: [Reader, string][] = [
  ...['', 'x', '-1', '1.5', '1e3', '007', '100', ' 7', '[7]'].map((text): [Reader, string] => [position, text]),
  ...['', '{', 'null', '7', '"a"', '{}', '{"a":"1"}', '[]'].map((text): [Reader, string] => [pair, text]),
];
for (const [format, text] of unreadable) {
  test(`${JSON.stringify(text)} is not ${format.what}`, (t) => {
    const error = t.throws(() => readNote(notesWith('n', text), 'n', format), { code: 'ATDD_STORE_CORRUPT' });
    t.is(error.message, `the note n of the store says ${JSON.stringify(text)}: that is not ${format.what}`);
  });
}

const wrong: [MemberState, string, string][] = [
  ['member', 'scrub', 'x'],
  ['member', 'missed/2/0', 'xyz'],
  ['member', 'missed/2/x', 'x'],
  ['joining', 'rebuild', 'x'],
  ['joining', 'rebuild', '{"disk":7,"from":0,"taken":0}'],
  ['joining', 'rebuild', '{"disk":"00","from":-1,"taken":0}'],
];
for (const [memberState, name, text] of wrong) {
  test(`a process whose note ${name} is ${text} stops, and says which note it is`, (t) => {
    const notes = memoryNotes(memberState);
    const initial = new Map([...notes.initial, [name, Buffer.from(text)]]);
    const failures: unknown[] = [];
    startVirtual(3, (error) => failures.push(error), memberState, false, { ...notes, initial });
    t.like(failures, [{ code: 'ATDD_STORE_CORRUPT' }]);
    t.regex(String(failures[0]), new RegExp(`the note ${name} of the store says`));
  });
}
