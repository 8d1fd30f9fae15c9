/** Which configuration file is taken when several could be. */
import { isAbsolute, join, resolve } from 'node:path';

export interface SearchOptions {
  /** What the command line says, or null. */
  readonly file: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths of the command line and of the environment start from. */
  readonly cwd: string;
  readonly home: string;
  readonly isFile: (path: string) => boolean;
}

export type SearchResult =
  | { readonly kind: 'found'; readonly file: string; readonly by: 'option' | 'env' | 'search' }
  /** Nothing was said, and nothing stood at these places. */
  | { readonly kind: 'none'; readonly searched: readonly string[] };

/** The option, else ATDD_CONFIG, else the first of the search path that is there. */
export function findConfigFile({ file, env, cwd, home, isFile }: SearchOptions): SearchResult {
  if (file !== null) return { kind: 'found', file: resolve(cwd, file), by: 'option' };
  const fromEnv = env['ATDD_CONFIG'] ?? '';
  if (fromEnv !== '') return { kind: 'found', file: resolve(cwd, fromEnv), by: 'env' };
  const searched = searchPath(env, cwd, home);
  const first = searched.find(isFile);
  if (first === undefined) return { kind: 'none', searched };
  return { kind: 'found', file: first, by: 'search' };
}

function searchPath(env: SearchOptions['env'], cwd: string, home: string): string[] {
  // The XDG specification: a relative path in the variable is to be ignored.
  const xdg = env['XDG_CONFIG_HOME'] ?? '';
  const configHome = isAbsolute(xdg) ? xdg : join(home, '.config');
  return [
    join(cwd, 'atdd.json'),
    join(cwd, 'config', 'cluster.json'),
    join(configHome, 'atdd', 'config.json'),
    '/etc/atdd/config.json',
  ];
}
