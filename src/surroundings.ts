/**
 * Facts about the surroundings of the program that may be missing: in a container a user id may have no entry in passwd
 * and no HOME, and the current folder may be deleted. Nothing here throws.
 */
import { homedir, hostname, networkInterfaces, userInfo } from 'node:os';
import { relative } from 'node:path';

/** Absolute path; null: there is none. */
export function homeFolder(): string | null {
  return orNull(homedir);
}

/** Absolute path; null: it is gone. */
export function currentFolder(): string | null {
  return orNull(() => process.cwd());
}

/** "user atdd", or "user 1000" if the id has no name. */
export function describeUser(): string {
  const name = orNull(() => userInfo().username);
  const id = process.geteuid?.();
  if (name !== null) return `user ${name}`;
  return id === undefined ? 'this user' : `user ${id}`;
}

/** Names and addresses of this machine, as far as it tells them. */
export function ownHosts(): { readonly hostname: string; readonly addresses: readonly string[] } {
  let addresses: string[] = [];
  try {
    const interfaces = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    addresses = interfaces.map(({ address }) => address);
  } catch {
    // Some sandboxes do not let a program see the network.
  }
  return { hostname: orNull(hostname) ?? 'localhost', addresses };
}

/** The path from the current folder; the absolute one if that folder is gone. */
export function pathFromHere(path: string): string {
  const here = currentFolder();
  return here === null ? path : relative(here, path);
}

function orNull(ask: () => string): string | null {
  try {
    const answer = ask();
    return answer === '' ? null : answer;
  } catch {
    return null;
  }
}
