/** Programs of others that a test needs. */
import { spawnSync } from 'node:child_process';
import type { ExecutionContext } from 'ava';

/** Whether a test may use these programs; if they are required, their absence fails it. */
export function hasTools(t: ExecutionContext, ...names: string[]): boolean {
  const missing = names.filter((name) => spawnSync('which', [name]).status !== 0);
  if (missing.length === 0) return true;
  const text = `not installed: ${missing.join(', ')}`;
  if (process.env['REQUIRE_TOOLS'] === '1') t.fail(text);
  t.log(`left out, ${text}`);
  t.pass();
  return false;
}
