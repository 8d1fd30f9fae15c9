/** Chooses the configuration file. */
import { isAbsolute, join, resolve } from 'node:path';

export interface SearchOptions {
  /** The file that the command line names, or null. */
  readonly file: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder for relative paths of the command line and the environment; null: it is gone. */
  readonly cwd: string | null;
  readonly home: string | null;
  readonly isFile: (path: string) => boolean;
}

export type SearchResult =
  | { readonly kind: 'found'; readonly file: string; readonly by: 'option' | 'env' | 'search' }
  /** The file that was named is relative to a folder that is gone. */
  | { readonly kind: 'adrift'; readonly file: string; readonly by: 'option' | 'env' }
  /** No file was named, and there is none at these places. */
  | { readonly kind: 'none'; readonly searched: readonly string[] };

/** The file of the option, else of ATDD_CONFIG, else the first file of the search path that exists. */
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
  // The XDG specification says that a relative path in the variable must be ignored.
  const xdg = env['XDG_CONFIG_HOME'] ?? '';
  const ofHome = home === null ? [] : [join(home, '.config')];
  const configHomes = isAbsolute(xdg) ? [xdg] : ofHome;
  return [
    ...(cwd === null ? [] : [join(cwd, 'atdd.json'), join(cwd, 'config', 'cluster.json')]),
    ...configHomes.map((folder) => join(folder, 'atdd', 'config.json')),
    '/etc/atdd/config.json',
  ];
}
