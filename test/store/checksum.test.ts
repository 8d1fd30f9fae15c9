import test from 'ava';
import { SECTOR_SIZE_BYTES, ZERO_SECTOR } from '../../src/core/sector.js';
import { checksumOf } from '../../src/store/checksum.js';
import { isZeroSector } from '../../src/store/isZeroSector.js';
import { dataOf, versionOf } from './storeHarness.js';

test('the checksum depends on the sector, the origin and every byte of the data', (t) => {
  const data = dataOf(1);
  const checksum = checksumOf(5, versionOf(7, 2).stamp, data);
  t.is(checksumOf(5, versionOf(7, 2).stamp, data.slice()), checksum);
  t.not(checksumOf(6, versionOf(7, 2).stamp, data), checksum);
  t.not(checksumOf(5 + 2 ** 32, versionOf(7, 2).stamp, data), checksum);
  t.not(checksumOf(5, versionOf(8, 2).stamp, data), checksum);
  t.not(checksumOf(5, versionOf(7n + 2n ** 63n, 2).stamp, data), checksum);
  t.not(checksumOf(5, versionOf(7, 3).stamp, data), checksum);
  for (let index = 0; index < SECTOR_SIZE_BYTES; index += 1) {
    const changed = data.slice();
    changed[index] = (changed[index] ?? 0) ^ 1;
    t.assert(checksumOf(5, versionOf(7, 2).stamp, changed) !== checksum, `byte ${index}`);
  }
});

test('only zeros are zeros', (t) => {
  t.true(isZeroSector(ZERO_SECTOR));
  t.true(isZeroSector(Buffer.alloc(SECTOR_SIZE_BYTES)));
  for (let index = 0; index < SECTOR_SIZE_BYTES; index += 1) {
    const data = new Uint8Array(SECTOR_SIZE_BYTES);
    data[index] = 0x80;
    t.assert(!isZeroSector(data), `byte ${index}`);
  }
});
