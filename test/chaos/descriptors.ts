/**
 * What the open descriptors of a process are for. When nobody is connected but its peers, every one of them can be
 * named; one that cannot has leaked.
 */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../helpers/cluster.js';

const LOOK_EVERY_MS = 200;

/** How many there are of each kind. Files of the store are named without their numbers. */
export type DescriptorKinds = Readonly<Record<string, number>>;

/** What a process that runs has open beside its connections, and therefore at all times. */
export async function kindsOf(cluster: Cluster, rank: number): Promise<DescriptorKinds> {
  const kinds: Record<string, number> = {};
  for (const target of await cluster.descriptors(rank)) {
    const kind = kindOf(target, cluster.storageOf(rank));
    // LevelDB opens its tables as it needs them.
    if (kind !== 'table') kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
}

function kindOf(target: string, storage: string): string {
  // socket:[123], pipe:[123], anon_inode:[eventfd]
  const inode = /^(?:anon_inode:\[)?(socket|pipe|\w+(?=\]))/.exec(target)?.[1];
  if (inode !== undefined && !target.startsWith('/')) return inode;
  if (!target.startsWith(storage + path.sep)) return target;
  const file = path.relative(storage, target);
  return file.endsWith('.ldb') ? 'table' : file.replace(/\d{4,}/, 'N');
}

/** Of a process that has no clients, among `processCount`. */
export function expectedSockets(processCount: number): number {
  const listening = 1;
  // Node gives a child its output as sockets.
  const outputs = 2;
  const perPeer = 2;
  return listening + outputs + perPeer * (processCount - 1);
}

/** Waits until the process has what is expected. @returns what is different in the end. */
export async function differences(
  cluster: Cluster,
  rank: number,
  expected: DescriptorKinds,
  timeoutMs: number,
): Promise<string[]> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const found = await kindsOf(cluster, rank);
    const names = [...new Set([...Object.keys(found), ...Object.keys(expected)])];
    const different = names.filter((name) => (found[name] ?? 0) !== (expected[name] ?? 0));
    if (different.length === 0 || performance.now() > giveUpAt) {
      const counts = (name: string): string => `${found[name] ?? 0}, not ${expected[name] ?? 0}`;
      return different.map((name) => `open descriptors "${name}" of ${rank}: ${counts(name)}`);
    }
    await sleep(LOOK_EVERY_MS);
  }
}
