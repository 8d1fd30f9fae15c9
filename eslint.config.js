/**
 * The rules of docs/style.md that a linter can check. Formatting is prettier's business; who may
 * import whom is .dependency-cruiser.cjs's.
 */
import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import rxjs from 'eslint-plugin-rxjs-x';
import tseslint from 'typescript-eslint';

const TIME = 'Time comes from a scheduler that is passed in.';
const RANDOMNESS = 'Randomness comes from a port that is passed in.';

/** What would keep code from running in virtual time, replayed from a seed. */
const AMBIENT = {
  'no-restricted-globals': [
    'error',
    ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance'].map((name) => ({
      name,
      message: TIME,
    })),
    { name: 'crypto', message: RANDOMNESS },
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: TIME },
    { object: 'Math', property: 'random', message: RANDOMNESS },
    { object: 'process', property: 'nextTick', message: TIME },
    { object: 'process', property: 'hrtime', message: TIME },
  ],
  'no-restricted-syntax': [
    'error',
    { selector: 'NewExpression[callee.name="Date"]', message: TIME },
    { selector: 'CallExpression[callee.name="Date"]', message: TIME },
    {
      // Left to themselves these take the time of the world.
      selector:
        'CallExpression[callee.name=/^(timer|interval|delay|debounceTime|auditTime|sampleTime|' +
        'throttleTime|bufferTime|windowTime)$/][arguments.length<2]',
      message: TIME,
    },
    {
      // queueScheduler is an order without a clock.
      selector: 'ImportSpecifier[imported.name=/^(asyncScheduler|asapScheduler)$/]',
      message: TIME,
    },
  ],
};

/**
 * Observables end in "$", and functions that return one do not: the plugin's rule can leave out
 * declared functions and methods, but not functions kept in variables, fields and parameters.
 */
const finnish = {
  ...rxjs.rules.finnish,
  create(context) {
    const { sourceCode } = context;
    const report = (descriptor) => {
      const index = sourceCode.getIndexFromLoc(descriptor.loc.start);
      const type = sourceCode.parserServices.getTypeAtLocation(sourceCode.getNodeByRangeIndex(index));
      if (type.getCallSignatures().length === 0) context.report(descriptor);
    };
    return rxjs.rules.finnish.create(Object.create(context, { report: { value: report } }));
  },
};

const RXJS_RULES = {
  'house/finnish': [
    'error',
    // A subject is a thing that is told values; what is made of it for others is a stream.
    { functions: false, methods: false, types: { '^(Replay|Behavior|Async)?Subject$': false } },
  ],
  'rxjs-x/no-async-subscribe': 'error',
  'rxjs-x/no-exposed-subjects': 'error',
  'rxjs-x/no-floating-observables': 'error',
  'rxjs-x/no-ignored-error': 'error',
  'rxjs-x/no-ignored-replay-buffer': 'error',
  'rxjs-x/no-ignored-takewhile-value': 'error',
  'rxjs-x/no-internal': 'error',
  'rxjs-x/no-nested-subscribe': 'error',
  'rxjs-x/no-redundant-notify': 'error',
  'rxjs-x/no-sharereplay': 'error',
  'rxjs-x/no-subject-unsubscribe': 'error',
  'rxjs-x/no-subscribe-in-pipe': 'error',
  'rxjs-x/no-topromise': 'error',
  'rxjs-x/no-unsafe-subject-next': 'error',
  'rxjs-x/no-unsafe-takeuntil': 'error',
  'rxjs-x/throw-error': 'error',
};

const STYLE = {
  curly: ['error', 'multi-line'],
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'max-len': ['error', { code: 120, ignoreUrls: true }],
  'max-lines-per-function': ['error', { max: 70 }],
  'no-console': 'error',
  'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true, named: true } }],
  '@typescript-eslint/consistent-type-imports': 'error',
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
};

export default defineConfig(
  { ignores: ['dist*/', 'node_modules/', 'data/', 'coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{js,mjs,cjs}'],
    extends: [eslint.configs.recommended],
    languageOptions: {
      globals: Object.fromEntries(
        ['process', 'console', 'URL', 'performance', 'module', 'setInterval', 'clearInterval']
          // Of Node; the plain JavaScript here uses no other.
          .concat(['Buffer', 'setTimeout', 'clearTimeout'])
          .map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    files: ['{src,streams,config,test}/**/*.ts'],
    extends: [eslint.configs.recommended, tseslint.configs.strictTypeChecked],
    plugins: { 'rxjs-x': rxjs, house: { rules: { finnish } } },
    languageOptions: {
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: { ...STYLE, ...RXJS_RULES },
  },
  {
    files: ['{src,streams,config}/**/*.ts'],
    ignores: ['src/main.ts', 'src/{cli,launch,serve}/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'exit',
          message: 'Only the program itself ends the process.',
        },
      ],
    },
  },
  {
    files: [
      'src/{core,wire,nbd,store,client,workers}/**/*.ts',
      'src/{start*,processLog,rateLimitedLog,oncePerTurn}.ts',
      'streams/**/*.ts',
    ],
    rules: {
      ...AMBIENT,
      'no-restricted-properties': [
        ...AMBIENT['no-restricted-properties'],
        {
          object: 'process',
          property: 'exit',
          message: 'Only the program itself ends the process.',
        },
      ],
    },
  },
  {
    // What puts the client on real sockets gives it real time and real randomness.
    files: ['src/client/client.ts', 'src/client/connect.ts'],
    rules: { 'no-restricted-globals': 'off', 'no-restricted-syntax': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      'no-console': 'off',
      'rxjs-x/no-ignored-error': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
);
