/** The table that a bench prints, and its comparison with the baseline and with etcd. Pure. */
import type { ProcessCounters } from '../../src/core/counters.js';
import { perOperation } from './counters.js';
import type { LoadResult } from './loadSpec.js';

/** What was measured with so many operations under way. */
export interface Row {
  /** `library`, `gateway` or `etcd`. */
  readonly subject: string;
  /** `write`, `read`, … */
  readonly what: string;
  readonly depth: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Of all processes (and the gateway) and of the client, for each operation. */
  readonly processesCpuUs: number | null;
  readonly clientCpuUs: number | null;
  /** Of all cores, what programs took that have no part in it. */
  readonly othersShare: number;
  /** For each operation, of all processes. */
  readonly counters: ProcessCounters | null;
}

/** Rows by `keyOf`; what a baseline file keeps. */
export type Rows = Readonly<Record<string, Row>>;

export function rowOf(subject: string, what: string, depth: number, result: LoadResult): Row {
  const { operations, perSecond, p50Ms, p99Ms, maxMs, counters } = result;
  return {
    ...{ subject, what, depth, perSecond, p50Ms, p99Ms, maxMs },
    processesCpuUs: result.processesCpuUs / operations,
    clientCpuUs: result.clientCpuUs / operations,
    othersShare: result.othersShare,
    counters: counters === null ? null : perOperation(counters, operations),
  };
}

export function keyOf({ subject, what, depth }: Pick<Row, 'subject' | 'what' | 'depth'>): string {
  return `${subject} ${what} ${depth}`;
}

export function byKey(rows: readonly Row[]): Rows {
  return Object.fromEntries(rows.map((row) => [keyOf(row), row]));
}

/** Of each row that was measured several times the one in the middle, by throughput. */
export function medianRows(rows: readonly Row[]): Row[] {
  const all = new Map<string, Row[]>();
  for (const row of rows) all.set(keyOf(row), [...(all.get(keyOf(row)) ?? []), row]);
  return [...all.values()].map((same) => {
    const sorted = [...same].sort((one, other) => one.perSecond - other.perSecond);
    return sorted[Math.floor((sorted.length - 1) / 2)];
  });
}

/** "x1.42": so many times as much; null where there is nothing to compare with. */
export function ratio(value: number, to: number | undefined): string | null {
  return to === undefined || to === 0 ? null : `x${(value / to).toFixed(2)}`;
}

const HEAD = [
  ...['', 'depth', 'ops/s', 'p50 ms', 'p99 ms', 'max ms', 'messages', 'bytes', 'writes'],
  ...['tags', 'checks', 'data fl.', 'meta fl.', 'CPU us', 'client us', 'others'],
];
const HEAD_COMPARED = ['baseline', 'CPU', 'etcd'];
const HEAD_SCALED = ['to first', 'CPU to first'];

/** Cells; the first line is the head. */
export function tableOf(rows: readonly Row[], baseline: Rows): string[][] {
  const now = byKey(rows);
  const lines = grouped(rows).map((row) => [...cellsOf(row), ...comparedCells(row, now, baseline)]);
  return [[...HEAD, ...HEAD_COMPARED], ...lines];
}

/** The same of a bench that makes something larger: compared with the first row of the kind. */
export function scaledTableOf(rows: readonly Row[]): string[][] {
  const lines = inKinds(rows).map((row) => {
    const first = rows.find(({ what }) => what === row.what);
    const speed = ratio(row.perSecond, first?.perSecond) ?? '-';
    const cpu = ratio(row.processesCpuUs ?? 0, first?.processesCpuUs ?? 0) ?? '-';
    return [...cellsOf(row), speed, cpu];
  });
  return [[...HEAD, ...HEAD_SCALED], ...lines];
}

/** What is to be compared stands together. */
function grouped(rows: readonly Row[]): Row[] {
  return inKinds(rows, (one, other) => one.depth - other.depth);
}

/** All that write, then all that read, or as they come first. */
function inKinds(rows: readonly Row[], order: (one: Row, other: Row) => number = () => 0): Row[] {
  const kinds = [...new Set(rows.map(({ what }) => what))];
  return kinds.flatMap((kind) => rows.filter(({ what }) => what === kind).sort(order));
}

function cellsOf(row: Row): string[] {
  const { subject, what, depth, perSecond, p50Ms, p99Ms, maxMs, counters } = row;
  const counted =
    counters === null
      ? Array.from({ length: 7 }, () => '-')
      : [
          counters.peerMessages.toFixed(2),
          counters.peerBytes.toFixed(0),
          (counters.peerWrites + counters.clientWrites).toFixed(2),
          counters.tagsMade.toFixed(2),
          counters.tagsChecked.toFixed(2),
          counters.dataFlushes.toFixed(2),
          counters.metadataFlushes.toFixed(2),
        ];
  return [
    `${subject} ${what}`,
    String(depth),
    perSecond.toFixed(0),
    ...[p50Ms, p99Ms, maxMs].map((ms) => ms.toFixed(2)),
    ...counted,
    ...[row.processesCpuUs, row.clientCpuUs].map((us) => us?.toFixed(0) ?? '-'),
    `${(100 * row.othersShare).toFixed(0)}%`,
  ];
}

function comparedCells(row: Row, now: Rows, baseline: Rows): string[] {
  const { subject, perSecond } = row;
  const yardstick = now[keyOf({ ...row, subject: 'etcd' })] as Row | undefined;
  const before = baseline[keyOf(row)] as Row | undefined;
  return [
    ratio(perSecond, before?.perSecond) ?? '-',
    ratio(row.processesCpuUs ?? 0, before?.processesCpuUs ?? 0) ?? '-',
    (subject === 'etcd' ? null : ratio(perSecond, yardstick?.perSecond)) ?? '-',
  ];
}

/** The first column to the left, numbers to the right. */
export function alignedLines(table: readonly (readonly string[])[]): string[] {
  const widths = table[0].map((_, column) => Math.max(...table.map((cells) => cells[column].length)));
  return table.map((cells) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  );
}
