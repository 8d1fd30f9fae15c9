import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const HERE = import.meta.dirname;
const run = promisify(execFile);

/** Runs a program in which `error` comes to a subscriber that has ended. */
async function lose(error: string): Promise<string> {
  const program = `
    import { Observable } from 'rxjs';
    import { AssertionFailure } from ${JSON.stringify(join(HERE, '../../src/core/assert.js'))};
    import { endOnLostDefects } from ${JSON.stringify(join(HERE, '../../src/shell/lostErrors.js'))};
    endOnLostDefects();
    new Observable((subscriber) => {
      subscriber.complete();
      subscriber.error(${error});
    }).subscribe();
    setTimeout(() => console.log('lived on'), 20);
  `;
  const words = ['--input-type=module', '--eval', program];
  try {
    const { stdout } = await run(process.execPath, words, { timeout: 20_000, cwd: HERE });
    return stdout.trim();
  } catch (failure) {
    return String((failure as { readonly stderr: unknown }).stderr);
  }
}

test('a defect whose error nobody can get any more ends the program', async (t) => {
  t.regex(await lose("new AssertionFailure('broken')"), /AssertionFailure: broken/u);
  t.regex(await lose("new RangeError('Maximum call stack')"), /RangeError: Maximum call stack/u);
  t.regex(await lose("new TypeError('x is not a function')"), /TypeError: x is not/u);
});

test('an input or output that fails too late does not', async (t) => {
  t.is(await lose("Object.assign(new Error('reset'), { code: 'ECONNRESET' })"), 'lived on');
  t.is(await lose("Object.assign(new RangeError('r'), { code: 'ERR_OUT_OF_RANGE' })"), 'lived on');
});
