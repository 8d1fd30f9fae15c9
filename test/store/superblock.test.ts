import test from 'ava';
import {
  admitSuperblock,
  decodeSuperblock,
  encodeSuperblock,
  STORE_FORMAT_VERSION,
  type Superblock,
} from '../../src/store/superblock.js';

const superblock: Superblock = {
  formatVersion: STORE_FORMAT_VERSION,
  phase: 'ready',
  cluster: 'c1',
  rank: 2,
  processCount: 3,
  sectors: 1000,
  createdBy: 'test 1',
};
const identity = { cluster: 'c1', rank: 2, processCount: 3, sectors: 1000 };

test('a superblock comes back as it was', (t) => {
  t.deepEqual(decodeSuperblock(encodeSuperblock(superblock), '/f'), superblock);
});

test('fields of later versions of the program are no fault', (t) => {
  const bytes = Buffer.from(JSON.stringify({ ...superblock, lastStart: 'x' }));
  t.deepEqual(decodeSuperblock(bytes, '/f'), superblock);
});

for (const version of [0, STORE_FORMAT_VERSION + 1, 2.5, 7]) {
  test(`format version ${version} is refused before anything else is looked at`, (t) => {
    const bytes = Buffer.from(JSON.stringify({ formatVersion: version }));
    const found = new RegExp(
      `/f has format version ${version}; this program knows the versions 1 to ` + `${STORE_FORMAT_VERSION}\\. Start`,
    );
    t.throws(() => decodeSuperblock(bytes, '/f'), { code: 'ATDD_STORE_FORMAT', message: found });
  });
}

test('the older version is told, for the upgrade', (t) => {
  for (let formatVersion = 1; formatVersion < STORE_FORMAT_VERSION; formatVersion += 1) {
    const bytes = encodeSuperblock({ ...superblock, formatVersion });
    t.is(decodeSuperblock(bytes, '/f').formatVersion, formatVersion);
  }
});

for (const [name, text] of Object.entries({
  'no JSON': '{"formatVersion":1',
  'no object': '1',
  null: 'null',
  'a missing field': JSON.stringify({ ...superblock, rank: undefined }),
  'an unknown phase': JSON.stringify({ ...superblock, phase: 'half' }),
  'no version': JSON.stringify({ ...superblock, formatVersion: undefined }),
})) {
  test(`an unreadable superblock is refused: ${name}`, (t) => {
    t.throws(() => decodeSuperblock(Buffer.from(text), '/f'), { code: 'ATDD_STORE_CORRUPT' });
  });
}

test('one’s own folder is admitted, and grows with the configuration', (t) => {
  t.deepEqual(admitSuperblock(superblock, identity, '/f'), superblock);
  t.is(admitSuperblock(superblock, { ...identity, sectors: 2000 }, '/f').sectors, 2000);
});

for (const [field, other, message] of [
  ['cluster', 'c2', /cluster: found c1, expected c2/],
  ['rank', 1, /rank: found 2, expected 1/],
  ['processCount', 5, /processCount: found 3, expected 5/],
  ['sectors', 999, /sectors: found 1000, expected 999 \(a disk can grow, not shrink\)/],
] as const) {
  test(`the folder of another is refused: ${field}`, (t) => {
    t.throws(() => admitSuperblock(superblock, { ...identity, [field]: other }, '/f'), {
      code: 'ATDD_STORE_FOREIGN',
      message,
    });
  });
}

test('every difference is named', (t) => {
  const other = { cluster: 'c2', rank: 1, processCount: 3, sectors: 1000 };
  t.throws(() => admitSuperblock(superblock, other, '/f'), {
    message: /cluster: found c1, expected c2 \(it follows.*\); rank: found 2, expected 1$/,
  });
});
