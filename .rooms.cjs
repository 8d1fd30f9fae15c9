/**
 * The rooms of the program, and what each may import besides itself: other rooms, single files, packages, `Node` (any of
 * its modules) or one of its modules. .dependency-cruiser.cjs makes a rule of each line, and test/tidy.test.ts compares
 * the lines with the table in ARCHITECTURE.md.
 */
const BELOW = ['src/core/', 'src/wire/', 'src/ports/', 'src/errors.ts', 'rxjs'];
const SMALL = ['src/oncePerTurn.ts', 'src/rateLimitedLog.ts'];
const PROGRAM = ['config/', ...BELOW, 'src/nbd/', 'src/exitCodes.ts', 'src/surroundings.ts', 'src/shell/', 'Node'];

module.exports = {
  'config/': [
    ...['src/core/', 'src/wire/constants.ts', 'src/nbd/constants.ts', 'src/nbd/nbdExport.ts', 'src/errors.ts'],
    ...['src/surroundings.ts', 'valibot', 'Node'],
  ],
  'src/core/': [],
  'src/wire/': ['src/core/', 'binary-parser', 'node:crypto'],
  'src/nbd/': ['src/core/'],
  'src/ports/': ['src/core/', 'rxjs'],
  'src/store/': ['src/core/', 'src/ports/', 'src/errors.ts', ...SMALL, 'rxjs', 'node:zlib'],
  'src/coordinator/': [...BELOW, ...SMALL],
  'src/client/': [...BELOW, ...SMALL, 'src/coordinator/', 'streams/'],
  'src/workers/': [...BELOW, ...SMALL, 'streams/'],
  'src/shell/': [
    ...['src/core/', 'src/wire/', 'src/ports/', 'src/store/', 'src/errors.ts', 'src/surroundings.ts', 'rxjs'],
    ...['classic-level', 'abstract-level', 'winston', 'logform', 'Node'],
  ],
  'src/serve/': [
    ...[
      ...PROGRAM,
      'src/rateLimitedLog.ts',
      'src/store/',
      'src/client/',
      'src/workers/',
      'src/startProcess.ts',
      'src/startModes.ts',
    ],
    ...['src/startGateway.ts', 'streams/'],
  ],
  'src/launch/': [...PROGRAM, 'src/serve/'],
  'src/cli/': [
    ...[...PROGRAM, 'src/store/', 'src/client/', 'src/launch/', 'src/serve/', 'streams/', 'commander'],
    ...['cli-progress', 'valibot'],
  ],
  'streams/': [...BELOW, 'src/oncePerTurn.ts', 'src/nbd/', 'src/coordinator/'],
};
