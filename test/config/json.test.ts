import test from 'ava';
import fc from 'fast-check';
import { parseJson } from '../../config/json.js';

/** [text, line, column, found, expected] */
const FAULTS = [
  ['', 1, 1, 'the end of the file', 'a value'],
  ['{"a": x}', 1, 7, '"x"', 'a value'],
  ['{\n  "a": 1,\n}', 3, 1, '"}"', 'the name of a field in double quotes'],
  ['{\n  "a" 1}', 2, 7, '"1"', '":"'],
  ['{"a": 1 "b": 2}', 1, 9, '"\\""', '"," or "}"'],
  ['[1 2]', 1, 4, '"2"', '"," or "]"'],
  ['["a\n"]', 1, 4, 'the end of the line', 'the rest of a string, ended by a double quote'],
  ['{"a": "b', 1, 9, 'the end of the file', 'the rest of a string, ended by a double quote'],
  ['{} {}', 1, 4, '"{"', 'nothing after the end of the value'],
  ['{"rank": 1,\n "rank": 2}', 2, 2, '"rank" again', 'each field once'],
  ["{'a': 1}", 1, 2, '"\'"', 'the name of a field in double quotes'],
  ['['.repeat(100_000), 1, 66, '"["', 'at most 64 levels'],
] as const;

for (const [text, line, column, found, expected] of FAULTS) {
  test(`fault in ${JSON.stringify(text.slice(0, 30))}`, (t) => {
    t.deepEqual(parseJson(text), { kind: 'fault', fault: { line, column, found, expected } });
  });
}

test('reads every JSON text as JSON.parse does', (t) => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(0, 2), (json, indent) => {
      const text = JSON.stringify(JSON.parse(json), null, indent);
      t.deepEqual(parseJson(text), { kind: 'value', value: JSON.parse(text) as unknown });
    }),
  );
});

test('takes a text that was changed somewhere exactly if JSON.parse does', (t) => {
  let refused = 0;
  const character = fc.constantFrom(...Array.from('{}[]",:\\ \n\t-+.0eEx\u0001'));
  const piece = fc.oneof(character, fc.constantFrom('true', 'nul', '\\u12', '"a":1,'));
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.nat(2), piece, (json, at, length, inserted) => {
      const start = at % (json.length + 1);
      const text = json.slice(0, start) + inserted + json.slice(start + length);
      const result = parseJson(text);
      // A field given twice is the one thing that is refused here and taken there.
      if (result.kind === 'fault' && result.fault.expected === 'each field once') return;
      if (result.kind === 'fault') refused += 1;
      t.is(result.kind === 'value', isJson(text), text);
    }),
    { numRuns: 3_000 },
  );
  t.true(refused > 100, `only ${refused} texts were refused`);
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
