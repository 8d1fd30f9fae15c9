/**
 * LevelDB's tables rot while a process uses them: it goes on, or ends by itself (LevelDB finds corruption when it
 * merges tables, or aborts). Whichever it is, the next start is refused, or everything that was acknowledged is there.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { AtomicDiskError } from '../../src/errors.js';
import { TEST_HANG_MS } from '../helpers/hang.js';
import { chooseSeed, dice, type Dice } from '../helpers/seed.js';
import { KILL_SECTORS, KILL_STORE, killValueOf } from './killValues.js';
import { startPutting } from './putForAWhile.js';
import { ended, freshFolder, openAt, valueOf } from './realStore.js';
import { isSame, keepingLog } from './storeHarness.js';

/** In each a table is harmed. One in fifteen is gone before anybody reads it again. */
const ROUNDS = 6;
/** Puts before the harm, at most: some seven times so many fill a table of LevelDB. */
const PUTS_BEFORE_MAX = 3_000;
/** Puts from the harm to the kill: LevelDB is opened again after each thousand, and merges. */
const PUTS_AFTER = 6_000;
const FLIPS_PER_TABLE = 24;

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
  t.timeout(TEST_HANG_MS);
  const seed = chooseSeed();
  t.log(`ATDD_TEST_SEED=${seed}`);
  const random = dice(seed);
  const totals = { flips: 0, endedByItself: 0, refused: 0, whole: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const folder = await freshFolder(t);
    const putting = startPutting(t, folder);
    const untilPut = async (count: number): Promise<void> => {
      while (putting.lineCount() < count && !putting.isOver()) await pause(5);
    };
    await untilPut(random.below(PUTS_BEFORE_MAX));
    // Until there is a table, and it is not just being merged.
    let flips = 0;
    while (flips === 0 && !putting.isOver()) {
      await pause(5);
      flips = rot(join(folder, 'metadata'), random);
    }
    t.true(flips > 0, 'it ended by itself, and nothing was harmed');
    totals.flips += flips;
    await untilPut(putting.lineCount() + PUTS_AFTER);
    putting.kill();
    const { lines, signal } = await putting.ended;
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
  t.is(totals.refused + totals.whole, ROUNDS);
  t.true(totals.refused + totals.endedByItself > 0, 'the harm was never noticed');
});
