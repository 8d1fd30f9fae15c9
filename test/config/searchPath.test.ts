import test from 'ava';
import type { SearchOptions } from '../../config/searchPath.js';
import { findConfigFile } from '../../config/searchPath.js';

const PATH = [
  '/here/atdd.json',
  '/here/config/cluster.json',
  '/home/me/.config/atdd/config.json',
  '/etc/atdd/config.json',
];

function find(present: readonly string[], change: Partial<SearchOptions> = {}) {
  const isFile = (path: string): boolean => present.includes(path);
  return findConfigFile({ file: null, env: {}, cwd: '/here', home: '/home/me', isFile, ...change });
}

test('the first of the search path that is there', (t) => {
  for (const [index, file] of PATH.entries()) {
    t.deepEqual(find(PATH.slice(index)), { kind: 'found', file, by: 'search' });
  }
});

test('none: says where it looked', (t) => {
  t.deepEqual(find([]), { kind: 'none', searched: PATH });
});

test('the option comes first, then the environment, relative to the folder one is in', (t) => {
  const env = { ATDD_CONFIG: 'e.json' };
  const byOption = { kind: 'found', file: '/here/o.json', by: 'option' } as const;
  t.deepEqual(find(PATH, { env, file: 'o.json' }), byOption);
  t.deepEqual(find(PATH, { env }), { kind: 'found', file: '/here/e.json', by: 'env' });
  t.deepEqual(find(PATH, { env: { ATDD_CONFIG: '' } }), {
    kind: 'found',
    file: PATH[0],
    by: 'search',
  });
});

test('XDG_CONFIG_HOME counts if it is absolute', (t) => {
  const file = '/xdg/atdd/config.json';
  const found = { kind: 'found', file, by: 'search' } as const;
  t.deepEqual(find([file], { env: { XDG_CONFIG_HOME: '/xdg' } }), found);
  t.deepEqual(find([file], { env: { XDG_CONFIG_HOME: 'xdg' } }), { kind: 'none', searched: PATH });
});

test('without a home folder, or a current one, what is left is searched', (t) => {
  t.deepEqual(find([], { home: null }), { kind: 'none', searched: [PATH[0], PATH[1], PATH[3]] });
  t.deepEqual(find([], { cwd: null }), { kind: 'none', searched: [PATH[2], PATH[3]] });
});

test('a relative path needs a current folder, an absolute one does not', (t) => {
  const gone = { cwd: null, home: null };
  const adrift = { kind: 'adrift', file: 'o.json' } as const;
  t.deepEqual(find(PATH, { ...gone, file: 'o.json' }), { ...adrift, by: 'option' });
  t.deepEqual(find(PATH, { ...gone, env: { ATDD_CONFIG: 'o.json' } }), { ...adrift, by: 'env' });
  t.deepEqual(find(PATH, { ...gone, file: '/o.json' }), {
    kind: 'found',
    file: '/o.json',
    by: 'option',
  });
});
