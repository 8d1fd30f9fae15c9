/** Three members of etcd on loopback: the yardstick. Their data are in the folder that is given. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endsWithTests } from '../helpers/children.js';
import { freeAddresses } from '../helpers/ports.js';
import type { TestScope } from '../helpers/testScope.js';
import type { Endpoint } from './loadSpec.js';

const PROGRAM = 'etcd';
const MEMBERS = 3;
const READY_MS_MAX = 20_000;
const POLL_MS = 100;

export interface EtcdCluster {
  readonly version: string;
  readonly leader: Endpoint;
  readonly pids: readonly number[];
  end(): Promise<void>;
}

/** @returns null: it is not installed. */
export function etcdVersion(): string | null {
  const { status, stdout } = spawnSync(PROGRAM, ['--version'], { encoding: 'utf8' });
  return status === 0 ? (/^etcd Version: (\S+)/.exec(stdout)?.[1] ?? 'unknown') : null;
}

/** @param parent Where the folder of their data is made. */
export async function startEtcd(scope: TestScope, parent: string): Promise<EtcdCluster> {
  const folder = mkdtempSync(join(parent, 'etcd-'));
  const addresses = await freeAddresses(2 * MEMBERS);
  const url = ({ host, port }: Endpoint): string => `http://${host}:${port}`;
  const clients = addresses.slice(0, MEMBERS);
  const peers = addresses.slice(MEMBERS);
  const initial = peers.map((peer, index) => `m${index}=${url(peer)}`).join(',');
  let log = '';
  const children = clients.map((client, index) => {
    const peer = url(peers[index]);
    const words = [
      ...['--name', `m${index}`, '--data-dir', join(folder, String(index))],
      ...['--listen-client-urls', url(client), '--advertise-client-urls', url(client)],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', initial, '--initial-cluster-state', 'new'],
    ];
    const child = endsWithTests(spawn(PROGRAM, words, { stdio: ['ignore', 'ignore', 'pipe'], env: plain() }));
    child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4_000)));
    return child;
  });
  const end = async (): Promise<void> => {
    await Promise.all(children.map(kill));
  };
  scope.teardown(end);
  const leader = await leaderOf(clients, () => log);
  const pids = children.flatMap(({ pid }) => pid ?? []);
  return { version: etcdVersion() ?? 'unknown', leader, pids, end };
}

async function leaderOf(clients: readonly Endpoint[], log: () => string): Promise<Endpoint> {
  const giveUpAt = performance.now() + READY_MS_MAX;
  while (performance.now() < giveUpAt) {
    const leads = await Promise.all(clients.map(isLeader));
    const index = leads.indexOf(true);
    if (index >= 0 && !leads.includes(null)) return clients[index];
    await sleep(POLL_MS);
  }
  throw new Error(`etcd did not elect a leader:\n${log()}`);
}

interface MemberStatus {
  readonly header: { readonly member_id: string };
  readonly leader?: string;
}

/** Null: it does not answer yet. */
async function isLeader({ host, port }: Endpoint): Promise<boolean | null> {
  try {
    const status = `http://${host}:${port}/v3/maintenance/status`;
    const answer = await fetch(status, { method: 'POST', body: '{}' });
    const { header, leader } = (await answer.json()) as MemberStatus;
    return leader === undefined ? null : leader === header.member_id;
  } catch {
    return null;
  }
}

function kill(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once('exit', () => {
      resolve();
    });
    child.kill('SIGKILL');
  });
}

/** Settings of whoever runs the bench are not those of this cluster. */
function plain(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('ETCD_'));
  return Object.fromEntries(kept);
}
