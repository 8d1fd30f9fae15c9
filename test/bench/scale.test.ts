import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../config/folder.js';
import type { ProcessStatus } from '../helpers/processStatus.js';
import { bytesOnDisk } from './diskUsage.js';
import { fill } from './lanes.js';
import type { LoadSpec } from './loadSpec.js';
import type { Row } from './rows.js';
import { scaledTableOf } from './rows.js';
import { parseScaleOptions } from './scaleOptions.js';
import type { SectorStep } from './scaleSectors.js';
import {
  bytesForEach,
  bytesNeeded,
  evenShape,
  fitsDescriptors,
  fitsOnDisk,
  median,
  openFilesMax,
  sectorSteps,
} from './scaleSteps.js';
import { connectionTable, describeIndex, sectorTable } from './scaleTables.js';
import { seesWhole } from './whole.js';

const MEBIBYTE_BYTES = 2 ** 20;
const GIBIBYTE_BYTES = 2 ** 30;

const STEP: SectorStep = {
  sectors: 1_000,
  loadedBytes: [110, 100, 120].map((mebibytes) => mebibytes * MEBIBYTE_BYTES),
  idleBytes: [70, 72, 71].map((mebibytes) => mebibytes * MEBIBYTE_BYTES),
  idleOwnBytes: [30, 31, 32].map((mebibytes) => mebibytes * MEBIBYTE_BYTES),
  diskBytes: [4_200_000, 4_300_800, 4_100_000],
  restarts: [1, 2, 3].map((ms) => ({ endMs: ms, pingMs: 100 * ms, wholeMs: 200 * ms })),
};
const MILLION: SectorStep = {
  ...STEP,
  sectors: 1_000_000,
  idleBytes: [110, 111, 112].map((mebibytes) => mebibytes * MEBIBYTE_BYTES),
};

test('options of bench:scale', (t) => {
  t.is(parseScaleOptions(['-h']), null);
  t.like(parseScaleOptions([]), { sectorsMax: 1_000_000, seconds: 5, extension: 'on', json: null });
  t.deepEqual(parseScaleOptions([])?.parts, ['sectors', 'processes', 'connections']);
  const some = ['--part', 'connections', '--part', 'sectors', '--sectors-max', '5000'];
  const given = parseScaleOptions(some);
  t.deepEqual(given?.parts, ['sectors', 'connections']);
  t.is(given?.sectorsMax, 5_000);
  t.throws(() => parseScaleOptions(['--part', 'weather']), { message: /--part .* weather/ });
  t.throws(() => parseScaleOptions(['--sectors-max', '999']), { message: /1000 or more/ });
  t.throws(() => parseScaleOptions(['--sectors-max', '2097153']), { message: /2097152/ });
  t.throws(() => parseScaleOptions(['--seconds', '0']), { message: /--seconds/ });
  t.throws(() => parseScaleOptions(['--extension', 'no']), { message: /--extension/ });
});

test('sectors are written by powers of ten, and up to the most', (t) => {
  t.deepEqual(sectorSteps(1_000_000), [1_000, 10_000, 100_000, 1_000_000]);
  t.deepEqual(sectorSteps(1_000), [1_000]);
  t.deepEqual(sectorSteps(300_000), [1_000, 10_000, 100_000, 300_000]);
});

test('what does not fit on the disk, beside what others need, is not begun', (t) => {
  const needed = bytesNeeded(1_000_000, 3);
  t.true(needed > 3 * 1_000_000 * 4_096 && needed < 13 * GIBIBYTE_BYTES);
  t.true(fitsOnDisk(1_000_000, 0, 3, needed + 2 * GIBIBYTE_BYTES));
  t.false(fitsOnDisk(1_000_000, 0, 3, needed + 2 * GIBIBYTE_BYTES - 1));
  // What is written already takes no more room.
  t.true(fitsOnDisk(1_000_000, 900_000, 3, 4 * GIBIBYTE_BYTES));
  t.false(fitsOnDisk(1_000_000, 0, 3, 4 * GIBIBYTE_BYTES));
});

test('a client needs a descriptor for each connection, and some besides', (t) => {
  const limits = [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max open files            1064                 20000                files     ',
  ];
  t.is(openFilesMax(limits.join('\n')), 1_064);
  t.is(openFilesMax('Max open files            unlimited   unlimited   files'), Infinity);
  t.true(fitsDescriptors(1_000, 1_064));
  t.false(fitsDescriptors(1_000, 1_063));
});

test('every process has as many connections, and all have about the depth', (t) => {
  t.deepEqual(evenShape(3, 64), { connections: 3, depth: 21 });
  t.deepEqual(evenShape(4, 64), { connections: 4, depth: 16 });
  t.deepEqual(evenShape(7, 64), { connections: 7, depth: 9 });
  t.deepEqual(evenShape(200, 64), { connections: 200, depth: 1 });
});

test('what each takes is counted beyond the first', (t) => {
  const base = { bytes: 1_000, count: 10 };
  t.is(bytesForEach(1_400, 20, base), 40);
  t.is(bytesForEach(1_000, 10, base), null);
  t.is(bytesForEach(1_000, 10, undefined), null);
  t.is(median([5, 1, 3]), 3);
  t.is(median([4, 1]), 1);
});

test('the table of sectors shows all processes, and counts the one in the middle', (t) => {
  const [head, first, last] = sectorTable([STEP, MILLION]);
  const after = (cells: readonly string[], name: string): string => cells[head.indexOf(name) + 1];
  const cell = (cells: readonly string[], name: string): string => cells[head.indexOf(name)];
  t.is(cell(first, 'loaded MiB'), '110/100/120');
  t.is(after(first, 'idle MiB'), '-');
  t.is(cell(first, 'whole ms'), '200/400/600');
  t.is(cell(first, 'disk MiB'), '4.1');
  t.is(cell(first, 'disk/data'), '1.050');
  t.is(cell(last, 'idle MiB'), '110/111/112');
  t.is(after(last, 'idle MiB'), '42');
  t.is(after(last, 'loaded MiB'), '0');
  const [, , , third] = sectorTable([STEP, MILLION, { ...MILLION, sectors: 2_000_000 }]);
  t.is(cell(third, 'B/more'), '0');
});

test('the index is judged by many sectors only', (t) => {
  const large = { ...MILLION, idleBytes: MILLION.idleBytes.map((bytes) => bytes * 2) };
  const some = { ...large, sectors: 100_000 };
  const lines = describeIndex([STEP, MILLION]);
  t.regex(lines[0], /resident: 42\.0 bytes .* within the bound of 64/);
  t.regex(lines[1], /its own: 0\.0 bytes .* within/);
  t.is(lines.length, 2);
  t.regex(describeIndex([STEP, some])[0], /too few/);
  for (const steps of [[], [STEP]]) t.regex(describeIndex(steps)[0], /only one/);
  // What is there once only does not count for the last step.
  const [all, last] = describeIndex([STEP, some, { ...large, sectors: 1_000_000 }]);
  t.regex(all, /from 1000 to 1000000; BEYOND/);
  t.regex(last, / 0\.0 bytes .* from 100000 to 1000000; within/);
});

test('the table of connections', (t) => {
  const residentBytes = STEP.idleBytes;
  const step = { connections: 10, what: 'read', sockets: [4, 3, 3], residentBytes } as const;
  t.deepEqual(connectionTable([step])[1], ['10 connections read', '4/3/3', '70/72/71']);
});

test('rows of something that grows are compared with the first of their kind', (t) => {
  const row: Row = {
    ...{ subject: 'small', what: 'write', depth: 64, perSecond: 100 },
    ...{ p50Ms: 1, p99Ms: 2, maxMs: 3, othersShare: 0.5, counters: null },
    ...{ processesCpuUs: 200, clientCpuUs: 50 },
  };
  const large = { ...row, subject: 'large', perSecond: 50, processesCpuUs: 300, depth: 1 };
  const read = { ...row, what: 'read' };
  const [head, ...lines] = scaledTableOf([row, read, large]);
  const at = (name: string): string[] => lines.map((cells) => cells[head.indexOf(name)]);
  t.deepEqual(at(''), ['small write', 'large write', 'small read']);
  t.deepEqual(at('to first'), ['x1.00', 'x0.50', 'x1.00']);
  t.deepEqual(at('CPU to first'), ['x1.00', 'x1.50', 'x1.00']);
});

test('a folder takes what is in it, not its holes', (t) => {
  const folder = makeFolder(t, {});
  mkdirSync(join(folder, 'sub'));
  const before = bytesOnDisk(folder);
  writeFileSync(join(folder, 'sub', 'data'), Buffer.alloc(MEBIBYTE_BYTES, 1));
  const hole = join(folder, 'hole');
  writeFileSync(hole, '');
  truncateSync(hole, 64 * MEBIBYTE_BYTES);
  const taken = bytesOnDisk(folder) - before;
  t.true(taken >= MEBIBYTE_BYTES && taken < 2 * MEBIBYTE_BYTES, String(taken));
});

test('a cluster is whole when all see each other, and nobody is owed anything', (t) => {
  const whole = {
    ...{ rank: 1, standing: 'member', damaged: 0, missed: { 2: 0 }, missedMore: false },
    connected: [2, 3],
  } as unknown as ProcessStatus;
  const isWhole = (change: Partial<ProcessStatus>): boolean => seesWhole({ ...whole, ...change }, [1, 2, 3]);
  t.true(isWhole({}));
  t.false(isWhole({ standing: 'joining' }));
  t.false(isWhole({ connected: [3] }));
  t.false(isWhole({ missed: { 2: 1 } }));
  t.false(isWhole({ missedMore: true }));
  t.false(isWhole({ damaged: 1 }));
});

test('a fill begins behind what is there, and writes the rest once', async (t) => {
  const written: number[] = [];
  const target = {
    read: () => Promise.reject(new Error('nothing is read')),
    write: (item: number) => {
      written.push(item);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  await fill(target, { connections: 2, depth: 3, from: 10, items: 30 } as LoadSpec);
  t.deepEqual(
    written,
    Array.from({ length: 20 }, (_, index) => 10 + index),
  );
});
