/** What a real process says, and with which code it ends, when its storage is not as it was. */
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Cluster, MAIN_FILE } from '../helpers/cluster.js';
import { TEST_HANG_MS } from '../helpers/hang.js';
import type { RawClient } from '../helpers/rawClient.js';
import { runToEnd } from '../helpers/runToEnd.js';
import { sectorNamed } from '../helpers/sectorValue.js';

const OK = { kind: 'answered', status: 'Ok', data: null } as const;

function commandOf(cluster: Cluster, rank: number): string[] {
  return [process.execPath, MAIN_FILE, '--config', cluster.configFileOf(rank), '--rank', String(rank)];
}

/** Waits until a process that the cluster did not start answers: its store is open then. */
async function answers(cluster: Cluster, rank: number): Promise<void> {
  for (;;) {
    try {
      const client = await cluster.client(rank);
      const outcome = await client.ping();
      await client.destroy();
      if (outcome.kind === 'answered') return;
    } catch {
      // It does not listen yet.
    }
    await sleep(20);
  }
}

async function writeSome(t: ExecutionContext, client: RawClient, name: string): Promise<void> {
  for (let sector = 0; sector < 20; sector += 1) {
    t.deepEqual(await client.write(sector, sectorNamed(`${name} ${sector}`)), OK);
  }
}

test.serial('damaged storage: code 1, and which file, what was found, what to do', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3 });
  const client = await cluster.client(2);
  await writeSome(t, client, 'first');
  t.is((await cluster.stop(1)).code, 0);
  const metadata = path.join(cluster.storageOf(1), 'metadata');
  const name = (await readdir(metadata)).find((one) => one.endsWith('.log')) ?? '';
  const log = path.join(metadata, name);
  const bytes = await readFile(log);
  // In the middle: the last record is the note of an orderly stop, and whoever has lost that does more than it must.
  bytes[Math.floor(bytes.length / 2)] ^= 0x20;
  await writeFile(log, bytes);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const { code, output } = await runToEnd(commandOf(cluster, 1));
    t.is(code, 1, output);
    t.regex(output, /the metadata end with commit \d+, but commit \d+ was acknowledged/);
    t.true(output.includes(path.join(cluster.storageOf(1), 'acknowledged')), output);
    t.regex(output, /ATDD_STORE_CORRUPT/);
  }
  // The others go on.
  await writeSome(t, client, 'second');
});

for (const [what, act] of [
  ['deleted', (folder: string) => rm(folder, { recursive: true })],
  ['moved', (folder: string) => rename(folder, `${folder}-elsewhere`)],
] as const) {
  test.serial(`a folder that is ${what} under a running process: it ends`, async (t) => {
    t.timeout(TEST_HANG_MS);
    const cluster = await Cluster.prepare(t, { processCount: 3 });
    await Promise.all([cluster.start(2), cluster.start(3)]);
    const ending = runToEnd(commandOf(cluster, 1));
    await answers(cluster, 1);
    await cluster.untilMembers();
    const client = await cluster.client(2);
    await writeSome(t, client, 'before');
    await act(cluster.storageOf(1));
    await writeSome(t, client, 'after');
    const { code, output } = await ending;
    t.is(code, 1, output);
    t.regex(output, /data\.slots.*was deleted or moved while it was in use/);
    t.regex(output, /the process has to stop/);
    // The others go on.
    await writeSome(t, client, 'later');
  });
}
