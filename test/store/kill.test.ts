/** kill -9 of a process that puts, on real files: what it said was stored is there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'ava';
import { KILL_SECTORS, killValueOf } from './killValues.js';
import { ended, freshFolder, openAt, valueOf } from './realStore.js';
import { isSame } from './storeHarness.js';

const ROUNDS = 6;

/** Runs the program on the folder, kills it after some acknowledgements, and gives them all. */
async function putAndKill(folder: string, killAfterCount: number): Promise<readonly string[]> {
  const program = join(import.meta.dirname, 'putForever.js');
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.split('\n').length > killAfterCount) child.kill('SIGKILL');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error(`it was not killed: ${errors}`);
  return output.split('\n').slice(0, -1);
}

test(`${ROUNDS} kills: what was acknowledged is there, whole`, async (t) => {
  const folder = await freshFolder(t);
  const acknowledged = Array.from({ length: KILL_SECTORS }, () => 0n);
  let total = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const lines = await putAndKill(folder, 1 + 400 * round + Math.floor(Math.random() * 400));
    total += lines.length;
    for (const line of lines) {
      const [sector = '', timestamp = ''] = line.split(' ');
      acknowledged[Number(sector)] = BigInt(timestamp);
    }
    const store = await openAt(folder);
    for (let sector = 0; sector < KILL_SECTORS; sector += 1) {
      const { timestamp } = store.stampOf(sector);
      const last = acknowledged[sector] ?? 0n;
      t.assert(
        timestamp === last || timestamp === last + 1n,
        `sector ${sector}: ${last} was acknowledged, ${timestamp} is there`,
      );
      const copy = await valueOf(store.load(sector));
      t.assert(
        copy.kind === 'sound' && isSame(copy.data, killValueOf(sector, timestamp)),
        `sector ${sector} has the data of ${timestamp}`,
      );
      acknowledged[sector] = timestamp;
    }
    await ended(store.close());
  }
  t.log(`${total} puts were acknowledged`);
  t.true(total > ROUNDS);
});
