import { readFileSync } from 'node:fs';
import test from 'ava';
import { LIMITS_DEFAULT, TIMEOUTS_DEFAULT } from '../../config/limits.js';
import type { Mistake } from '../../config/mistake.js';
import { nbdConfigOf } from '../../config/nbdConfig.js';
import { checkConfig } from '../../config/schema.js';
import { configJsonSchema } from './jsonSchema.js';

const GOOD = {
  processes: ['127.0.0.1:7101', '[::1]:7102', 'disk-3.example.org:65535'],
  sectors: 262_144,
  storage: 'data/1',
};

test('defaults are filled in', (t) => {
  const result = checkConfig(GOOD, 'f');
  t.deepEqual(result, {
    kind: 'checked',
    config: {
      ...GOOD,
      storageMustBeMount: false,
      keys: {},
      members: 'strict',
      extension: 'on',
      workers: 0,
      log: { level: 'info', format: 'auto' },
      limits: { ...LIMITS_DEFAULT },
      timeouts: { ...TIMEOUTS_DEFAULT },
    },
  });
});

const ADDRESS = 'text such as "10.0.0.1:7101", "[::1]:7101" or "name:7101", port 1 to 65535';
const SECTORS = 'a whole number from 1 to 281474976710656';
const NO_WORKERS =
  '0, or "members": "open" beside it: a process with members strict, which is the default, has no workers';
const RANK = 'a whole number from 1 to 254';

/** What is put into the good configuration, and the mistakes: [field, found, expected]. */
const CASES: readonly (readonly [
  string,
  Readonly<Record<string, unknown>>,
  readonly (readonly [string, string, string | RegExp])[],
])[] = [
  ['processes missing', { processes: undefined }, [['processes', 'nothing', /list of 1 to 254/]]],
  ['processes not a list', { processes: 'a:1' }, [['processes', '"a:1"', /list of 1 to 254/]]],
  ['no process', { processes: [] }, [['processes', '[]', /list of 1 to 254/]]],
  [
    'too many processes',
    { processes: Array.from({ length: 255 }, (_, index) => `a:${index + 1}`) },
    [['processes', /^\["a:1".*…$/.source, /list of 1 to 254/]],
  ],
  ['neither strict nor open', { members: 'loose' }, [['members', '"loose"', 'one of open, strict']]],
  ['workers in the strict mode', { members: 'strict', workers: 2 }, [['workers', '2', NO_WORKERS]]],
  ['workers in the mode that is the default', { workers: 2 }, [['workers', '2', NO_WORKERS]]],
  ['no port', { processes: ['host'] }, [['processes[0]', '"host"', ADDRESS]]],
  ['port 0', { processes: ['a:1', 'host:0'] }, [['processes[1]', '"host:0"', ADDRESS]]],
  ['port 65536', { processes: ['host:65536'] }, [['processes[0]', '"host:65536"', ADDRESS]]],
  ['bare IPv6', { processes: ['::1:7101'] }, [['processes[0]', '"::1:7101"', ADDRESS]]],
  ['wrong IPv6', { processes: ['[::g]:1'] }, [['processes[0]', '"[::g]:1"', ADDRESS]]],
  ['wrong IPv4', { processes: ['300.0.0.1:1'] }, [['processes[0]', '"300.0.0.1:1"', ADDRESS]]],
  ['wrong name', { processes: ['-a-:1'] }, [['processes[0]', '"-a-:1"', ADDRESS]]],
  ['a number as address', { processes: [7101] }, [['processes[0]', '7101', ADDRESS]]],
  [
    'the same address twice',
    { processes: ['HOST:1', 'b:1', 'host:1'] },
    [['processes[2]', '"host:1"', 'an address of its own: processes[0] is the same']],
  ],
  [
    'the same IPv6 address in two spellings',
    { processes: ['[::1]:1', '[0:0::0:1]:1'] },
    [['processes[1]', '"[0:0::0:1]:1"', 'an address of its own: processes[0] is the same']],
  ],
  ['rank 0', { rank: 0 }, [['rank', '0', RANK]]],
  ['rank 255', { rank: 255 }, [['rank', '255', RANK]]],
  ['rank as text', { rank: '1' }, [['rank', '"1"', RANK]]],
  [
    'rank beyond the processes',
    { rank: 4 },
    [['rank', '4', 'a whole number from 1 to 3, as many as there are processes']],
  ],
  ['sectors missing', { sectors: undefined }, [['sectors', 'nothing', SECTORS]]],
  ['sectors 0', { sectors: 0 }, [['sectors', '0', SECTORS]]],
  ['half a sector', { sectors: 1.5 }, [['sectors', '1.5', SECTORS]]],
  ['sectors over 2^48', { sectors: 2 ** 48 + 1 }, [['sectors', '281474976710657', SECTORS]]],
  ['storage missing', { storage: undefined }, [['storage', 'nothing', /path of a folder/]]],
  ['storage empty', { storage: '' }, [['storage', '""', /path of a folder/]]],
  ['storage with a misspelt rank', { storage: 'd/{Rank}' }, [['storage', '"d/{Rank}"', /"{rank}"/]]],
  ['keys null', { keys: null }, [['keys', 'null', /client and system/]]],
  ['keys a list', { keys: [] }, [['keys', '[]', 'an object in braces']]],
  ['a key file that is a number', { keys: { client: 1 } }, [['keys.client', '1', /path of a file/]]],
  ['cluster with a space', { cluster: 'a b' }, [['cluster', '"a b"', /1 to 64 letters/]]],
  ['extension', { extension: true }, [['extension', 'true', /on, off/]]],
  ['log level', { log: { level: 'loud' } }, [['log.level', '"loud"', /error, warn, info, debug/]]],
  ['log format', { log: { format: 'xml' } }, [['log.format', '"xml"', 'one of auto, json, pretty']]],
  ['limits a number', { limits: 3 }, [['limits', '3', 'an object of limits']]],
  ['a limit of 0', { limits: { connections: 0 } }, [['limits.connections', '0', 'a whole number from 1 to 65536']]],
  [
    'more operations of a connection than of all',
    { limits: { operations: 10 } },
    [['limits.operationsPerConnection', '256', 'at most 10, which is limits.operations']],
  ],
  [
    'a timeout below 0',
    { timeouts: { shutdownMs: -1 } },
    [['timeouts.shutdownMs', '-1', 'a whole number from 0 to 600000']],
  ],
  [
    'a first delay over the last',
    { timeouts: { retransmitMs: 5_000, reconnectMs: 3_000 } },
    [
      ['timeouts.retransmitMs', '5000', 'at most 4000, which is timeouts.retransmitMsMax'],
      ['timeouts.reconnectMs', '3000', 'at most 500, which is timeouts.reconnectMsMax'],
    ],
  ],
  [
    'unknown fields, every one',
    { sector: 3, timeouts: { dailMs: 1 }, xyzzy: 1 },
    [
      ['sector', 'a field that nobody knows', 'a known field: did you mean sectors?'],
      ['timeouts.dailMs', 'a field that nobody knows', 'a known field: did you mean dialMs?'],
      ['xyzzy', 'a field that nobody knows', /^one of processes, rank, /],
    ],
  ],
  [
    'everything at once, at most one mistake per field',
    {
      processes: ['a', 'b:1', 'b:1'],
      rank: 0.5,
      sectors: -0.5,
      storage: 1,
      log: { level: 1 },
      z: 1,
    },
    [
      ['processes[0]', '"a"', ADDRESS],
      ['rank', '0.5', RANK],
      ['sectors', '-0.5', SECTORS],
      ['storage', '1', /path of a folder/],
      ['log.level', '1', /error, warn/],
      ['z', 'a field that nobody knows', /^one of /],
    ],
  ],
];

for (const [title, change, expected] of CASES) {
  test(`mistake: ${title}`, (t) => {
    const value = JSON.parse(JSON.stringify({ ...GOOD, ...change })) as unknown;
    const result = checkConfig(value, 'the file');
    if (result.kind === 'checked') return t.fail('the mistake was not found');
    t.deepEqual(
      result.mistakes.map(({ source, field }) => [source, field]),
      expected.map(([field]) => ['the file', field]),
    );
    for (const [index, [, found, wanted]] of expected.entries()) {
      const mistake = result.mistakes[index];
      if (found.startsWith('^')) t.regex(mistake.found, new RegExp(found));
      else t.is(mistake.found, found);
      if (typeof wanted === 'string') t.is(mistake.expected, wanted);
      else t.regex(mistake.expected, wanted);
    }
  });
}

for (const value of [null, [], 'text', 3]) {
  test(`mistake: the whole file is ${JSON.stringify(value)}`, (t) => {
    const result = checkConfig(value, 'f');
    if (result.kind === 'checked') return t.fail('the mistake was not found');
    t.deepEqual(result.mistakes, [
      { source: 'f', field: '', found: JSON.stringify(value), expected: 'an object in braces' },
    ]);
  });
}

test('a key that stands in the wrong place is not shown', (t) => {
  const key = '0123456789abcdef'.repeat(4);
  const result = checkConfig({ ...GOOD, rank: key, processes: [key] }, 'f');
  t.is(result.kind, 'mistaken');
  t.notRegex(JSON.stringify(result), /0123456789abcdef/);
});

const plain = { processes: ['127.0.0.1:7101'], sectors: 100, storage: 'data' };

function exportMistakes(exports: unknown): string[] {
  const result = checkConfig({ ...plain, nbd: { exports } }, 'file');
  return result.kind === 'checked' ? [] : result.mistakes.map(describeMistake);
}

function describeMistake({ field, found, expected }: Mistake): string {
  return `${field}: ${found}; ${expected}`;
}

test('exports lie within the disk, and share sectors only if nobody writes to them', (t) => {
  t.deepEqual(exportMistakes({ a: { sectors: 50 }, b: { firstSector: 50, sectors: 50 } }), []);
  t.deepEqual(exportMistakes({ a: { firstSector: 51, sectors: 50 } }), [
    'nbd.exports.a: sectors 51 to 100; sectors from 0 to 99',
  ]);
  t.deepEqual(exportMistakes({ a: { sectors: 51 }, b: { firstSector: 50, sectors: 50 } }), [
    'nbd.exports.b: sectors 50 to 99; sectors of its own, or readOnly in both: ' + 'nbd.exports.a shares some',
  ]);
  const readOnly = true;
  t.deepEqual(exportMistakes({ a: { sectors: 9, readOnly }, b: { sectors: 9, readOnly } }), []);
  t.is(exportMistakes({ a: { sectors: 9, readOnly }, b: { sectors: 9 } }).length, 1);
});

test('what is not a field of an export is named, and what is missing', (t) => {
  t.deepEqual(exportMistakes({ a: { sectors: 1, sektors: 2 } }), [
    'nbd.exports.a.sektors: a field that nobody knows; a known field: did you mean sectors?',
  ]);
  t.regex(exportMistakes([])[0], /^nbd\.exports: /);
  t.regex(exportMistakes({ ['x'.repeat(257)]: { sectors: 1 } })[0], /at most 256 characters/);
});

test('an export without a size reaches to the end of the disk', (t) => {
  t.deepEqual(exportMistakes({ a: { sectors: 60 }, b: { firstSector: 60 } }), []);
  t.deepEqual(exportMistakes({ a: { sectors: 61 }, b: { firstSector: 60 } }), [
    'nbd.exports.b: sectors 60 to 99; sectors of its own, or readOnly in both: ' + 'nbd.exports.a shares some',
  ]);
  for (const firstSector of [100, 101]) {
    t.deepEqual(exportMistakes({ a: { firstSector } }), [
      `nbd.exports.a: firstSector ${firstSector}; sectors from 0 to 99`,
    ]);
  }
  const result = checkConfig({ ...plain, nbd: { exports: { a: { firstSector: 60 } } } }, 'file');
  if (result.kind !== 'checked') throw new Error('a mistake');
  t.deepEqual(nbdConfigOf(result.config, '/')?.exports, [
    { name: 'a', firstSector: 60, sectors: 40, isReadOnly: false },
  ]);
});

/** The names of exports that are served if so many are configured; null: it was refused. */
function served(exports: unknown): string[] | null {
  // As a file is read: a literal with `__proto__` would set the prototype.
  const value: unknown = JSON.parse(JSON.stringify({ ...plain, nbd: {} }));
  Object.assign((value as { nbd: object }).nbd, { exports });
  const result = checkConfig(value, 'file');
  if (result.kind !== 'checked') return null;
  return nbdConfigOf(result.config, '/')?.exports.map(({ name }) => name) ?? null;
}

test('whatever an export is called, it is served as that, or refused by its name', (t) => {
  const names = new Set([
    ...Object.getOwnPropertyNames(Object.prototype),
    ...Object.getOwnPropertyNames(Function.prototype),
    ...['prototype', '', ' ', '0', '-1', 'a.b', 'ü', '\u0000', 'then'],
  ]);
  const refused: string[] = [];
  for (const name of names) {
    const one = JSON.parse(`{${JSON.stringify(name)}:{"sectors":9,"readOnly":true}}`) as object;
    const both = JSON.parse(
      `{"b":{"sectors":9,"readOnly":true},${JSON.stringify(name)}:{"sectors":9,"readOnly":true}}`,
    ) as object;
    const [alone, beside] = [served(one), served(both)];
    if (alone === null) {
      refused.push(name);
      t.is(beside, null, name);
      t.deepEqual(exportMistakes(one), [
        `nbd.exports.${name}: "${name}"; ` + 'another name: JavaScript gives this one a meaning of its own',
      ]);
    } else {
      t.deepEqual(alone, [name]);
      t.deepEqual(beside?.toSorted(), ['b', name].toSorted());
    }
  }
  t.deepEqual(refused.toSorted(), ['__proto__', 'constructor', 'prototype']);
});

test('no export is not the whole disk', (t) => {
  t.deepEqual(exportMistakes({}), [
    'nbd.exports: {}; at least one export; without this field the whole disk is served',
  ]);
  t.deepEqual(served(undefined), ['']);
});

interface JsonField {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonField>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonField;
}

test('config/atdd.schema.json is what config/schema.ts says (else: npm run schema)', (t) => {
  const file = new URL('../../../config/atdd.schema.json', import.meta.url);
  t.deepEqual(JSON.parse(readFileSync(file, 'utf8')), configJsonSchema());
});

test('every field has a description, and a default unless it has none to have', (t) => {
  const withoutDefault = [
    ...['$schema', 'rank', 'cluster', 'keys.client', 'keys.system'],
    ...['nbd', 'nbd.socket', 'nbd.socketMode', 'nbd.socketGroup', 'nbd.exports'],
    ...['nbd.exports.*.sectors', 'nbd.waitMs'],
  ];
  const check = (field: JsonField, path: string): void => {
    // What exports are called is not fixed, but what each of them has is.
    if (path === 'nbd.exports') {
      check(field.additionalProperties as JsonField, `${path}.*`);
      return;
    }
    t.false(field.additionalProperties ?? false, path);
    for (const [name, member] of Object.entries(field.properties ?? {})) {
      const memberPath = path === '' ? name : `${path}.${name}`;
      t.regex(member.description ?? '', /\.$/, memberPath);
      const required = field.required?.includes(name) ?? false;
      const hasDefault = member.default !== undefined;
      t.is(hasDefault, !required && !withoutDefault.includes(memberPath), memberPath);
      check(member, memberPath);
    }
  };
  const schema = configJsonSchema() as JsonField;
  check(schema, '');
  t.deepEqual(schema.required, ['processes', 'sectors', 'storage']);
});
