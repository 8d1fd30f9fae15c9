/**
 * Every file of a storage folder with flipped bits, cut short, and missing. Whatever it is, a start either is refused,
 * or gives every sector as it was put last, or says that it is damaged: never an older value, never a sector as if it
 * had not been written.
 */
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { forkJoin } from 'rxjs';
import { AtomicDiskError } from '../../src/errors.js';
import { ended, freshFolder, openAt, valueOf } from './realStore.js';
import { dataOf, isSame, stampOf } from './storeHarness.js';

const SECTORS = 400;
const ROUNDS = 3;
const FLIPS = Number(process.env['ATDD_FLIPS'] ?? 20);
const CUTS = 8;

const KINDS = ['data.slots', 'acknowledged', 'log', 'ldb', 'MANIFEST', 'CURRENT'] as const;
type Kind = (typeof KINDS)[number];

/** How often each thing happened. */
interface Outcomes {
  refused: number;
  damaged: number;
  unharmed: number;
}

async function fileOf(folder: string, kind: Kind): Promise<string> {
  if (kind === 'data.slots' || kind === 'acknowledged') return join(folder, kind);
  const names = await readdir(join(folder, 'metadata'));
  const name = names.toSorted().findLast((one) => one.endsWith(`.${kind}`) || one.startsWith(kind));
  if (name === undefined) throw new Error(`no ${kind} among ${names.join()}`);
  return join(folder, 'metadata', name);
}

/** A closed folder: older records are in tables, the last ones in the log or, as `kind` may want it, in a table too. */
async function written(t: ExecutionContext, kind?: Kind): Promise<string> {
  const folder = await freshFolder(t);
  for (let round = 1; round <= ROUNDS; round += 1) {
    // Opened again, LevelDB writes a table of what was in its log.
    const store = await openAt(folder);
    for (let first = 0; first < SECTORS; first += 100) {
      const puts = Array.from({ length: 100 }, (_, index) => {
        const sector = first + index;
        return store.put(sector, stampOf(round), dataOf(sector * 10 + round));
      });
      await valueOf(forkJoin(puts));
    }
    await ended(store.close());
  }
  if (kind === 'ldb') await ended((await openAt(folder)).close());
  return folder;
}

/** Opens it and looks at everything. Throws if a sector is not what was put last. */
async function look(folder: string, outcomes: Outcomes): Promise<void> {
  let store;
  try {
    store = await openAt(folder);
  } catch (error) {
    if (!(error instanceof AtomicDiskError)) throw error;
    if (!error.message.includes(folder) && !error.message.includes('the metadata')) throw error;
    outcomes.refused += 1;
    return;
  }
  try {
    let damagedCount = 0;
    for (let sector = 0; sector < SECTORS; sector += 1) {
      const { timestamp } = store.stampOf(sector);
      if (timestamp !== BigInt(ROUNDS)) throw new Error(`sector ${sector} is of ${timestamp}`);
      const copy = await valueOf(store.load(sector));
      if (copy.kind === 'damaged') damagedCount += 1;
      else if (!isSame(copy.data, dataOf(sector * 10 + ROUNDS))) throw new Error('wrong data');
    }
    if (damagedCount > 0) outcomes.damaged += 1;
    else outcomes.unharmed += 1;
  } finally {
    await ended(store.close());
  }
}

/** Harms a copy of the folder in some way, many times, and looks at it twice each. */
async function harm(
  t: ExecutionContext,
  kind: Kind,
  times: number,
  how: (file: string) => Promise<string>,
): Promise<Outcomes> {
  const original = await written(t, kind);
  const outcomes = { refused: 0, damaged: 0, unharmed: 0 };
  for (let time = 0; time < times; time += 1) {
    const folder = join(original, '..', `copy-${time}`);
    await cp(original, folder, { recursive: true });
    const what = await how(await fileOf(folder, kind));
    try {
      const first = { refused: 0, damaged: 0, unharmed: 0 };
      await look(folder, first);
      const second = { refused: 0, damaged: 0, unharmed: 0 };
      await look(folder, second);
      // What is refused stays refused: LevelDB deletes what it could not read.
      t.true(second.refused >= first.refused, `${kind}, ${what}: refused only once`);
      outcomes.refused += first.refused;
      outcomes.damaged += first.damaged;
      outcomes.unharmed += first.unharmed;
    } catch (error) {
      throw new Error(`${kind}, ${what}: ${String(error)}`, { cause: error });
    }
    await rm(folder, { recursive: true });
  }
  t.log(outcomes);
  return outcomes;
}

for (const kind of KINDS) {
  test(`a flipped bit in ${kind}`, async (t) => {
    const outcomes = await harm(t, kind, FLIPS, async (file) => {
      const bytes = await readFile(file);
      const bit = randomInt(bytes.length * 8);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await writeFile(file, bytes);
      return `bit ${bit}`;
    });
    // In slots that are free, in the other place of `acknowledged`, it does no harm.
    if (kind === 'data.slots') t.is(outcomes.refused, 0);
    else t.is(outcomes.damaged, 0);
    if (kind === 'acknowledged') t.is(outcomes.refused, 0);
    else t.true(outcomes.unharmed < FLIPS / 2, 'most do harm');
  });

  test(`${kind} is cut short`, async (t) => {
    const outcomes = await harm(t, kind, CUTS, async (file) => {
      const { length } = await readFile(file);
      const end = randomInt(kind === 'acknowledged' ? 12 : length);
      await truncate(file, end);
      return `at ${end}`;
    });
    if (kind === 'data.slots') t.is(outcomes.refused, 0);
    else t.is(outcomes.damaged, 0);
    if (kind === 'log') t.true(outcomes.refused >= CUTS - 1, 'a lost end of the log shows');
  });

  test(`${kind} is missing`, async (t) => {
    const outcomes = await harm(t, kind, 1, async (file) => {
      await rm(file);
      return 'deleted';
    });
    t.deepEqual(outcomes, { refused: 1, damaged: 0, unharmed: 0 });
  });
}

test('older metadata are refused, sectors of an older data file damaged', async (t) => {
  const folder = await written(t);
  const older = join(folder, '..', 'older');
  await cp(folder, older, { recursive: true });
  const store = await openAt(folder);
  for (let sector = 0; sector < 50; sector += 1) {
    await valueOf(store.put(sector, stampOf(ROUNDS + 1), dataOf(sector)));
  }
  await ended(store.close());

  const oldMetadata = join(folder, '..', 'oldMetadata');
  await cp(folder, oldMetadata, { recursive: true });
  await rm(join(oldMetadata, 'metadata'), { recursive: true });
  await cp(join(older, 'metadata'), join(oldMetadata, 'metadata'), { recursive: true });
  await t.throwsAsync(openAt(oldMetadata), {
    code: 'ATDD_STORE_CORRUPT',
    message: /the metadata end with commit (\d+), but commit \d+ was acknowledged/,
  });

  const oldData = join(folder, '..', 'oldData');
  await cp(folder, oldData, { recursive: true });
  await cp(join(older, 'data.slots'), join(oldData, 'data.slots'));
  const opened = await openAt(oldData);
  const copies = await valueOf(forkJoin(Array.from({ length: 50 }, (_, sector) => opened.load(sector))));
  t.true(copies.every(({ kind }) => kind === 'damaged'));
  await ended(opened.close());
});

test('what remains of a folder is not taken for a new one', async (t) => {
  const folder = await written(t);
  for (const left of ['data.slots', 'acknowledged', 'metadata']) {
    const part = join(folder, '..', `only-${left}`);
    await cp(join(folder, left), join(part, left), { recursive: true });
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await t.throwsAsync(openAt(part), { code: 'ATDD_STORE_CORRUPT', message: /Something was/ });
    }
    t.is(existsSync(join(part, 'data.slots')), left === 'data.slots', 'nothing was made anew');
  }
});
