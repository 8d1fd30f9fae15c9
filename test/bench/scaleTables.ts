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
  ...['sectors', 'loaded MiB', 'B/sector', 'idle MiB', 'B/sector'],
  ...['end ms', 'ping ms', 'whole ms', 'disk MiB', 'disk/data'],
];

/** Cells; of the processes all are shown, and the one in the middle counts. */
export function sectorTable(steps: readonly SectorStep[]): string[][] {
  const [first] = steps;
  const lines = steps.map((step) => {
    const { sectors, loadedBytes, idleBytes, diskBytes, restarts } = step;
    const disk = Math.max(...diskBytes);
    const all = (name: keyof (typeof restarts)[number]): string =>
      perProcess(restarts.map((one) => one[name]));
    return [
      String(sectors),
      mebibytes(loadedBytes),
      beyond(step, first, 'loadedBytes')?.toFixed(0) ?? '-',
      mebibytes(idleBytes),
      beyond(step, first, 'idleBytes')?.toFixed(0) ?? '-',
      ...[all('endMs'), all('pingMs'), all('wholeMs')],
      (disk / MEBIBYTE_BYTES).toFixed(1),
      (disk / (sectors * SECTOR_SIZE_BYTES)).toFixed(3),
    ];
  });
  return [SECTOR_HEAD, ...lines];
}

/** The last line of the part: what the index takes, as far as it can be seen. */
export function describeIndex(steps: readonly SectorStep[]): string {
  const [first, last] = [steps.at(0), steps.at(-1)];
  const bytes = first && last && beyond(last, first, 'idleBytes');
  if (first === undefined || last === undefined || bytes === undefined || bytes === null) {
    return 'memory of the index: only one number of sectors was measured';
  }
  const found = bytes <= INDEX_BYTES_MAX ? 'within' : 'BEYOND';
  const verdict = last.sectors < SECTORS_JUDGED_MIN ? 'too few to judge by' : found;
  return (
    `memory of the index: ${bytes.toFixed(1)} bytes for each sector from ${first.sectors} to ` +
    `${last.sectors}, idle processes; ${verdict} the bound of ${INDEX_BYTES_MAX}`
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

function beyond(
  step: SectorStep,
  first: SectorStep,
  name: 'idleBytes' | 'loadedBytes',
): number | null {
  const base = { bytes: median(first[name]), count: first.sectors };
  return bytesForEach(median(step[name]), step.sectors, base);
}

const mebibytes = (bytes: readonly number[]): string =>
  perProcess(bytes.map((one) => one / MEBIBYTE_BYTES));

const perProcess = (values: readonly number[]): string =>
  values.map((value) => value.toFixed(0)).join('/');
