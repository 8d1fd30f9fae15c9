/**
 * LevelDB's tables rot while a process uses them: it goes on, or ends by itself (LevelDB finds
 * corruption when it merges tables, or aborts). Whichever it is, the next start is refused, or
 * everything that was acknowledged is there.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { AtomicDiskError } from '../../src/errors.js';
import { chooseSeed, dice, type Dice } from '../helpers/seed.js';
import { KILL_SECTORS, KILL_STORE, killValueOf } from './killValues.js';
import { putForAWhile } from './putForAWhile.js';
import { ended, freshFolder, openAt, valueOf } from './realStore.js';
import { isSame, keepingLog } from './storeHarness.js';

const ROUNDS = 6;
const RUN_MS = 2_500;
const ROT_AFTER_MS = 900;
const FLIPS_PER_TABLE = 24;
const ATTEMPTS = 20;

/** @returns how many bits were flipped. */
function rot(metadata: string, random: Dice): number {
  let count = 0;
  for (const name of existsSync(metadata) ? readdirSync(metadata) : []) {
    if (!name.endsWith('.ldb')) continue;
    const file = join(metadata, name);
    try {
      const bytes = readFileSync(file);
      for (let flip = 0; flip < FLIPS_PER_TABLE; flip += 1) {
        bytes[random.below(bytes.length)] ^= 1 << random.below(8);
      }
      writeFileSync(file, bytes, { flag: 'r+' });
      count += FLIPS_PER_TABLE;
    } catch (error) {
      // It was merged into another one meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return count;
}

test('tables that rot under a running process: nothing older is ever served', async (t) => {
  t.timeout(90_000);
  const seed = chooseSeed();
  t.log(`ATDD_TEST_SEED=${seed}`);
  const random = dice(seed);
  const totals = { flips: 0, endedByItself: 0, refused: 0, whole: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const folder = await freshFolder(t);
    const running = putForAWhile(folder, RUN_MS, 'firstPut');
    await pause(ROT_AFTER_MS + random.below(300));
    // On a busy machine there may be no table yet.
    let flips = rot(join(folder, 'metadata'), random);
    for (let attempt = 0; flips === 0 && attempt < ATTEMPTS; attempt += 1) {
      await pause(50);
      flips = rot(join(folder, 'metadata'), random);
    }
    totals.flips += flips;
    const { lines, signal } = await running;
    if (signal !== 'SIGKILL') totals.endedByItself += 1;
    const last = new Map<number, bigint>();
    for (const line of lines) {
      if (line === 'cut') continue;
      const [sector = '', timestamp = ''] = line.split(' ');
      last.set(Number(sector), BigInt(timestamp));
    }
    try {
      const store = await openAt(folder, {}, keepingLog(), KILL_STORE);
      totals.whole += 1;
      for (let sector = 0; sector < KILL_SECTORS; sector += 1) {
        const { timestamp } = store.stampOf(sector);
        t.assert(timestamp >= (last.get(sector) ?? 0n), `sector ${sector} is of ${timestamp}`);
        const copy = await valueOf(store.load(sector));
        t.assert(copy.kind === 'sound' && isSame(copy.data, killValueOf(sector, timestamp)));
      }
      await ended(store.close());
    } catch (error) {
      if (!(error instanceof AtomicDiskError) || error.code !== 'ATDD_STORE_CORRUPT') throw error;
      totals.refused += 1;
    }
  }
  t.log(totals);
  t.true(totals.flips > 0, 'nothing was harmed');
  t.is(totals.refused + totals.whole, ROUNDS);
  t.true(totals.refused + totals.endedByItself > 0, 'the harm was never noticed');
});
