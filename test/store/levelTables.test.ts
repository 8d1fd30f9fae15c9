/** Checksums of LevelDB's tables, which nobody else verifies. */
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { firstValueFrom } from 'rxjs';
import { openLevelMetadata } from '../../src/shell/levelMetadata.js';
import { crc32c, findTableDamage } from '../../src/shell/levelTables.js';
import { ended, freshFolder } from './realStore.js';
import { keepingLog, versionOf } from './storeHarness.js';

const FOOTER_SIZE_BYTES = 48;
const RECORDS = 3_000;

test('CRC-32C of the usual example', (t) => {
  t.is(crc32c(Buffer.from('123456789')), 0xe306_9283);
});

/** Opened a second time, LevelDB makes a table of its log. */
async function withTable(location: string): Promise<string> {
  for (let round = 0; round < 2; round += 1) {
    const options = { createIfMissing: true, log: keepingLog() };
    const metadata = await firstValueFrom(openLevelMetadata(location, options));
    if (round === 0) {
      const records = Array.from({ length: RECORDS }, (_, sector) => ({
        ...versionOf(1),
        sector,
        slot: sector,
        checksum: sector * 7919,
      }));
      const totals = { commitCount: 1, recordCount: RECORDS, checkSum: 0 };
      await ended(metadata.commit({ records, totals, replaced: [] }));
    }
    await ended(metadata.close());
  }
  const name = (await readdir(location)).find((one) => one.endsWith('.ldb')) ?? '';
  return join(location, name);
}

test('a changed byte anywhere in the records is found, and said where it is', async (t) => {
  const location = await freshFolder(t);
  const table = await withTable(location);
  t.is(await findTableDamage(location), null);
  const sound = await readFile(table);
  // All but the footer.
  const end = sound.length - FOOTER_SIZE_BYTES;
  t.true(end > 50_000, `${sound.length} bytes`);
  for (let position = 0; position < end; position += 97) {
    const changed = Buffer.from(sound);
    changed[position] ^= 0x40;
    await writeFile(table, changed);
    const damage = (await findTableDamage(location)) ?? 'nothing';
    t.true(damage.startsWith(`${table}: the block at `), `byte ${position}: ${damage}`);
    t.regex(damage, /has the checksum [0-9a-f]+, expected [0-9a-f]+$/);
  }
  const options = { createIfMissing: false, log: keepingLog() };
  await t.throwsAsync(firstValueFrom(openLevelMetadata(location, options)), {
    code: 'ATDD_STORE_CORRUPT',
    message: /\.ldb: the block at \d+ with \d+ bytes has the checksum .* Keep the folder/,
  });
  await writeFile(table, sound);
  const opened = await firstValueFrom(openLevelMetadata(location, options));
  await ended(opened.close());
});

test('a table that nobody refers to does not count: a kill leaves such behind', async (t) => {
  const location = await freshFolder(t);
  const table = await withTable(location);
  const stray = Buffer.from(await readFile(table));
  stray[100] ^= 1;
  await writeFile(join(location, '000999.ldb'), stray);
  t.is(await findTableDamage(location), null);
  await copyFile(join(location, '000999.ldb'), table);
  t.not(await findTableDamage(location), null);
});
