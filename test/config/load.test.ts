import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { clusterIdentityOf } from '../../config/keys.js';
import type { LoadOptions } from '../../config/load.js';
import { loadClusterConfig, loadProcessConfig } from '../../config/load.js';
import { ConfigInvalid } from '../../config/mistake.js';
import { CLIENT_KEY, GOOD, makeFolder, SYSTEM_KEY } from './folder.js';

const CONFIG = fileURLToPath(new URL('../../../config/', import.meta.url));
const SAMPLE = join(CONFIG, 'cluster.json');

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Mistakes of a loading that has to fail, as [source relative to the folder, field, found]. */
function mistakesOf(load: () => unknown, folder: string): readonly (readonly string[])[] {
  try {
    load();
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    return error.mistakes.map(({ source, field, found, expected }) => [
      source.replace(`${folder}/`, ''),
      field,
      found,
      expected,
    ]);
  }
  throw new Error('the configuration was taken');
}

test('a process gets what the file says, paths relative to the file', (t) => {
  const folder = makeFolder(t, {
    'etc/a.json': { ...GOOD, keys: { client: '../client.key', system: '../system.key' } },
  });
  const config = loadProcessConfig({ file: 'etc/a.json', cwd: folder, env: {} });
  t.is(config.file, join(folder, 'etc/a.json'));
  t.deepEqual(config.processes, [{ host: '127.0.0.1', port: 7101 }]);
  t.is(config.rank, 1);
  t.is(config.storage, join(folder, 'etc/data/1'));
  t.is(config.storagePattern, join(folder, 'etc/data/{rank}'));
  t.is(hex(config.clientKey), CLIENT_KEY);
  t.is(hex(config.systemKey), SYSTEM_KEY.toLowerCase());
  t.is(config.cluster, clusterIdentityOf(config.systemKey));
  t.deepEqual(config.log, { level: 'info', format: 'auto' });
  t.deepEqual(config.warnings, []);
  t.is(config.chosenBy, 'option');
  t.false(existsSync(config.storage));
});

test('rank: option, then environment, then file', (t) => {
  const three = { ...GOOD, processes: ['a:1', 'b:1', 'c:1'] };
  const file = join(makeFolder(t, { 'a.json': three }), 'a.json');
  const rankOf = (options: LoadOptions): number => loadProcessConfig({ file, ...options }).rank;
  t.is(rankOf({ env: { ATDD_RANK: '2' }, rank: '3' }), 3);
  t.is(rankOf({ env: { ATDD_RANK: '2' } }), 2);
  t.is(rankOf({ env: { ATDD_RANK: '' } }), 1);
  t.is(loadProcessConfig({ file, env: {}, rank: '3' }).storage, join(dirname(file), 'data/3'));
});

test('environment: keys, extension, log level and log format come before the file', (t) => {
  const folder = makeFolder(t, {
    'a.json': {
      ...GOOD,
      cluster: 'mine',
      keys: undefined,
      extension: 'on',
      log: { level: 'error', format: 'json' },
    },
  });
  const env = {
    ATDD_CONFIG: 'a.json',
    ATDD_CLIENT_KEY: 'cc'.repeat(32),
    ATDD_SYSTEM_KEY: 'dd'.repeat(64),
    ATDD_EXTENSION: 'off',
    ATDD_LOG_LEVEL: 'debug',
    ATDD_LOG_FORMAT: 'pretty',
  };
  const config = loadProcessConfig({ cwd: folder, env });
  t.is(hex(config.clientKey), 'cc'.repeat(32));
  t.is(hex(config.systemKey), 'dd'.repeat(64));
  t.is(config.cluster, 'mine');
  t.false(config.isExtended);
  t.deepEqual(config.log, { level: 'debug', format: 'pretty' });
  t.is(config.chosenBy, 'env');
});

test('a client needs no system key and no rank', (t) => {
  const keys = { client: 'client.key', system: 'nowhere.key' };
  const folder = makeFolder(t, { 'atdd.json': { ...GOOD, rank: undefined, keys } });
  const config = loadClusterConfig({ cwd: folder, env: {} });
  t.is(hex(config.clientKey), CLIENT_KEY);
  t.is(config.chosenBy, 'search');
  t.deepEqual(
    mistakesOf(() => loadProcessConfig({ cwd: folder, env: {} }), folder),
    [
      [
        'atdd.json',
        'rank',
        'nothing',
        'a whole number from 1 to 1, as many as there are processes (or --rank, or ATDD_RANK)',
      ],
      ['atdd.json', 'keys.system', '"nowhere.key": no such file', 'a file with 128 hexadecimal digits'],
    ],
  );
});

test('mistakes of file, keys, options and environment come together, and nothing is made', (t) => {
  const folder = makeFolder(t, {
    'a.json': { ...GOOD, rank: 9, sectors: 'many', keys: { client: 'short.key' }, extra: 1 },
    'short.key': 'abcd',
  });
  const before = readdirSync(folder).sort();
  const env = { ATDD_LOG_LEVEL: 'loud', ATDD_LOG_FORMAT: 'xml', ATDD_SYSTEM_KEY: 'secret!' };
  const load = () => loadProcessConfig({ file: 'a.json', cwd: folder, env, rank: 'two' });
  const found = mistakesOf(load, folder).map(([source, field, what]) => [source, field, what]);
  t.deepEqual(found.sort(), [
    ['--rank', '', '"two"'],
    ['ATDD_LOG_FORMAT', '', '"xml"'],
    ['ATDD_LOG_LEVEL', '', '"loud"'],
    ['ATDD_SYSTEM_KEY', '', 'something else at character 1 (not shown)'],
    ['a.json', 'extra', 'a field that nobody knows'],
    ['a.json', 'keys.client', '"short.key": 4 digits (not shown)'],
    ['a.json', 'rank', '9'],
    ['a.json', 'sectors', '"many"'],
  ]);
  t.deepEqual(readdirSync(folder).sort(), before);
  const error = t.throws(load, { instanceOf: ConfigInvalid, code: 'ATDD_CONFIG_INVALID' });
  t.is(error.message.split('\n').length, 9);
  t.true(error.message.includes(`${folder}/a.json: sectors: found "many"; expected a whole number`));
});

test('rank out of range', (t) => {
  const folder = makeFolder(t, { 'a.json': GOOD });
  for (const rank of ['0', '2', '-1', '1.0', '']) {
    const options = { file: 'a.json', cwd: folder, env: { ATDD_RANK: '3' }, rank };
    const [[source, , found]] = mistakesOf(() => loadProcessConfig(options), folder);
    t.deepEqual([source, found], ['--rank', JSON.stringify(rank)]);
  }
  const [[source]] = mistakesOf(
    () => loadProcessConfig({ file: 'a.json', cwd: folder, env: { ATDD_RANK: '3' } }),
    folder,
  );
  t.is(source, 'ATDD_RANK');
});

test('files that cannot be used', (t) => {
  const folder = makeFolder(t, {
    'broken.json': '{\n  "rank": 1\n  "sectors": 2\n}',
    'big.json': ' '.repeat(1_048_577),
    'folder/x': '',
    'key.json': { ...GOOD, keys: { client: 'folder', system: 'folder/y' } },
  });
  const mistakes = (file: string) => mistakesOf(() => loadProcessConfig({ file, cwd: folder, env: {} }), folder);
  t.deepEqual(mistakes('broken.json'), [['broken.json:3:3', '', '"\\""', '"," or "}" (this is not JSON)']]);
  const readable = 'a readable file with the configuration';
  t.deepEqual(mistakes('none.json'), [['none.json', '', 'no such file', readable]]);
  t.deepEqual(mistakes('folder'), [[join(folder, 'folder').replace(`${folder}/`, ''), '', 'a folder', readable]]);
  t.deepEqual(mistakes('big.json'), [['big.json', '', '1048577 bytes, more than 1048576', readable]]);
  t.deepEqual(mistakes('key.json'), [
    ['key.json', 'keys.client', '"folder": a folder', 'a file with 64 hexadecimal digits'],
    ['key.json', 'keys.system', '"folder/y": no such file', 'a file with 128 hexadecimal digits'],
  ]);
});

test('no file at all: says where it looked', (t) => {
  const folder = makeFolder(t, {});
  const load = () => loadProcessConfig({ cwd: folder, home: folder, env: {} });
  const [[source, , found, expected]] = mistakesOf(load, folder);
  t.deepEqual([source, found], ['--config', 'nothing']);
  t.true(expected.includes(join(folder, 'config/cluster.json')));
  t.true(expected.endsWith('/etc/atdd/config.json'));
});

test('a key file that others can read is warned about', (t) => {
  const folder = makeFolder(t, { 'a.json': GOOD });
  chmodSync(join(folder, 'client.key'), 0o640);
  chmodSync(join(folder, 'system.key'), 0o604);
  const { warnings } = loadProcessConfig({ file: 'a.json', cwd: folder, env: {} });
  t.deepEqual(warnings, [
    `others can read or write the key file ${folder}/client.key (mode 0640): chmod 600 it`,
    `others can read or write the key file ${folder}/system.key (mode 0604): chmod 600 it`,
  ]);
});

test('a variable that nobody knows is warned about', (t) => {
  const folder = makeFolder(t, { 'a.json': GOOD });
  const env = { ATDD_RANKS: '1', PATH: '/bin' };
  const { warnings } = loadProcessConfig({ file: 'a.json', cwd: folder, env });
  t.deepEqual(warnings, ['the environment variable ATDD_RANKS means nothing to this program; did you mean ATDD_RANK?']);
});

test('a byte order mark does not matter', (t) => {
  const folder = makeFolder(t, { 'a.json': `\uFEFF${JSON.stringify(GOOD)}` });
  t.is(loadProcessConfig({ file: 'a.json', cwd: folder, env: {} }).sectors, 8);
});

test('sample: every configuration in config/ can be used, for each of its ranks', (t) => {
  const names = readdirSync(CONFIG).filter((name) => name.endsWith('.json'));
  t.deepEqual(names.sort(), ['atdd.schema.json', 'cluster.json']);
  for (const rank of ['1', '2', '3']) {
    const config = loadProcessConfig({ file: SAMPLE, env: {}, rank });
    t.deepEqual(
      config.processes.map(({ port }) => port),
      [7101, 7102, 7103],
    );
    t.is(config.sectors, 262_144);
    t.is(config.storage, join(CONFIG, '..', 'data', rank));
    // In a clone everybody can read these, as they should.
    t.deepEqual(config.warnings, []);
  }
});

test('the sample keys are refused as soon as one address is not loopback', (t) => {
  const keys = { client: join(CONFIG, 'client.key'), system: join(CONFIG, 'system.key') };
  const sample = { ...GOOD, keys };
  const folder = makeFolder(t, {
    'inside.json': { ...sample, processes: ['127.0.0.1:1', '[::1]:1', 'localhost:1'] },
    'outside.json': { ...sample, processes: ['127.0.0.1:1', '10.0.0.1:1'] },
    'own.json': { ...GOOD, processes: ['10.0.0.1:1'] },
  });
  const options = (file: string) => ({ file, cwd: folder, env: {} });
  t.notThrows(() => loadProcessConfig(options('inside.json')));
  t.notThrows(() => loadProcessConfig(options('own.json')));
  const found = 'the sample key, which everybody knows';
  const expected = 'a key of your own (atdd keygen), since 10.0.0.1:1 is not loopback';
  t.deepEqual(
    mistakesOf(() => loadProcessConfig(options('outside.json')), folder),
    [
      ['outside.json', 'keys.client', found, expected],
      ['outside.json', 'keys.system', found, expected],
    ],
  );
  // A client that uses the sample key there is told as well.
  t.is(mistakesOf(() => loadClusterConfig(options('outside.json')), folder).length, 1);
});

test('"~/" is the home folder, in every path', (t) => {
  const folder = makeFolder(t, {});
  const keys = { client: '~/client.key', system: '~/system.key' };
  const content = { ...GOOD, keys, storage: '~/data/{rank}', nbd: { socket: '~/nbd.sock' } };
  const file = join(makeFolder(t, { 'a.json': content }), 'a.json');
  const config = loadProcessConfig({ file, home: folder, env: {} });
  t.is(config.storage, join(folder, 'data/1'));
  t.is(config.nbd?.socket, join(folder, 'nbd.sock'));
  const mistakes = mistakesOf(() => loadProcessConfig({ file, home: null, env: {} }), folder);
  t.deepEqual(mistakes.map(([, field]) => field).sort(), ['keys.client', 'keys.system', 'nbd.socket', 'storage']);
  t.regex(mistakes[0][2], /"~\/client\.key", and this user has no home folder/);
});

test('the home folder of somebody else is refused, a name that looks like it is not', (t) => {
  const folder = makeFolder(t, {
    'a.json': { ...GOOD, storage: '~bob/data' },
    'b.json': { ...GOOD, storage: './~bob/data' },
  });
  const load = (file: string) => loadProcessConfig({ file, cwd: folder, env: {} });
  const [[, field, found, expected]] = mistakesOf(() => load('a.json'), folder);
  t.deepEqual([field, found], ['storage', '"~bob/data"']);
  t.regex(expected, /"~" at its beginning is the own home folder, followed by "\/"/);
  t.is(load('b.json').storage, join(folder, '~bob/data'));
});

test('an even number of processes is warned about', (t) => {
  const processes = ['a:1', 'b:1', 'c:1', 'd:1'];
  const folder = makeFolder(t, {
    '4.json': { ...GOOD, processes },
    '3.json': { ...GOOD, processes: processes.slice(1) },
    '2.json': { ...GOOD, processes: processes.slice(2) },
  });
  const warnings = (file: string) => loadProcessConfig({ file, cwd: folder, env: {} }).warnings;
  t.deepEqual(warnings('4.json'), ['4 processes survive the loss of 1, as 3 would: with 5 it would be one more']);
  t.regex(warnings('2.json')[0], /^2 processes survive the loss of 0, as 1 would/);
  t.deepEqual(warnings('3.json'), []);
});

test('a relative path from a folder that is gone', (t) => {
  const load = () => loadProcessConfig({ file: 'a.json', cwd: null, env: {} });
  t.deepEqual(mistakesOf(load, '/'), [
    ['--config', '', '"a.json", relative to a current folder that is gone', 'an absolute path'],
  ]);
});

test('permissions of the socket of the gateway', (t) => {
  const nbd = { socket: 's', socketMode: '0660', socketGroup: 'disk' };
  const folder = makeFolder(t, {
    'a.json': { ...GOOD, nbd },
    'b.json': { ...GOOD, nbd: { ...nbd, socketMode: 'rw', socketGroup: 'a b' } },
  });
  const options = (file: string) => ({ file, cwd: folder, env: {} });
  const { nbd: taken } = loadClusterConfig(options('a.json'));
  t.deepEqual([taken?.socketMode, taken?.socketGroup], [0o660, 'disk']);
  t.deepEqual(
    mistakesOf(() => loadClusterConfig(options('b.json')), folder).map(([, field]) => field),
    ['nbd.socketMode', 'nbd.socketGroup'],
  );
});
