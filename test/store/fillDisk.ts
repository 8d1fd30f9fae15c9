/**
 * A program for fullDisk.test.ts, to be run with a limit on the size of files. Prints what happens, a line each; ends
 * when it has seen a put refused, and afterwards all that it wants stored.
 *
 *   data       puts to ever more sectors, until one is refused; then again until it is stored
 *   metadata   overwrites four sectors until LevelDB's log has hit the limit, then 200 times more
 *   none       takes all room from itself, so that LevelDB cannot even be opened again, and asks
 */
import { execFile } from 'node:child_process';
import { argv, pid, stdout } from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ZERO_SECTOR } from '../../src/core/sector.js';
import { NoSpace } from '../../src/ports/blockFiles.js';
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

async function limitFiles(limit: string): Promise<void> {
  await promisify(execFile)('prlimit', ['--pid', String(pid), `--fsize=${limit}:unlimited`]);
}

function noRoom(error: unknown): string {
  if (error instanceof NoSpace) return 'no room';
  throw error;
}

async function withoutAnyRoom(store: OpenedSectorStore): Promise<void> {
  const sector = 5;
  const told = async (): Promise<string> => {
    const list = await valueOf(store.list(0, 9)).then((found) => `${found.length}`, noRoom);
    const notes = new Map([['scrub', Uint8Array.of(7)]]);
    const put = await ended(store.notes.put(notes)).then(() => 'stored', noRoom);
    return `list: ${list}, notes: ${put}\n`;
  };
  await valueOf(store.put(sector, stampOf(1), dataOf(sector)));
  stdout.write(await told());
  await limitFiles('0');
  const zeros = valueOf(store.put(sector, stampOf(2), ZERO_SECTOR));
  while (logged('storeFull') === 0) await pause(20);
  for (let attempt = 0; attempt < 5; attempt += 1) {
    stdout.write(await told());
    await check(store, sector, sector);
    await pause(400);
  }
  await limitFiles('unlimited');
  // What was asked finds the room by itself.
  stdout.write(await told());
  const outcome = await zeros;
  const isStored = store.stampOf(sector).timestamp === 2n;
  if (isStored !== (outcome === 'stored')) throw new Error(`${outcome}, but it is ${isStored}`);
  const later = await valueOf(store.put(sector, stampOf(3), dataOf(3)));
  await check(store, sector, 3);
  stdout.write(`then ${later}\n`);
}

const [, , mode, folder = ''] = argv;
const store = await openAt(folder, {}, log);
if (mode === 'data') await fillData(store);
else await (mode === 'none' ? withoutAnyRoom(store) : fillMetadata(store));
await ended(store.close());
