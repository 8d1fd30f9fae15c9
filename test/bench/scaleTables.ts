/** The tables of bench:scale beside those of its rows. Pure. */
import type { ConnectionStep } from './scaleConnections.js';
import type { SectorStep } from './scaleSectors.js';
import { bytesForEach, median } from './scaleSteps.js';

const SECTOR_SIZE_BYTES = 4_096;
const MEBIBYTE_BYTES = 2 ** 20;
/** Of resident memory, for each sector written. */
export const INDEX_BYTES_MAX = 64;
/** With fewer, the few MiB by which any two processes of Node differ count for more. */
const SECTORS_JUDGED_MIN = 500_000;

const SECTOR_HEAD = [
  ...['sectors', 'loaded MiB', 'B/sector', 'idle MiB', 'B/sector', 'B/more', 'own MiB', 'B/more'],
  ...['end ms', 'ping ms', 'whole ms', 'disk MiB', 'disk/data'],
];

type MemoryName = 'idleBytes' | 'idleOwnBytes' | 'loadedBytes';

/**
 * Cells; of the processes all are shown, and the one in the middle counts. `B/sector` is what was taken beyond the
 * first step, `B/more` beyond the one before.
 */
export function sectorTable(steps: readonly SectorStep[]): string[][] {
  const [first] = steps;
  const lines = steps.map((step, index) => {
    const before = steps.at(Math.max(0, index - 1)) ?? first;
    const { sectors, loadedBytes, idleBytes, idleOwnBytes, diskBytes, restarts } = step;
    const disk = Math.max(...diskBytes);
    const all = (name: keyof (typeof restarts)[number]): string => perProcess(restarts.map((one) => one[name]));
    return [
      String(sectors),
      mebibytes(loadedBytes),
      beyond(step, first, 'loadedBytes')?.toFixed(0) ?? '-',
      mebibytes(idleBytes),
      beyond(step, first, 'idleBytes')?.toFixed(0) ?? '-',
      beyond(step, before, 'idleBytes')?.toFixed(0) ?? '-',
      mebibytes(idleOwnBytes),
      beyond(step, before, 'idleOwnBytes')?.toFixed(0) ?? '-',
      ...[all('endMs'), all('pingMs'), all('wholeMs')],
      (disk / MEBIBYTE_BYTES).toFixed(1),
      (disk / (sectors * SECTOR_SIZE_BYTES)).toFixed(3),
    ];
  });
  return [SECTOR_HEAD, ...lines];
}

/**
 * The last lines of the part: what the index takes, as far as it can be seen. Some of what an idle process takes beyond
 * an empty one is no index, and there once: the room that V8 has for young objects is larger after a start that read
 * much. So the last step counts besides; and so does what is left of it without the tables of LevelDB, which are read
 * as mapped files.
 */
export function describeIndex(steps: readonly SectorStep[]): string[] {
  const last = steps.at(-1);
  if (last === undefined || steps.length < 2) {
    return ['memory: only one number of sectors was measured'];
  }
  const first = steps[0];
  const before = steps[steps.length - 2];
  return [
    describeGrowth('resident', 'idleBytes', first, last),
    ...(before === first ? [] : [describeGrowth('resident', 'idleBytes', before, last)]),
    describeGrowth('its own', 'idleOwnBytes', before, last),
  ];
}

function describeGrowth(what: string, name: MemoryName, from: SectorStep, to: SectorStep): string {
  const { sectors } = to;
  const bytes = beyond(to, from, name) ?? 0;
  const found = bytes <= INDEX_BYTES_MAX ? 'within' : 'BEYOND';
  const verdict = sectors < SECTORS_JUDGED_MIN ? 'too few to judge by' : found;
  return (
    `memory of idle processes, ${what}: ${bytes.toFixed(1)} bytes for each sector from ` +
    `${from.sectors} to ${sectors}; ${verdict} the bound of ${INDEX_BYTES_MAX}`
  );
}

export function connectionTable(steps: readonly ConnectionStep[]): string[][] {
  const lines = steps.map(({ connections, what, sockets, residentBytes }) => [
    `${connections} connections ${what}`,
    perProcess(sockets),
    mebibytes(residentBytes),
  ]);
  return [['', 'sockets', 'resident MiB'], ...lines];
}

function beyond(step: SectorStep, first: SectorStep, name: MemoryName): number | null {
  const base = { bytes: median(first[name]), count: first.sectors };
  return bytesForEach(median(step[name]), step.sectors, base);
}

const mebibytes = (bytes: readonly number[]): string => perProcess(bytes.map((one) => one / MEBIBYTE_BYTES));

const perProcess = (values: readonly number[]): string => values.map((value) => value.toFixed(0)).join('/');
