/** A folder of its own for a test, with the files of a configuration. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';

export const CLIENT_KEY = '1a'.repeat(32);
export const SYSTEM_KEY = '2B'.repeat(64);

/** A configuration without mistakes, for one process on loopback. */
export const GOOD = {
  processes: ['127.0.0.1:7101'],
  rank: 1,
  sectors: 8,
  storage: 'data/{rank}',
  keys: { client: 'client.key', system: 'system.key' },
};

/** Makes the folder with both keys and these files; it goes when the test has ended. */
export function makeFolder(t: ExecutionContext, files: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'atdd-config-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const keys = { 'client.key': `${CLIENT_KEY}\n`, 'system.key': SYSTEM_KEY };
  for (const [name, content] of Object.entries({ ...keys, ...files })) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(path, text, { mode: 0o600 });
  }
  return folder;
}
