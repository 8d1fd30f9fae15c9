/** The version of this program. */
import { readFileSync } from 'node:fs';

/** Version of the package, from its package.json (compiled to dist/src/serve/version.js). */
export function programVersion(): string {
  const file = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}
