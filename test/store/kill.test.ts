/**
 * kill -9 of a process that overwrites like mad, on real files, at random moments: also while it starts, while it
 * shrinks its data file, while it opens its metadata again. What it said was stored is there, or a newer value; nothing
 * is torn; the space bound holds. `npm run kill` does it for hundreds of rounds; ATDD_TEST_SEED=… chooses the same
 * moments.
 */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { SECTOR_SIZE_BYTES } from '../../src/core/sector.js';
import { TEST_HANG_MS } from '../helpers/hang.js';
import { chooseSeed, dice } from '../helpers/seed.js';
import { KILL_SECTORS, KILL_STORE, killValueOf } from './killValues.js';
import { putForAWhile } from './putForAWhile.js';
import { ended, freshFolder, openAt, valueOf } from './realStore.js';
import { isSame, keepingLog } from './storeHarness.js';

const ROUNDS = Number(process.env['ATDD_KILL_ROUNDS'] ?? 24);
const MIB = 1024 * 1024;
/** One round in three: after the launch. It takes a good part of that to start and to open. */
const SINCE_LAUNCH_MS_MIN = 100;
const SINCE_LAUNCH_MS_END = 500;
/** The others: after the first put. */
const SINCE_PUT_MS_END = 500;

test(`${ROUNDS} kills: what was acknowledged is there, whole`, async (t) => {
  t.timeout(TEST_HANG_MS);
  const seed = chooseSeed();
  t.log(`ATDD_TEST_SEED=${seed}`);
  const random = dice(seed);
  const folder = await freshFolder(t);
  const acknowledged = Array.from({ length: KILL_SECTORS }, () => 0n);
  const totals = { acknowledged: 0, newer: 0, cuts: 0, killedBeforeTheFirst: 0 };
  // The less a busy machine gets done between two kills, the more of them it takes.
  const isEnough = (): boolean => totals.acknowledged > ROUNDS * 20 && totals.cuts > 0;
  for (let round = 0; round < ROUNDS || (round < 20 * ROUNDS && !isEnough()); round += 1) {
    const { lines, signal, errors } = await (round % 3 === 0
      ? putForAWhile(t, folder, random.between(SINCE_LAUNCH_MS_MIN, SINCE_LAUNCH_MS_END), 'launch')
      : putForAWhile(t, folder, random.below(SINCE_PUT_MS_END), 'firstPut'));
    if (signal !== 'SIGKILL') throw new Error(`it was not killed: ${errors}`);
    const puts = lines.filter((line) => line !== 'cut');
    totals.acknowledged += puts.length;
    totals.cuts += lines.length - puts.length;
    if (puts.length === 0) totals.killedBeforeTheFirst += 1;
    for (const line of puts) {
      const [sector = '', timestamp = ''] = line.split(' ');
      acknowledged[Number(sector)] = BigInt(timestamp);
    }
    const store = await openAt(folder, {}, keepingLog(), KILL_STORE);
    for (let sector = 0; sector < KILL_SECTORS; sector += 1) {
      const { timestamp } = store.stampOf(sector);
      const last = acknowledged[sector] ?? 0n;
      t.assert(
        timestamp === last || timestamp === last + 1n,
        `round ${round}, sector ${sector}: ${last} was acknowledged, ${timestamp} is there`,
      );
      if (timestamp > last) totals.newer += 1;
      const copy = await valueOf(store.load(sector));
      t.assert(
        copy.kind === 'sound' && isSame(copy.data, killValueOf(sector, timestamp)),
        `round ${round}: sector ${sector} has the data of ${timestamp}`,
      );
      acknowledged[sector] = timestamp;
    }
    await ended(store.close());
    const slots = statSync(join(folder, 'data.slots')).size / SECTOR_SIZE_BYTES;
    t.assert(slots <= KILL_SECTORS + 2 * KILL_STORE.batchSectors, `round ${round}: ${slots} slots`);
    const used = Number(execFileSync('du', ['-sB1', folder], { encoding: 'utf8' }).split('\t')[0]);
    const bound = 1.1 * SECTOR_SIZE_BYTES * KILL_SECTORS + 8 * MIB;
    t.assert(used <= bound, `round ${round}: ${used} bytes`);
  }
  t.log(totals);
  t.true(totals.acknowledged > ROUNDS * 20);
  t.true(totals.cuts > 0, 'the file was shrunk now and then');
});
