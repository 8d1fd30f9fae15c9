/**
 * Reads what AVA printed and says how many tests passed and failed, as one line of its own.
 *
 * Usage: node scripts/countTests.mjs FILE EXIT_CODE (of AVA)
 */
import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

/**
 * A test that passed, in the list. The summary gives their number only if nothing failed. Which mark it is depends on
 * the terminal.
 */
const PASSED = /^ *[✔√] /;

/** Lines of the summary. What fails outside a test (an exception, a hook) counts like a test. */
const FAILED =
  /^ *(\d+) (?:tests? failed|hooks? failed|known failures?|uncaught exceptions?|unhandled rejections?|tests? remained pending .*)$/;

/** The ruled line above the summary; titles and output of tests stand before it. */
const RULE = /^ *─+$/;

const [file, exitCode] = process.argv.slice(2);
const lines = stripVTControlCharacters(readFileSync(file, 'utf8')).split('\n');
const end = lines.findLastIndex((line) => RULE.test(line));
const passed = lines.slice(0, Math.max(end, 0)).filter((line) => PASSED.test(line)).length;
const counted = lines.slice(end + 1).reduce((sum, line) => sum + Number(FAILED.exec(line)?.[1] ?? 0), 0);
// AVA has failures without a number: a test file that ends by itself, or that holds no test.
const failed = exitCode === '0' ? counted : Math.max(counted, 1);

process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
