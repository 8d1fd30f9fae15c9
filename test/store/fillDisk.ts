/**
 * A program for fullDisk.test.ts, to be run with a limit on the size of files. Prints what happens,
 * a line each; ends when it has seen a put refused, and afterwards all that it wants stored.
 *
 *   data       puts to ever more sectors, until one is refused; then again until it is stored
 *   metadata   overwrites four sectors until LevelDB's log has hit the limit, then 200 times more
 */
import { argv, stdout } from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import type { OpenedSectorStore } from '../../src/store/openSectorStore.js';
import { ended, openAt, valueOf } from './realStore.js';
import { dataOf, isSame, keepingLog, stampOf } from './storeHarness.js';

const log = keepingLog();

function logged(event: string): number {
  return log.lines.filter(({ fields }) => fields['event'] === event).length;
}

async function check(store: OpenedSectorStore, sector: number, name: number): Promise<void> {
  const copy = await valueOf(store.load(sector));
  if (copy.kind === 'sound' && isSame(copy.data, dataOf(name))) return;
  throw new Error(`sector ${sector} does not hold ${name}`);
}

async function fillData(store: OpenedSectorStore): Promise<void> {
  let sector = 0;
  while ((await valueOf(store.put(sector, stampOf(1), dataOf(sector)))) === 'stored') sector += 1;
  stdout.write(`full after ${sector}\n`);
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const outcome = await valueOf(store.put(sector, stampOf(1), dataOf(sector)));
    if (outcome !== 'full') throw new Error('it was stored without room');
  }
  for (let index = 0; index < sector; index += 1) await check(store, index, index);
  if (store.stampOf(sector).timestamp !== 0n) throw new Error('a refused put shows');
  stdout.write(`served ${sector}, said ${logged('storeFull')} times that it is full\n`);
  while ((await valueOf(store.put(sector, stampOf(1), dataOf(sector)))) === 'full') await pause(20);
  await check(store, sector, sector);
  stdout.write('stored again\n');
}

async function fillMetadata(store: OpenedSectorStore): Promise<void> {
  let left = 200;
  let lastStored = 0;
  let firstRefused = 0;
  for (let round = 1; left > 0; round += 1) {
    const sector = round % 4;
    const outcome = await valueOf(store.put(sector, stampOf(round), dataOf(round)));
    const stamp = Number(store.stampOf(sector).timestamp);
    if (outcome === 'stored' ? stamp !== round : stamp === round) {
      throw new Error(`${outcome}, but the stamp is ${stamp} in round ${round}`);
    }
    if (stamp > 0) await check(store, sector, stamp);
    if (outcome === 'stored') lastStored = round;
    else if (firstRefused === 0) firstRefused = round;
    if (logged('storeFull') > 0) left -= 1;
  }
  stdout.write(`refused ${firstRefused} stored ${lastStored}, said ${logged('storeFull')} times\n`);
}

const [, , mode, folder = ''] = argv;
const store = await openAt(folder, {}, log);
await (mode === 'data' ? fillData(store) : fillMetadata(store));
await ended(store.close());
