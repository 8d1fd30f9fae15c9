/** LISTED, the answer to LIST (docs/strict-wire.md): its reader and writer. */
import { EXTENT_SECTORS } from '../../core/strict/range.js';
import type { ListedExtent, ListedExtents, ReplicaAnswer } from '../../core/strict/replicaMessage.js';
import { LISTED_MAX } from '../../core/strict/replicaMessage.js';
import * as layout from './layout.js';
import type { PackBuilder } from './packBuilder.js';
import type { MessageHead, PackReader } from './packReader.js';

/**
 * The disk of the sender may be larger than the own one, so a list may go beyond its end.
 * @returns null if something is wrong, which the reader has noted.
 */
export function readListed(reader: PackReader, { flags, range, end }: MessageHead): ReplicaAnswer | null {
  if (flags !== 0) return reader.refuse(`LISTED has the flags ${flags}, which are unknown`);
  if (!reader.has(layout.SIZE_LISTED_HEAD, end)) return null;
  const told = reader.safeAt(reader.at);
  reader.at += layout.SIZE_LISTED_HEAD;
  const bytes = end - reader.at;
  const most = LISTED_MAX * layout.SIZE_LISTED_EXTENT;
  if (bytes % layout.SIZE_LISTED_EXTENT !== 0 || bytes > most) {
    return reader.refuse(`LISTED has ${bytes} bytes of extents of ${layout.SIZE_LISTED_EXTENT}, at most ${LISTED_MAX}`);
  }
  const next = told === layout.LISTED_TO_THE_END ? null : told;
  const isNext = next === null || (Number.isSafeInteger(next) && next % EXTENT_SECTORS === 0 && next > range.first);
  if (!isNext) return reader.refuse(`LISTED of sector ${range.first} goes on at sector ${next}`);
  const extents: ListedExtent[] = [];
  let least = Math.floor(range.first / EXTENT_SECTORS);
  while (reader.at < end) {
    const extent = reader.safeAt(reader.at);
    const digest = reader.u64At(reader.at + 8);
    reader.at += layout.SIZE_LISTED_EXTENT;
    const isInside = extent >= least && Number.isSafeInteger(extent * EXTENT_SECTORS);
    if (!isInside || (next !== null && extent * EXTENT_SECTORS >= next)) {
      return reader.refuse(`LISTED has extent ${extent} where one from ${least} on should be, before sector ${next}`);
    }
    extents.push({ extent, digest });
    least = extent + 1;
  }
  return { kind: 'listed', next, extents };
}

export function writeListed(builder: PackBuilder, { next, extents }: ListedExtents): void {
  builder.safe(next ?? layout.LISTED_TO_THE_END);
  for (const { extent, digest } of extents) {
    builder.safe(extent);
    builder.u64(digest);
  }
}
