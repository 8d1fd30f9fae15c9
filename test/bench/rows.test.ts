import test from 'ava';
import { newCounters } from '../../src/core/counters.js';
import { makeFolder } from '../config/folder.js';
import type { Measured } from './baseline.js';
import { readBaseline, saveBaseline, withMeasured } from './baseline.js';
import { difference, perOperation, sumOf } from './counters.js';
import { parseOptions, wholeOption } from './options.js';
import { cpuTicksOf, machineTicksOf, othersShare } from './processorTime.js';
import type { Row } from './rows.js';
import { alignedLines, byKey, keyOf, medianRows, ratio, rowOf, tableOf } from './rows.js';
import { stallOfLog, stallTable, worst } from './stall.js';

const ROW: Row = {
  subject: 'library',
  what: 'write',
  depth: 16,
  perSecond: 710,
  p50Ms: 20,
  p99Ms: 80,
  maxMs: 100,
  processesCpuUs: 900,
  clientCpuUs: 150,
  othersShare: 0.25,
  counters: { ...newCounters(), peerMessages: 8, peerWrites: 2, clientWrites: 0.5 },
};
const ETCD: Row = { ...ROW, subject: 'etcd', perSecond: 1_420, counters: null };

const MEASURED: Measured = {
  date: '2026-01-01T00:00:00.000Z',
  commit: 'abc',
  machine: { node: 'v20', cores: 2, model: 'a machine' },
  setting: { seconds: 5 },
  flush: { p50Ms: 0.123456, p99Ms: 1 },
  rows: byKey([ROW]),
};

test('counters are added, subtracted and divided one by one', (t) => {
  const one = { ...newCounters(), tagsMade: 7, peerBytes: 100 };
  const other = { ...newCounters(), tagsMade: 3, dataFlushes: 2 };
  const sum = { ...newCounters(), tagsMade: 10, peerBytes: 100, dataFlushes: 2 };
  t.deepEqual(sumOf(one, other), sum);
  t.deepEqual(difference(sum, other), one);
  t.deepEqual(perOperation(sum, 4), {
    ...newCounters(),
    ...{ tagsMade: 2.5, peerBytes: 25, dataFlushes: 0.5 },
  });
});

test('a row says what one operation took', (t) => {
  const counters = { ...newCounters(), peerMessages: 80 };
  const latencies = { operations: 10, perSecond: 5, p50Ms: 1, p99Ms: 2, maxMs: 3 };
  const cpu = { processesCpuUs: 1_000, clientCpuUs: 200, othersShare: 0.5 };
  const row = rowOf('library', 'read', 1, { ...latencies, ...cpu, longestGapMs: 4, counters });
  t.is(row.counters?.peerMessages, 8);
  t.is(row.processesCpuUs, 100);
  t.is(row.clientCpuUs, 20);
});

test('a row is compared with the baseline, and with etcd in the same run', (t) => {
  const before = byKey([{ ...ROW, perSecond: 500, processesCpuUs: 1_000 }]);
  const [head, library, etcd] = tableOf([ROW, ETCD], before);
  const cell = (cells: readonly string[], name: string): string => cells[head.indexOf(name)];
  t.is(cell(library, 'baseline'), 'x1.42');
  t.is(cell(library, 'CPU'), 'x0.90');
  t.is(cell(library, 'etcd'), 'x0.50');
  t.is(cell(library, 'writes'), '2.50');
  t.is(cell(library, 'others'), '25%');
  t.is(cell(etcd, 'baseline'), '-');
  t.is(cell(etcd, 'etcd'), '-');
  t.is(cell(etcd, 'messages'), '-');
  t.is(ratio(1, 0), null);
});

test('what is to be compared stands together, the lowest depth first', (t) => {
  const deeper = { ...ROW, depth: 64 };
  const read = { ...ROW, what: 'read', depth: 1 };
  const [, ...lines] = tableOf([deeper, ROW, read, ETCD], {});
  t.deepEqual(
    lines.map(([name, depth]) => `${name} ${depth}`),
    ['library write 16', 'etcd write 16', 'library write 64', 'library read 1'],
  );
});

test('of rows that were measured several times, the one in the middle counts', (t) => {
  const rows = [300, 900, 100].map((perSecond) => ({ ...ROW, perSecond }));
  t.deepEqual(
    medianRows([...rows, ETCD]).map(({ perSecond }) => perSecond),
    [300, ETCD.perSecond],
  );
  t.deepEqual(medianRows(rows.slice(0, 2)), [rows[0]]);
});

test('columns are aligned, the first to the left', (t) => {
  const table = [
    ['', 'ops/s'],
    ['library', '7'],
  ];
  t.deepEqual(alignedLines(table), ['         ops/s', 'library      7']);
});

test('a saved baseline keeps the other bench, and rows that were not measured this time', (t) => {
  const file = `${makeFolder(t, {})}/benchmarks.json`;
  t.deepEqual(readBaseline(file), {});
  saveBaseline('bench:nbd', MEASURED, file);
  saveBaseline('bench', MEASURED, file);
  saveBaseline('bench', { ...MEASURED, commit: 'def', rows: byKey([ETCD]) }, file);
  const saved = readBaseline(file);
  t.is(saved['bench:nbd']?.commit, 'abc');
  t.is(saved.bench?.commit, 'def');
  t.deepEqual(Object.keys(saved.bench?.rows ?? {}).sort(), [keyOf(ETCD), keyOf(ROW)]);
  t.is(saved.bench?.flush.p50Ms, 0.1235);
  t.deepEqual(withMeasured({}, 'bench', MEASURED), { bench: MEASURED });
});

test('processor time is found, also behind a name with blanks and brackets', (t) => {
  const stat = '7 (a ) b) S 1 7 7 0 -1 4194560 11 0 0 0 120 30 0 0 20 0 11 0 1 1 1';
  t.is(cpuTicksOf(stat), 150);
  t.is(machineTicksOf('cpu  1 2 4 100 200 8 16 32 0 0\ncpu0 1 2 4'), 63);
  t.is(othersShare(3_000, 4_000, 1), 0);
});

test('options of a bench', (t) => {
  t.is(parseOptions(['--help'], []), null);
  const parsed = parseOptions(['--depth', '4', '--seconds', '2', '--profile-folder', 'x'], ['depth']);
  t.is(wholeOption(parsed?.own ?? {}, 'depth', 8), 4);
  t.like(parsed?.common, { seconds: 2, isProfiled: true, profileFolder: 'x', hasEtcd: true });
  t.throws(() => wholeOption({ depth: '9' }, 'depth', 8), { message: /--depth has to be a whole/ });
  t.throws(() => parseOptions(['--seconds', '0'], []), { message: /--seconds/ });
  t.throws(() => parseOptions(['--weather'], []));
});

test('a stall is the longest gap, and the longest latency', (t) => {
  // As fio writes it: writes first, then reads.
  const log = ['5, 2000000, 1, 4096, 0, 0', '90, 7000000, 1, 4096, 0, 0', '40, 50000000, 0, 4096, 0, 0'];
  t.deepEqual(stallOfLog(`${log.join('\n')}\n`), { gapMs: 50, latencyMs: 50 });
  t.deepEqual(stallOfLog(''), { gapMs: 0, latencyMs: 0 });
  const stalls = [
    { gapMs: 5, latencyMs: 90 },
    { gapMs: 7, latencyMs: 8 },
  ];
  t.deepEqual(worst(stalls), { gapMs: 7, latencyMs: 90 });
  const table = stallTable({ worst: worst(stalls), other: stalls[0] }, { worst: stalls[1] });
  t.deepEqual(table.slice(1), [
    ['worst', '7', '90', '8'],
    ['other', '5', '90', '-'],
  ]);
});
