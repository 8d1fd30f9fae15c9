/** Which configuration file is taken when several could be. */
import { isAbsolute, join, resolve } from 'node:path';

export interface SearchOptions {
  /** What the command line says, or null. */
  readonly file: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths of the command line and of the environment start from, if any. */
  readonly cwd: string | null;
  readonly home: string | null;
  readonly isFile: (path: string) => boolean;
}

export type SearchResult =
  | { readonly kind: 'found'; readonly file: string; readonly by: 'option' | 'env' | 'search' }
  /** What was said is relative to a folder that is gone. */
  | { readonly kind: 'adrift'; readonly file: string; readonly by: 'option' | 'env' }
  /** Nothing was said, and nothing stood at these places. */
  | { readonly kind: 'none'; readonly searched: readonly string[] };

/** The option, else ATDD_CONFIG, else the first of the search path that is there. */
export function findConfigFile({ file, env, cwd, home, isFile }: SearchOptions): SearchResult {
  if (file !== null) return named(file, cwd, 'option');
  const fromEnv = env['ATDD_CONFIG'] ?? '';
  if (fromEnv !== '') return named(fromEnv, cwd, 'env');
  const searched = searchPath({ env, cwd, home });
  const first = searched.find(isFile);
  if (first === undefined) return { kind: 'none', searched };
  return { kind: 'found', file: first, by: 'search' };
}

function named(file: string, cwd: string | null, by: 'option' | 'env'): SearchResult {
  if (isAbsolute(file)) return { kind: 'found', file: resolve(file), by };
  return cwd === null ? { kind: 'adrift', file, by } : { kind: 'found', file: resolve(cwd, file), by };
}

function searchPath({ env, cwd, home }: Omit<SearchOptions, 'file' | 'isFile'>): string[] {
  // The XDG specification: a relative path in the variable is to be ignored.
  const xdg = env['XDG_CONFIG_HOME'] ?? '';
  const ofHome = home === null ? [] : [join(home, '.config')];
  const configHomes = isAbsolute(xdg) ? [xdg] : ofHome;
  return [
    ...(cwd === null ? [] : [join(cwd, 'atdd.json'), join(cwd, 'config', 'cluster.json')]),
    ...configHomes.map((folder) => join(folder, 'atdd', 'config.json')),
    '/etc/atdd/config.json',
  ];
}
