/**
 * Who may import whom, as allow-lists: "from X to anything that is not in this list" is an error.
 * The reasons stand in ARCHITECTURE.md. `npm run depcheck` checks it; test files may import anything
 * but what a test of theirs promises to do without.
 */

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

const CORE = '^src/core/';
const NBD = '^src/nbd/';
const ERRORS = '^src/errors\\.ts$';
const SURROUNDINGS = '^src/surroundings\\.ts$';
const PORTS = '^src/ports/';
const RATE_LIMITED_LOG = '^src/rateLimitedLog\\.ts$';
const RXJS = packages('rxjs');
const WIRE = '^src/wire/';
/** What a thread begins with: nobody imports it. */
const WORKER = '^src/serve/workerThread\\.ts$';

module.exports = {
  forbidden: [
    // Folders, from the inside out.
    allow('core-is-pure', 'No I/O, no clock, no library.', CORE, [CORE]),
    allow('wire-knows-core-only', 'Bytes and values; sockets are elsewhere.', WIRE, [
      WIRE,
      CORE,
      builtins('crypto'),
      packages('binary-parser'),
    ]),
    allow('nbd-knows-core-only', 'A protocol as tables and machines; sockets are elsewhere.', NBD, [NBD, CORE]),
    allow('ports-are-types', 'Interfaces: whoever implements them decides what they cost.', PORTS, [PORTS, CORE, RXJS]),
    {
      name: 'ports-take-rxjs-as-types',
      comment: 'A port has no code of its own that could run.',
      severity: 'error',
      from: { path: PORTS },
      to: { path: RXJS, dependencyTypesNot: ['type-only'] },
    },
    allow('store-is-simulated', 'The logic of the store runs on a simulated disk too.', '^src/store/', [
      '^src/store/',
      RATE_LIMITED_LOG,
      CORE,
      PORTS,
      ERRORS,
      RXJS,
      builtins('zlib'),
    ]),
    allow('workers-are-simulated', 'What joins workers and connections runs in virtual time too.', '^src/workers/', [
      '^src/workers/',
      RATE_LIMITED_LOG,
      CORE,
      WIRE,
      PORTS,
      ERRORS,
      RXJS,
      '^streams/',
    ]),
    allow('streams-do-no-io', 'Whatever they need comes as an argument.', '^streams/', [
      '^streams/',
      CORE,
      WIRE,
      NBD,
      PORTS,
      ERRORS,
      RXJS,
    ]),
    {
      name: 'operators-not-to-pipelines',
      comment: 'Pipelines are made of operators, not the other way round.',
      severity: 'error',
      from: { path: '^streams/', pathNot: '^streams/pipelines/' },
      to: { path: '^streams/pipelines/' },
    },
    allow(
      'client-is-simulated',
      'The logic of the client runs in virtual time too.',
      {
        path: '^src/client/',
        pathNot: '^src/client/(?:client|connect)\\.ts$',
      },
      ['^src/client/', RATE_LIMITED_LOG, CORE, WIRE, PORTS, ERRORS, RXJS, '^streams/'],
    ),
    allow(
      'client-facade',
      'What other programs import: it puts the client on real sockets.',
      '^src/client/(?:client|connect)\\.ts$',
      ['^src/client/', RATE_LIMITED_LOG, CORE, WIRE, PORTS, ERRORS, RXJS, '^streams/', '^src/shell/'],
    ),
    allow('shell-adapts', 'Adapters of ports to Node and to libraries.', '^src/shell/', [
      '^src/shell/',
      CORE,
      PORTS,
      WIRE,
      ERRORS,
      SURROUNDINGS,
      '^src/store/',
      RXJS,
      packages('classic-level', 'abstract-level', 'winston', 'logform'),
      '^node:',
      builtins('[a-z_/]+'),
    ]),
    allow('config-stands-alone', 'Read before anything else is there.', '^config/', [
      '^config/',
      CORE,
      '^src/nbd/(?:constants|nbdExport)\\.ts$',
      '^src/wire/constants\\.ts$',
      ERRORS,
      SURROUNDINGS,
      packages('valibot'),
      builtins('[a-z_/]+'),
    ]),
    allow('rate-limited-log', 'Pure, over a log and a clock.', RATE_LIMITED_LOG, [PORTS]),
    allow('composition', 'Put together from ports.', '^src/(?:start(?:Process|Gateway)|processLog)\\.ts$', [
      '^src/processLog\\.ts$',
      RATE_LIMITED_LOG,
      '^streams/',
      '^src/(?:core|ports|wire|nbd)/',
      ERRORS,
      RXJS,
      '^config/limits\\.ts$',
    ]),

    {
      name: 'serve-knows-no-command',
      comment: 'What runs in the foreground is started by commands, and knows none of them.',
      severity: 'error',
      from: { path: '^src/(?:serve|launch)/' },
      to: { path: '^src/cli/' },
    },

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
      to: { path: RXJS },
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
