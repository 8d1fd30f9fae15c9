/** Access to a Unix socket: the mode and the group of its file. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync } from 'node:fs';
import { describeError } from '../errors.js';

export interface SocketAccess {
  /** As for chmod; null: what the umask leaves. */
  readonly mode: number | null;
  /** Name or number; null: the group of this process. */
  readonly group: string | null;
}

const ALL = 0o777;
const OWNER = 0o700;

/**
 * Binds a socket that never lets in more users than asked for. The file is created with its mode, or for its owner
 * alone until it has its group. Both are set before this function returns, and so before any connection is accepted.
 * @param bind Binds it, at once.
 * @throws if there is no such group, or this user may not give files to it.
 */
export function bindWithAccess(path: string, { mode, group }: SocketAccess, bind: () => void): void {
  const groupId = group === null ? null : groupIdOf(group);
  if (mode === null && groupId === null) {
    bind();
    return;
  }
  const before = process.umask(ALL & ~OWNER);
  const wanted = mode ?? ALL & ~before;
  process.umask(ALL & ~(groupId === null ? wanted : wanted & OWNER));
  try {
    bind();
  } finally {
    process.umask(before);
  }
  if (groupId === null) return;
  chownSync(path, process.geteuid?.() ?? -1, groupId);
  chmodSync(path, wanted);
}

/** @throws if there is none. */
function groupIdOf(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  const line = groupLine(group);
  const id = line.split(':').at(2) ?? '';
  if (!/^\d+$/.test(id)) throw new Error(`there is no group ${group}`);
  return Number(id);
}

/** "name:password:number:members"; empty: there is none. */
function groupLine(group: string): string {
  // Groups may be kept in a directory service, which the system can ask.
  const asked = spawnSync('getent', ['group', group], { encoding: 'utf8' });
  if (asked.error === undefined) return asked.stdout;
  try {
    const lines = readFileSync('/etc/group', 'utf8').split('\n');
    return lines.find((line) => line.startsWith(`${group}:`)) ?? '';
  } catch (error) {
    throw new Error(`the number of group ${group} cannot be found: ${describeError(error)}`, {
      cause: error,
    });
  }
}
