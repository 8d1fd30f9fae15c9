/**
 * The examples of the strict register, event by event. A trace is read, and reviewed as a diff when the algorithm
 * changes:
 * `UPDATE_TRACES=1 npm test -- dist/test/core/strict/traces.test.js` writes what comes out now.
 */
import test from 'ava';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runScript } from './traceScript.js';

/** This file runs as dist/test/core/strict/traces.test.js. */
const FOLDER = fileURLToPath(new URL('../../../../test/core/strict/traces', import.meta.url));

for (const name of readdirSync(FOLDER)) {
  test(`${name} says what happens`, (t) => {
    const path = join(FOLDER, name);
    const text = readFileSync(path, 'utf8');
    const now = runScript(text);
    if (process.env['UPDATE_TRACES'] === '1') writeFileSync(path, now);
    else t.is(text, now, `${name} is not what happens: if it should be, see the head of this test`);
    t.regex(text, /^# Clauses? [A-F]\d/, 'says what it is about');
  });
}
