import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { endsWithTests } from '../helpers/children.js';
import { parseKey } from '../../config/keys.js';
import { GOOD, makeFolder } from '../config/folder.js';

const PROGRAM = fileURLToPath(new URL('../../src/main.js', import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end in that folder, with no variables of ours. */
async function atdd(cwd: string, args: readonly string[], env = {}): Promise<Outcome> {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('ATDD_'));
  const child = endsWithTests(
    spawn(process.execPath, [PROGRAM, ...args], {
      cwd,
      env: { ...Object.fromEntries(clean), HOME: cwd, XDG_CONFIG_HOME: cwd, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, ...said };
}

test('--version tells the versions of program, protocol and disk format', async (t) => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const outcome = await atdd('/', ['--version']);
  t.deepEqual(outcome, { code: 0, stdout: `${version} (protocol 1, disk format 4)\n`, stderr: '' });
});

test('--help lists the commands', async (t) => {
  const { code, stdout } = await atdd('/', ['--help']);
  t.is(code, 0);
  for (const name of ['run', 'cluster', 'keygen', 'check-config']) {
    t.regex(stdout, new RegExp(`^  ${name} `, 'm'));
  }
});

for (const name of ['run', 'cluster', 'keygen', 'check-config']) {
  test(`${name} --help`, async (t) => {
    const { code, stdout } = await atdd('/', [name, '--help']);
    t.is(code, 0);
    t.true(stdout.startsWith(`Usage: atdd ${name} `));
  });
}

for (const [args, message] of [
  [['--nonsense'], /unknown option '--nonsense'/],
  [['clutser'], /unknown command 'clutser' \(did you mean cluster\?\)/],
  [['run', 'x'], /too many arguments/],
  [['keygen', '--out'], /argument missing/],
] as const) {
  test(`wrong use: atdd ${args.join(' ')}`, async (t) => {
    const { code, stdout, stderr } = await atdd('/', args);
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, message);
  });
}

for (const command of [[], ['run'], ['cluster'], ['check-config']]) {
  test(`a wrong configuration: atdd ${command.join(' ')}`, async (t) => {
    const folder = makeFolder(t, { 'a.json': { ...GOOD, sectors: 0, processes: ['x'] } });
    const before = readdirSync(folder);
    const { code, stdout, stderr } = await atdd(folder, [...command, '--config', 'a.json']);
    t.is(code, 2);
    t.is(stdout, '');
    t.true(stderr.includes(`${folder}/a.json: sectors: found 0; expected a whole number from 1`));
    t.true(stderr.includes(`${folder}/a.json: processes[0]: found "x"; expected text such as`));
    t.regex(stderr, /\(ATDD_CONFIG_INVALID\)\n$/);
    t.deepEqual(readdirSync(folder), before);
  });
}

test('check-config prints what it comes to, without the keys', async (t) => {
  const folder = makeFolder(t, { 'atdd.json': GOOD });
  const { code, stdout, stderr } = await atdd(folder, ['check-config', '--rank', '1']);
  t.is(code, 0);
  t.is(stderr, `atdd: configuration ${folder}/atdd.json (found on the search path)\n`);
  const config = JSON.parse(stdout) as Record<string, unknown>;
  t.is(config['storage'], join(folder, 'data', '1'));
  t.is(config['rank'], 1);
  t.deepEqual(
    Object.keys(config).filter((name) => /key/i.test(name)),
    [],
  );
  t.notRegex(stdout, /1a1a|2b2b/i);
});

test('the option counts before the command as well', async (t) => {
  const folder = makeFolder(t, { 'a.json': GOOD });
  const { code, stderr } = await atdd(folder, ['--config', 'a.json', 'check-config']);
  t.deepEqual([code, stderr], [0, '']);
});

test('keygen makes two keys that only their owner can read, and shows neither', async (t) => {
  const folder = makeFolder(t, {});
  const { code, stdout, stderr } = await atdd(folder, ['keygen', '--out', 'new']);
  const paths = ['client', 'system'].map((name) => join(folder, 'new', `${name}.key`));
  t.deepEqual([code, stdout, stderr], [0, `${paths.join('\n')}\n`, '']);
  t.deepEqual(readdirSync(join(folder, 'new')).sort(), ['client.key', 'system.key']);
  for (const path of paths) t.is(statSync(path).mode & 0o777, 0o600);
  t.is(parseKey('client', readFileSync(paths[0], 'utf8')).kind, 'key');
  t.is(parseKey('system', readFileSync(paths[1], 'utf8')).kind, 'key');
  await atdd(folder, ['keygen', '--out', 'other']);
  t.not(readFileSync(paths[0], 'utf8'), readFileSync(join(folder, 'other/client.key'), 'utf8'));
});

test('keygen replaces nothing unless told to', async (t) => {
  const folder = makeFolder(t, {});
  mkdirSync(join(folder, 'keys'));
  const old = join(folder, 'keys', 'system.key');
  writeFileSync(old, 'precious', { mode: 0o644 });
  const refused = await atdd(folder, ['keygen', '--out', 'keys']);
  t.is(refused.code, 2);
  t.regex(refused.stderr, /system\.key would be replaced.*--force/);
  t.deepEqual(readdirSync(join(folder, 'keys')), ['system.key']);
  t.is(readFileSync(old, 'utf8'), 'precious');
  t.is((await atdd(folder, ['keygen', '--out', 'keys', '--force'])).code, 0);
  t.is(parseKey('system', readFileSync(old, 'utf8')).kind, 'key');
  t.is(statSync(old).mode & 0o777, 0o600);
});

test('keygen makes both keys or none', async (t) => {
  const folder = makeFolder(t, {});
  mkdirSync(join(folder, 'keys'));
  // Not there to those who follow it, and in the way of a file of this name.
  symlinkSync('nowhere', join(folder, 'keys', 'system.key'));
  const { code, stderr } = await atdd(folder, ['keygen', '--out', 'keys']);
  t.is(code, 2, stderr);
  t.regex(stderr, /system\.key would be replaced.*--force/);
  t.deepEqual(readdirSync(join(folder, 'keys')), ['system.key']);
});

test('keygen --force replaces both keys or none', async (t) => {
  const folder = makeFolder(t, {});
  mkdirSync(join(folder, 'keys', 'system.key'), { recursive: true });
  const old = join(folder, 'keys', 'client.key');
  writeFileSync(old, 'precious', { mode: 0o640 });
  const { code, stderr } = await atdd(folder, ['keygen', '--out', 'keys', '--force']);
  t.is(code, 1, stderr);
  t.regex(stderr, /^atdd: .*\(ATDD_FILE_FAILED\)\n$/);
  t.deepEqual(readdirSync(join(folder, 'keys')).sort(), ['client.key', 'system.key']);
  t.is(readFileSync(old, 'utf8'), 'precious');
  t.is(statSync(old).mode & 0o777, 0o640);
});

test('keygen where no folder can be made', async (t) => {
  const folder = makeFolder(t, { file: 'text' });
  const { code, stderr } = await atdd(folder, ['keygen', '--out', 'file/keys']);
  t.is(code, 1);
  t.regex(stderr, /^atdd: .*file\/keys cannot be used: ENOTDIR.* \(ATDD_FILE_FAILED\)\n$/);
});
