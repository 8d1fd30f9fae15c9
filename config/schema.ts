/**
 * Checks the configuration file: an unknown value in, a checked value or the list of all mistakes out. No I/O.
 * config/atdd.schema.json is generated from this file (npm run schema), so every field has its description and its
 * default here.
 */
import * as v from 'valibot';
import type { RegisterMode } from '../src/core/membership/registerMode.js';
import { REGISTER_MODES } from '../src/core/membership/registerMode.js';
import { RANK_MAX } from '../src/core/rank.js';
import { canonicalAddress, parseAddress } from './address.js';
import { SECTORS_MAX, address, choice, path, wholeNumber } from './fields.js';
import { LIMITS, TIMEOUTS } from './limitFields.js';
import { WORKERS_MAX } from './limits.js';
import type { Mistake } from './mistake.js';
import { describeFound, nearest } from './mistake.js';
import { NBD, NBD_EXPORT, exportListMistakes, exportMistakes } from './nbdFields.js';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export const LOG_FORMATS = ['auto', 'json', 'pretty'] as const;
/** Whether a process uses the extension with peers that understand it. */
export const EXTENSION_SETTINGS = ['on', 'off'] as const;
/** `members` of a configuration that does not say it. */
export const MEMBERS_DEFAULT: RegisterMode = 'strict';

export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

const PROCESSES_EXPECTED = `a list of 1 to ${RANK_MAX} addresses`;
const STORAGE_EXPECTED = 'the path of a folder, where "{rank}" is the only thing in braces';
const CLUSTER_EXPECTED = 'a name of 1 to 64 letters, digits, ".", "_" and "-"';
const KEYS_EXPECTED = 'an object with the fields client and system';
const KEY_FILE_EXPECTED = 'the path of a file that holds the key';

const FIELDS = {
  $schema: v.optional(v.pipe(v.string('text'), v.description('Address of this schema, for editors; not used.'))),
  processes: v.pipe(
    v.array(address, PROCESSES_EXPECTED),
    v.minLength(1, PROCESSES_EXPECTED),
    v.maxLength(RANK_MAX, PROCESSES_EXPECTED),
    v.description(
      'Address (host:port) of each process, for clients and peers alike. The position, counted ' +
        'from 1, is the rank. The same list in every process.',
    ),
  ),
  rank: v.optional(
    wholeNumber(
      1,
      RANK_MAX,
      'Rank of the process that is started with this file. The option --rank and the environment ' +
        'variable ATDD_RANK come first; without all three there is no process to start.',
    ),
  ),
  sectors: wholeNumber(1, SECTORS_MAX, 'Size of the disk in sectors of 4096 bytes. The same in every process.'),
  storage: v.pipe(
    path(STORAGE_EXPECTED, ''),
    v.check((value) => !/[{}]/.test(value.replaceAll('{rank}', '')), STORAGE_EXPECTED),
    v.description(
      'Folder of the process, made at its first start; "{rank}" in it stands for the rank. ' +
        'Relative to this file; "~/" at its beginning is the home folder, in other paths too.',
    ),
  ),
  storageMustBeMount: v.optional(
    v.pipe(
      v.boolean('true or false'),
      v.description(
        'true: the process does not start unless the folder is on a disk that is mounted for it, ' +
          'and not on that of the system.',
      ),
    ),
    false,
  ),
  keys: v.optional(
    v.pipe(
      v.strictObject(
        {
          client: v.optional(
            path(
              KEY_FILE_EXPECTED,
              'File with the key between clients and processes: 64 hexadecimal digits. Relative ' +
                'to this file. ATDD_CLIENT_KEY (the digits themselves) comes first.',
            ),
          ),
          system: v.optional(
            path(
              KEY_FILE_EXPECTED,
              'File with the key among processes: 128 hexadecimal digits. Relative to this file. ' +
                'ATDD_SYSTEM_KEY (the digits themselves) comes first. Clients do not need it.',
            ),
          ),
        },
        KEYS_EXPECTED,
      ),
      v.description('Files that hold the keys; atdd keygen makes them.'),
    ),
    {},
  ),
  cluster: v.optional(
    v.pipe(
      v.string(CLUSTER_EXPECTED),
      v.regex(/^[A-Za-z0-9._-]{1,64}$/, CLUSTER_EXPECTED),
      v.description(
        'Identity of the cluster; a storage folder of another one is refused. Default: derived ' +
          'from the system key, so set it before you ever change that key.',
      ),
    ),
  ),
  nbd: v.optional(
    v.pipe(
      v.strictObject(NBD, `an object with some of the fields ${Object.keys(NBD).join(', ')}`),
      v.description(
        'The NBD gateway (atdd nbd), through which Linux, QEMU and others attach the disk. See ' +
          'docs/nbd.md. With this section atdd cluster starts one too.',
      ),
    ),
  ),
  members: v.optional(
    choice(
      REGISTER_MODES,
      'How the members keep the sectors. strict: by the register of docs/strict-register.md, all members of ' +
        'this implementation; open: by that of docs/register.md, so members of other implementations may ' +
        'take part. The same in every process. An open cluster becomes strict when all its processes say so ' +
        '(docs/changes.md); there is no way back.',
    ),
    MEMBERS_DEFAULT,
  ),
  workers: v.optional(
    wholeNumber(
      0,
      WORKERS_MAX,
      'Threads that share the sectors of a process, to use more cores than one; 0: none. ' +
        'The same in every process of this implementation, and fixed with the storage folders: to change ' +
        'it, export the disk, and import it into a new cluster. More than 0 needs members open.',
    ),
    0,
  ),
  extension: v.optional(
    choice(
      EXTENSION_SETTINGS,
      'With members open only. on: with peers that understand them too, this process uses the faster messages of ' +
        'docs/peer-extension.md; off: those of docs/wire-protocol.md with all. May be changed in ' +
        'one process at a time. ATDD_EXTENSION comes first.',
    ),
    'on',
  ),
  log: v.optional(
    v.pipe(
      v.strictObject(
        {
          level: v.optional(
            choice(LOG_LEVELS, 'Least urgent level that is logged. ATDD_LOG_LEVEL comes first.'),
            'info',
          ),
          format: v.optional(
            choice(
              LOG_FORMATS,
              'json: one object a line; pretty: for people; auto: pretty on a terminal, else ' +
                'json. ATDD_LOG_FORMAT comes first.',
            ),
            'auto',
          ),
        },
        'an object with the fields level and format',
      ),
      v.description('The log of a process, on its standard output.'),
    ),
    {},
  ),
  limits: v.optional(
    v.pipe(
      v.strictObject(LIMITS, 'an object of limits'),
      v.description('Bounds of what a process takes on. See docs/limits.md.'),
    ),
    {},
  ),
  timeouts: v.optional(
    v.pipe(
      v.strictObject(TIMEOUTS, 'an object of timeouts'),
      v.description('Intervals in milliseconds. See docs/limits.md.'),
    ),
    {},
  ),
};

export const CONFIG_SCHEMA = v.pipe(
  v.strictObject(FIELDS, 'an object'),
  v.title('Configuration of an Atomic Disk Drive cluster'),
  v.description('One file serves all processes of a cluster and its clients.'),
);

/** A valid configuration file, with defaults filled in. Paths are as they were written. */
export type CheckedConfig = v.InferOutput<typeof CONFIG_SCHEMA>;

export type CheckResult =
  | { readonly kind: 'checked'; readonly config: CheckedConfig }
  | { readonly kind: 'mistaken'; readonly mistakes: readonly Mistake[] };

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Checks the value that was read from `source`. Finds all mistakes, at most one per field. */
export function checkConfig(value: unknown, source: string): CheckResult {
  if (!isObject(value)) {
    const expected = 'an object in braces';
    const mistake = { source, field: '', found: describeFound(value), expected };
    return { kind: 'mistaken', mistakes: [mistake] };
  }
  const result = v.safeParse(CONFIG_SCHEMA, value, { abortPipeEarly: true });
  const mistakes = [
    ...(result.issues ?? []).flatMap((issue) => mistakeOf(issue, source)),
    ...unknownFields(value, FIELDS, '', source),
    ...relationMistakes(value, source),
  ];
  if (mistakes.length > 0) return { kind: 'mistaken', mistakes };
  return { kind: 'checked', config: v.parse(CONFIG_SCHEMA, value) };
}

/** Reads one field on its own, so that it can be used even if others are wrong. null: it is not valid. */
export function soundField<Name extends keyof typeof FIELDS>(
  value: unknown,
  name: Name,
): v.InferOutput<(typeof FIELDS)[Name]> | null {
  if (!isObject(value)) return null;
  const result = v.safeParse(FIELDS[name], value[name]);
  return result.success ? result.output : null;
}

function mistakeOf(issue: v.InferIssue<typeof CONFIG_SCHEMA>, source: string): Mistake[] {
  // The library names only the first unknown field of an object, but `unknownFields` names all of them.
  if (issue.expected === 'never') return [];
  const field = fieldPath(issue.path?.map((item) => item.key) ?? []);
  const found = describeFound(issue.input);
  const missing = issue.type === 'strict_object' && issue.input === undefined;
  const expected = missing ? expectedOfMissing(field) : issue.message;
  return [{ source, field, found, expected }];
}

/** Describes the expected value of a missing field: the library says only its name. */
function expectedOfMissing(field: string): string {
  if (!isFieldName(field)) return 'a value';
  return v.safeParse(FIELDS[field], undefined).issues?.[0].message ?? 'a value';
}

function isFieldName(name: string): name is keyof typeof FIELDS {
  return Object.hasOwn(FIELDS, name);
}

function fieldPath(keys: readonly unknown[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === 'number') return `${path}[${key}]`;
    return path === '' ? String(key) : `${path}.${String(key)}`;
  }, '');
}

function unknownFields(
  value: JsonObject,
  fields: Readonly<Record<string, unknown>>,
  path: string,
  source: string,
): Mistake[] {
  return Object.keys(value).flatMap((name) => {
    const field = path === '' ? name : `${path}.${name}`;
    const known = Object.hasOwn(fields, name);
    if (!known) return [unknownField(field, name, Object.keys(fields), source)];
    const member = value[name];
    const inner = innerFields(field, path, member);
    if (inner === undefined || typeof member !== 'object' || member === null) return [];
    if (isObject(member)) return unknownFields(member, inner, field, source);
    // The library takes a list for an object.
    return [{ source, field, found: describeFound(member), expected: 'an object in braces' }];
  });
}

/**
 * The fields that the value at `field` may have; undefined: it is no object of fields.
 * @param path The path of the object that contains it.
 */
function innerFields(field: string, path: string, member: unknown): Readonly<Record<string, unknown>> | undefined {
  // The names of exports are free.
  if (field === EXPORTS_FIELD) return isObject(member) ? member : {};
  return path === EXPORTS_FIELD ? NBD_EXPORT : INNER_FIELDS[field];
}

const EXPORTS_FIELD = 'nbd.exports';

const INNER_FIELDS: Readonly<Partial<Record<string, Readonly<Record<string, unknown>>>>> = {
  keys: { client: true, system: true },
  log: { level: true, format: true },
  limits: LIMITS,
  timeouts: TIMEOUTS,
  nbd: NBD,
};

function unknownField(field: string, name: string, known: readonly string[], source: string): Mistake {
  const near = nearest(name, known);
  const list = known.filter((other) => !other.startsWith('$')).join(', ');
  const expected = near === null ? `one of ${list}` : `a known field: did you mean ${near}?`;
  return { source, field, found: 'a field that nobody knows', expected };
}

/** Mistakes in the relations between fields. A relation is checked if its fields are valid. */
function relationMistakes(value: JsonObject, source: string): Mistake[] {
  return [
    ...duplicateAddresses(soundField(value, 'processes') ?? [], source),
    ...rankBeyond(value, source),
    ...pairMistakes(value, source),
    ...workersMistake(value, source),
    ...exportListMistakes(value['nbd'], source),
    ...exportMistakes(soundField(value, 'nbd')?.exports ?? {}, soundField(value, 'sectors') ?? SECTORS_MAX, source),
  ];
}

function duplicateAddresses(processes: readonly string[], source: string): Mistake[] {
  const firstIndexes = new Map<string, number>();
  return processes.flatMap((written, index) => {
    const parsed = parseAddress(written);
    if (parsed === null) return [];
    const canonical = canonicalAddress(parsed);
    const first = firstIndexes.get(canonical);
    if (first === undefined) {
      firstIndexes.set(canonical, index);
      return [];
    }
    const expected = `an address of its own: processes[${first}] is the same`;
    return [{ source, field: `processes[${index}]`, found: describeFound(written), expected }];
  });
}

function rankBeyond(value: JsonObject, source: string): Mistake[] {
  const rank = soundField(value, 'rank') ?? null;
  const processes = soundField(value, 'processes');
  if (rank === null || processes === null || rank <= processes.length) return [];
  return [{ source, field: 'rank', found: String(rank), expected: expectedRank(processes.length) }];
}

/** Describes the ranks of a cluster of so many processes, for messages. */
export function expectedRank(processCount: number): string {
  return `a whole number from 1 to ${processCount}, as many as there are processes`;
}

function workersMistake(value: JsonObject, source: string): Mistake[] {
  const workers = soundField(value, 'workers') ?? 0;
  if (workers === 0 || soundField(value, 'members') !== 'strict') return [];
  const expected =
    '0, or "members": "open" beside it: a process with members strict, which is the default, has no workers';
  return [{ source, field: 'workers', found: String(workers), expected }];
}

/** Pairs of fields of one section. The first must not be greater than the second. */
const PAIRS = [
  ['limits', 'operationsPerConnection', 'operations'],
  ['timeouts', 'retransmitMs', 'retransmitMsMax'],
  ['timeouts', 'reconnectMs', 'reconnectMsMax'],
] as const;

function pairMistakes(value: JsonObject, source: string): Mistake[] {
  return PAIRS.flatMap(([section, smaller, greater]) => {
    const numbers: Readonly<Partial<Record<string, number>>> | null = soundField(value, section);
    const low = numbers?.[smaller];
    const high = numbers?.[greater];
    if (low === undefined || high === undefined || low <= high) return [];
    const expected = `at most ${high}, which is ${section}.${greater}`;
    return [{ source, field: `${section}.${smaller}`, found: String(low), expected }];
  });
}
