import test from 'ava';
import fc from 'fast-check';
import type { SectorRecord } from '../../src/ports/blockFiles.js';
import { decodeLastCommit, encodeLastCommit } from '../../src/store/lastCommitFormat.js';
import { checkOf, decodeRecord, encodeRecords, recordKeyOf } from '../../src/store/recordFormat.js';
import { baseVersions, recordsWith, versions } from './arbitraryRecords.js';
import { versionOf } from './storeHarness.js';

const records = recordsWith(versions);

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** With a flipped bit. */
function flipped(bytes: Uint8Array, choice: number): Buffer {
  const changed = Buffer.from(bytes);
  const bit = choice % (changed.length * 8);
  changed[bit >>> 3] = (changed[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}

test('the records of a commit come back as they were', (t) => {
  fc.assert(
    fc.property(fc.array(records, { maxLength: 20 }), (all) => {
      const encoded = encodeRecords(all);
      t.is(encoded.length, all.length);
      encoded.forEach(({ key, value }, index) => {
        t.deepEqual(decodeRecord(key, value), all[index]);
        t.deepEqual(key, recordKeyOf(all[index].sector));
        t.is(checkOf(all[index]), Buffer.from(value).readUInt32BE(value.length - 4));
      });
    }),
  );
});

test('any flipped bit is noticed', (t) => {
  fc.assert(
    fc.property(records, fc.nat(), (record, choice) => {
      const [{ key, value }] = encodeRecords([record]);
      const bytes = flipped(Buffer.concat([key, value]), choice);
      t.is(decodeRecord(bytes.subarray(0, 9), bytes.subarray(9)), null);
    }),
  );
});

test('other lengths are refused', (t) => {
  fc.assert(
    fc.property(records, (record) => {
      const [{ key, value }] = encodeRecords([record]);
      t.is(decodeRecord(key.subarray(1), value), null);
      for (let end = 0; end < value.length; end += 1) t.is(decodeRecord(key, value.subarray(0, end)), null);
      for (let more = 1; more < 60; more += 1) {
        t.is(decodeRecord(key, Buffer.concat([value, Buffer.alloc(more)])), null);
      }
    }),
    { numRuns: 20 },
  );
});

const PLACE = { sector: 0x1122334455, slot: 0x0a0b0c0d, checksum: 0xdeadbeef };
const COORDINATOR = 'ABCDEFGHIJKLMNO\u00ff';
const COORDINATOR_HEX = '4142434445464748494a4b4c4d4e4fff';

// The last four bytes of each: CRC-32 of all the others, computed with another program.
for (const [name, version, hex] of [
  ['base', versionOf(0x0102030405060708n, 9), '0102030405060708' + '09' + '0a0b0c0d' + 'deadbeef' + '29c2c613'],
  [
    'written',
    {
      stamp: { counter: 0x0102030405060708n, coordinator: COORDINATOR },
      origin: { counter: 0x0102030405060708n, coordinator: COORDINATOR },
    },
    `0102030405060708${COORDINATOR_HEX}0a0b0c0ddeadbeefc8f3b064`,
  ],
  [
    'settled',
    { stamp: { counter: 0x0102030405060708n, coordinator: COORDINATOR }, origin: versionOf(7, 3).origin },
    `0102030405060708${COORDINATOR_HEX}0000000000000007${'00'.repeat(15)}030a0b0c0ddeadbeef2c517a46`,
  ],
] as const) {
  test(`the bytes on the disk stay what they are: ${name}`, (t) => {
    const [{ key, value }] = encodeRecords([{ ...version, ...PLACE }]);
    t.is(hexOf(key), '010000001122334455');
    t.is(hexOf(value), hex);
  });
}

test('what the last commit replaced comes back as it was, any flipped bit is noticed', (t) => {
  const property = (all: fc.Arbitrary<SectorRecord>) =>
    fc.property(fc.array(all, { maxLength: 12 }), fc.nat(2 ** 50), fc.nat(), (replaced, commitCount, choice) => {
      const bytes = encodeLastCommit({ commitCount, replaced });
      t.deepEqual(decodeLastCommit(bytes), { commitCount, replaced });
      t.is(decodeLastCommit(flipped(bytes, choice)), null);
      t.is(decodeLastCommit(bytes.subarray(0, choice % bytes.length)), null);
    });
  fc.assert(property(records));
  fc.assert(property(recordsWith(baseVersions)));
});

test('of the base protocol alone, the last commit has the bytes of format version 3', (t) => {
  const replaced = [
    { ...versionOf(0, 0), sector: 5, slot: null, checksum: 0 },
    { ...versionOf(0x0102030405060708n, 9), ...PLACE },
  ];
  const entries =
    `0000000000000005${'00'.repeat(9)}ffffffff00000000` + '0000001122334455010203040506070809' + '0a0b0c0ddeadbeef';
  t.is(hexOf(encodeLastCommit({ commitCount: 3, replaced })).slice(0, -8), `0000000000000003${entries}`);
});
