/**
 * npm run test:upgrade: takes the former version from the history of this clone, builds it in a temporary folder, and
 * has a cluster go from it to this version and back under load. See docs/testing.md. Exit code 2: the history is not
 * there, and nothing was tried.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, ensureReady } from './ensure.mjs';

/** The last one whose members say HELLO in version 1. */
const FORMER = '628581e1d1d3d56f28edbff0fbb1cf573f197c10';

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
process.once('exit', () => {
  git(['worktree', 'remove', '--force', former]);
  rmSync(folder, { recursive: true, force: true });
});
const stops = new Map([
  ['SIGINT', () => process.exit(130)],
  ['SIGTERM', () => process.exit(143)],
]);
for (const [signal, stop] of stops) process.once(signal, stop);
must('git worktree add', git(['worktree', 'add', '--quiet', '--detach', former, FORMER]));
const build = [join(former, 'scripts', 'build.mjs')];
must('the build', spawnSync(process.execPath, build, { cwd: former, stdio: 'inherit' }));
// From here on the program ends what it has started.
for (const [signal, stop] of stops) process.off(signal, stop);
process.argv.splice(2, 0, '--former', join(former, 'dist', 'main.js'));
// In this very process: what the terminal and npm send on Ctrl-C then arrives where it belongs.
await import(pathToFileURL(join(ROOT, 'dist', 'test', 'upgrade', 'main.js')).href);

function git(words) {
  return spawnSync('git', ['-C', ROOT, ...words], { encoding: 'utf8' });
}

function must(what, { status, stderr, error }) {
  if (status === 0) return;
  process.stderr.write(`atdd: ${what} failed: ${error?.message ?? stderr ?? status}\n`);
  process.exit(1);
}
