import test from 'ava';
import fc from 'fast-check';
import type { SectorRecord } from '../../src/ports/blockFiles.js';
import { decodeRecord, encodeRecord, recordKeyOf } from '../../src/store/recordFormat.js';

const records: fc.Arbitrary<SectorRecord> = fc.record({
  sector: fc.maxSafeNat(),
  stamp: fc.record({
    timestamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    writeRank: fc.integer({ min: 0, max: 255 }),
  }),
  slot: fc.option(fc.integer({ min: 0, max: 0xffff_fffd })),
  checksum: fc.integer({ min: 0, max: 0xffff_ffff }),
});

test('a record comes back as it was', (t) => {
  fc.assert(
    fc.property(records, (record) => {
      const { key, value } = encodeRecord(record);
      t.deepEqual(decodeRecord(key, value), record);
      t.deepEqual(key, recordKeyOf(record.sector));
    }),
  );
});

test('any flipped bit is noticed', (t) => {
  fc.assert(
    fc.property(records, fc.nat(), (record, choice) => {
      const { key, value } = encodeRecord(record);
      const bytes = Buffer.concat([key, value]);
      const bit = choice % (bytes.length * 8);
      bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      t.is(decodeRecord(bytes.subarray(0, 9), bytes.subarray(9)), null);
    }),
  );
});

test('other lengths are refused', (t) => {
  const { key, value } = encodeRecord({
    sector: 1,
    stamp: { timestamp: 1n, writeRank: 1 },
    slot: 2,
    checksum: 3,
  });
  t.is(decodeRecord(key, value.subarray(1)), null);
  t.is(decodeRecord(key.subarray(1), value), null);
  t.is(decodeRecord(key, Buffer.concat([value, Buffer.alloc(1)])), null);
});

test('the bytes on the disk stay what they are', (t) => {
  const { key, value } = encodeRecord({
    sector: 0x1122334455,
    stamp: { timestamp: 0x0102030405060708n, writeRank: 9 },
    slot: 0x0a0b0c0d,
    checksum: 0xdeadbeef,
  });
  t.is(Buffer.from(key).toString('hex'), '010000001122334455');
  t.is(
    Buffer.from(value).toString('hex'),
    // The last four bytes: CRC-32 of all the others, computed with another program.
    '0102030405060708' + '09' + '0a0b0c0d' + 'deadbeef' + '29c2c613',
  );
});
