/**
 * Who may import whom, as allow-lists: "from X to anything that is not in this list" is an error. The lists are in
 * .rooms.cjs, the reasons in ARCHITECTURE.md. `npm run depcheck` checks it. Test files may import anything but what a
 * test of theirs promises to do without.
 */

const rooms = require('./.rooms.cjs');

/** Files of an installed package. */
const packages = (...names) => `^node_modules/(?:${names.join('|')})/`;

/** Modules of Node itself, by name without "node:". */
const builtins = (...names) => `^(?:node:)?(?:${names.join('|')})$`;

const allow = (name, comment, from, to, toNot = {}) => ({
  name,
  comment,
  severity: 'error',
  from: typeof from === 'string' ? { path: from } : from,
  to: { pathNot: to, ...toNot },
});

/** Only the files `from` may import what matches `path`. */
const only = (name, comment, from, path) => ({
  name,
  comment,
  severity: 'error',
  from: { path: '^(?:src|streams|config)/', pathNot: from },
  to: { path },
});

/** What matches a name of .rooms.cjs. */
function pattern(name) {
  if (name === 'Node') return `^node:|${builtins('[a-z_/]+')}`;
  if (name.startsWith('node:')) return builtins(name.slice('node:'.length));
  if (name.endsWith('/')) return `^${name}`;
  return name.endsWith('.ts') ? `^${name.replaceAll('.', '\\.')}$` : packages(name);
}

const CLIENT_FACADE = '^src/client/(?:client|connect)\\.ts$';

function fence(room, others) {
  const from = { path: pattern(room), ...(room === 'src/client/' && { pathNot: CLIENT_FACADE }) };
  const comment = others.length === 0 ? 'Nothing else: it is pure.' : `Itself, and ${others.join(', ')}.`;
  return allow(`fence of ${room}`, comment, from, [room, ...others].map(pattern));
}

/** What a thread begins with: nobody imports it. */
const WORKER = '^src/serve/workerThread\\.ts$';

module.exports = {
  forbidden: [
    // Rooms: the files that put the client on real sockets may import more than the rest of it.
    ...Object.entries(rooms).map(([room, others]) => fence(room, others)),
    allow(
      'client-facade',
      'What other programs import: it puts the client on real sockets.',
      CLIENT_FACADE,
      [...rooms['src/client/'], 'src/client/', 'src/shell/'].map(pattern),
    ),
    {
      name: 'ports-take-rxjs-as-types',
      comment: 'A port has no code of its own that could run.',
      severity: 'error',
      from: { path: '^src/ports/' },
      to: { path: packages('rxjs'), dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'operators-not-to-pipelines',
      comment: 'Pipelines are made of operators, not the other way round.',
      severity: 'error',
      from: { path: '^streams/', pathNot: '^streams/pipelines/' },
      to: { path: '^streams/pipelines/' },
    },
    allow('small-shared', 'Pure, over a log and a clock.', '^src/(?:rateLimitedLog|oncePerTurn)\\.ts$', [
      '^src/ports/',
      packages('rxjs'),
    ]),
    allow(
      'composition',
      'Put together from ports.',
      '^src/(?:start(?:Process|Gateway)|processLog)\\.ts$',
      ['src/processLog.ts', 'src/rateLimitedLog.ts', 'streams/', ...rooms['streams/'], 'config/limits.ts'].map(pattern),
    ),

    // Single files.
    only('binary-parser-in-one-place', 'Decoding is one table.', '^src/wire/fields\\.ts$', [packages('binary-parser')]),
    only(
      'crypto-in-few-places',
      'Tags and keys; randomness comes through a port.',
      '^(?:src/wire/tag\\.ts$|src/shell/|config/keys\\.ts$|src/cli/writeKeys\\.ts$)',
      [builtins('crypto')],
    ),
    {
      name: 'zlib-in-one-place',
      comment: 'Only the checksum of a sector needs it.',
      severity: 'error',
      from: { path: '^src/store/', pathNot: '^src/store/checksum\\.ts$' },
      to: { path: builtins('zlib') },
    },
    only('level-in-one-place', 'One adapter knows LevelDB.', '^src/shell/level(?:Metadata|Notes|Totals)\\.ts$', [
      packages('classic-level', 'abstract-level'),
    ]),
    only('winston-in-one-place', 'One adapter knows the log.', '^src/shell/winstonLog\\.ts$', [
      packages('winston', 'logform'),
    ]),
    only(
      'valibot-in-few-places',
      'One schema for each text that comes from outside.',
      '^(?:config/(?:schema|\\w*[fF]ields)|src/cli/health/reportFields)\\.ts$',
      [packages('valibot')],
    ),
    only('command-line-libraries', 'Only commands know them.', '^src/cli/', [packages('commander', 'cli-progress')]),
    only(
      'load-by-main-only',
      'Everyone else gets values as arguments.',
      '^(?:src/(?:cli|launch|serve)/|config/)',
      '^config/(?:load|schema|searchPath|json)\\.ts$',
    ),
    only(
      'shell-by-main-only',
      'Whoever imports an adapter cannot be simulated.',
      '^src/(?:(?:cli|launch|serve|shell)/|client/(?:client|connect)\\.ts$)',
      '^src/shell/',
    ),

    // Everywhere.
    {
      name: 'not-to-test',
      comment: 'What ships does not import tests.',
      severity: 'error',
      from: { path: '^(?:src|streams|config)/' },
      to: { path: '^test/' },
    },
    {
      name: 'core-tests-without-streams',
      comment: 'What is pure is tested with values alone.',
      severity: 'error',
      from: { path: '^test/core/' },
      to: { path: packages('rxjs') },
    },
    {
      name: 'no-development-packages',
      comment: 'What ships runs without them.',
      severity: 'error',
      from: { path: '^(?:src|streams|config)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], pathNot: '@types/' },
    },
    {
      name: 'no-unresolvable',
      comment: 'A file that is not there.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-circular',
      comment: 'Files that import each other cannot be read one after the other.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'Nobody imports this file, and it imports nobody.',
      severity: 'error',
      from: { orphan: true, pathNot: ['\\.d\\.ts$', '\\.test\\.ts$', '^src/main\\.ts$', WORKER] },
      to: {},
    },
    {
      name: 'nobody-imports-it',
      comment: 'Code that no program and no test reaches.',
      severity: 'error',
      from: { path: ['^(?:src/main\\.ts$|src/client/client\\.ts$|test/.*\\.test\\.ts$)', WORKER] },
      to: {
        path: '^(?:src|streams|config)/',
        pathNot: ['\\.d\\.ts$', '^src/main\\.ts$', WORKER],
        reachable: false,
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
