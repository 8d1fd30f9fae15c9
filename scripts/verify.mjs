/** npm run verify: everything that has to hold before a change is taken. Changes no source. */
import { binOf, build, runNode } from './ensure.mjs';

const STEPS = [
  ['types of src/core alone', 'typescript', 'bin/tsc', ['--noEmit', '-p', 'src/core']],
  ['lint', 'eslint', 'bin/eslint.js', ['.']],
  [
    'dependency rules',
    'dependency-cruiser',
    'bin/dependency-cruise.mjs',
    ['--config', '.dependency-cruiser.cjs', 'src', 'streams', 'config', 'test'],
  ],
  ['format', 'prettier', 'bin/prettier.cjs', ['--check', '.']],
  ['tests', 'ava', 'entrypoints/cli.mjs', []],
];

// Compiling is the check of the types.
await build();
const failed = [];
for (const [name, packageName, path, args] of STEPS) {
  const started = performance.now();
  process.stdout.write(`\n== ${name}\n`);
  const code = await runNode([binOf(packageName, path), ...args]);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`== ${name}: ${code === 0 ? 'good' : 'FAILED'} (${seconds} s)\n`);
  if (code !== 0) failed.push(name);
}
process.stdout.write(failed.length === 0 ? '\nall good\n' : `\nfailed: ${failed.join(', ')}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
