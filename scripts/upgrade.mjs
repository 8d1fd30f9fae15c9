/**
 * npm run test:upgrade: takes the former version from the history of this clone, builds it in a
 * temporary folder, and has a cluster go from it to this version and back under load. See
 * docs/testing.md. Exit code 2: the history is not there, and nothing was tried.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, ensureReady, runNode } from './ensure.mjs';

/** The last one whose members say HELLO in version 1. */
const FORMER = '628581e';

if (git(['cat-file', '-e', `${FORMER}^{commit}`]).status !== 0) {
  process.stderr.write(
    `atdd: the former version (${FORMER}) is not in the history of this clone (is it a shallow ` +
      'one? git fetch --unshallow gets it): going from it to this version was not tried\n',
  );
  process.exit(2);
}
await ensureReady();
const folder = mkdtempSync(join(tmpdir(), 'atdd-former-'));
const former = join(folder, 'checkout');
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
]) {
  // What runs gets the signal as well, or ends with this.
  process.once(signal, () => {
    remove();
    process.exit(128 + number);
  });
}
try {
  must('git worktree add', git(['worktree', 'add', '--quiet', '--detach', former, FORMER]));
  const build = [join(former, 'scripts', 'build.mjs')];
  must('the build', spawnSync(process.execPath, build, { cwd: former, stdio: 'inherit' }));
  const program = join(ROOT, 'dist', 'test', 'upgrade', 'main.js');
  const words = ['--former', join(former, 'dist', 'main.js'), ...process.argv.slice(2)];
  process.exitCode = await runNode(['--enable-source-maps', program, ...words]);
} catch (error) {
  process.stderr.write(`atdd: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  remove();
}

function git(words) {
  return spawnSync('git', ['-C', ROOT, ...words], { encoding: 'utf8' });
}

function must(what, { status, stderr, error }) {
  if (status !== 0) throw new Error(`${what} failed: ${error?.message ?? stderr ?? status}`);
}

function remove() {
  git(['worktree', 'remove', '--force', former]);
  rmSync(folder, { recursive: true, force: true });
}
