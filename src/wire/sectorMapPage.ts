/** The answer to MAP: one page of 4096 bytes (docs/peer-extension.md). Bytes that are no valid page decode to null. */
import type { KnownDisk, SectorMap, ToldRun } from '../core/sectorMap.js';
import type { Rank } from '../core/rank.js';
import { RANK_MAX } from '../core/rank.js';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import type { CoordinatorId, StrictStamp } from '../core/strict/version.js';
import { COUNTER_REFUSED, STRICT_STAMP_INITIAL, coordinatorOfRank, rankOfCoordinator } from '../core/strict/version.js';
import type { RegisterMode } from '../core/membership/registerMode.js';
import { REGISTER_MODES } from '../core/membership/registerMode.js';
import { assert } from '../core/assert.js';

/** The version of a page of each mode: the stamps of the strict mode are longer. */
const VERSIONS: Readonly<Record<RegisterMode, number>> = { open: 1, strict: 2 };
const OFFSET_RANK = 1;
const OFFSET_PROCESSES = 2;
const OFFSET_COUNT = 4;
const OFFSET_FROM = 8;
const OFFSET_DISKS = 16;
const DISK_BYTES = 6;
const RUN_BYTES: Readonly<Record<RegisterMode, number>> = { open: 16, strict: 32 };
/** The bound of a field of six bytes. */
const SECTORS_MAX = 2 ** 48;
const KIND_DATA = 0;
const KIND_ZEROS = 1;

/** The number of runs for which a page has room, in a cluster of so many processes of that mode. */
export function runsPerPage(processCount: number, mode: RegisterMode): number {
  return Math.floor((SECTOR_SIZE_BYTES - OFFSET_DISKS - processCount * DISK_BYTES) / RUN_BYTES[mode]);
}

/**
 * @param map It has at most `runsPerPage` runs.
 * @returns 4096 bytes.
 */
export function encodeSectorMap({ rank, disks, from, runs }: SectorMap, mode: RegisterMode): Uint8Array {
  const page = Buffer.alloc(SECTOR_SIZE_BYTES);
  page[0] = VERSIONS[mode];
  page[OFFSET_RANK] = rank;
  page[OFFSET_PROCESSES] = disks.length;
  page.writeUInt16BE(runs.length, OFFSET_COUNT);
  page.writeBigUInt64BE(BigInt(from), OFFSET_FROM);
  disks.forEach(({ incarnation, mark }, index) => {
    page.writeUInt16BE(incarnation, OFFSET_DISKS + index * DISK_BYTES);
    page.writeUInt32BE(mark, OFFSET_DISKS + index * DISK_BYTES + 2);
  });
  const start = OFFSET_DISKS + disks.length * DISK_BYTES;
  runs.forEach(({ sectors, zeros }, index) => {
    const at = start + index * RUN_BYTES[mode];
    page.writeUIntBE(sectors, at, 6);
    page[at + 6] = zeros === null ? KIND_DATA : KIND_ZEROS;
    const { counter, coordinator } = zeros ?? STRICT_STAMP_INITIAL;
    page.writeBigUInt64BE(counter, at + 8);
    if (mode === 'strict') page.write(coordinator, at + 16, 'latin1');
    else page[at + 7] = rankOf(coordinator);
  });
  return page;
}

/**
 * @param data The data of an answer, which anyone with the key can make up.
 * @returns null if it is no valid page.
 */
export function decodeSectorMap(data: Uint8Array): SectorMap | null {
  const page = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (page.length !== SECTOR_SIZE_BYTES) return null;
  const mode = REGISTER_MODES.find((known) => VERSIONS[known] === page[0]);
  if (mode === undefined) return null;
  const rank = page[OFFSET_RANK];
  const processCount = page[OFFSET_PROCESSES];
  const count = page.readUInt16BE(OFFSET_COUNT);
  const from = page.readBigUInt64BE(OFFSET_FROM);
  const isRank = rank >= 1 && rank <= processCount && processCount <= RANK_MAX;
  if (!isRank || count > runsPerPage(processCount, mode) || from > BigInt(SECTORS_MAX)) return null;
  const disks = Array.from({ length: processCount }, (_, index): KnownDisk => {
    const at = OFFSET_DISKS + index * DISK_BYTES;
    return { incarnation: page.readUInt16BE(at), mark: page.readUInt32BE(at + 2) };
  });
  const runs: ToldRun[] = [];
  for (let index = 0; index < count; index += 1) {
    const run = decodeRun(page, OFFSET_DISKS + processCount * DISK_BYTES + index * RUN_BYTES[mode], mode);
    if (run === null) return null;
    runs.push(run);
  }
  return { rank, disks, from: Number(from), runs };
}

function decodeRun(page: Buffer, at: number, mode: RegisterMode): ToldRun | null {
  const sectors = page.readUIntBE(at, 6);
  const kind = page[at + 6];
  const stamp = decodeStamp(page, at, mode);
  if (sectors === 0 || stamp === null) return null;
  if (kind === KIND_DATA) return { sectors, zeros: null };
  return kind === KIND_ZEROS ? { sectors, zeros: stamp } : null;
}

function decodeStamp(page: Buffer, at: number, mode: RegisterMode): StrictStamp | null {
  const counter = page.readBigUInt64BE(at + 8);
  if (counter >= COUNTER_REFUSED) return null;
  if (mode === 'strict') return { counter, coordinator: page.toString('latin1', at + 16, at + 32) };
  const rank = page[at + 7];
  return rank <= RANK_MAX ? { counter, coordinator: coordinatorOfRank(rank) } : null;
}

function rankOf(coordinator: CoordinatorId): Rank {
  const rank = rankOfCoordinator(coordinator);
  assert(rank !== null, 'a stamp of the strict register is told as one of the open mode');
  return rank;
}
