/**
 * The sectors of which each peer has missed a write of this process. A write is over when a majority has acknowledged
 * it. A peer that has not acknowledged it some time later has missed it, and is handed the value over when there is
 * time.
 */
import type { OperationId } from '../operation.js';
import type { Rank } from '../rank.js';
import type { SectorIndex } from '../sector.js';
import { MissedSet } from './missedSet.js';

interface Peer {
  readonly missed: MissedSet;
  /** Writes that ended without its acknowledgement, which may still come. */
  young: Map<OperationId, SectorIndex>;
  /** Those of the interval before. */
  old: Map<OperationId, SectorIndex>;
}

export interface MissedLog {
  readonly peers: ReadonlyMap<Rank, Peer>;
}

/**
 * The most writes for which a late acknowledgement of one peer is awaited. Beyond that they count as missed at once.
 */
const LATE_MAX = 4_096;

export function newMissedLog(peers: readonly Rank[], chunksMax: number): MissedLog {
  const entry = (rank: Rank): [Rank, Peer] => [
    rank,
    { missed: new MissedSet(chunksMax), young: new Map(), old: new Map() },
  ];
  return { peers: new Map(peers.map(entry)) };
}

/**
 * A write is over.
 * @param ranks The processes that have acknowledged it.
 */
export function noteWritten({ peers }: MissedLog, id: OperationId, sector: SectorIndex, ranks: readonly Rank[]): void {
  for (const [rank, peer] of peers) {
    if (ranks.includes(rank)) continue;
    if (peer.young.size >= LATE_MAX) peer.missed.add(sector);
    else peer.young.set(id, sector);
  }
}

/** An acknowledgement came after the end of its operation. */
export function noteLateAck({ peers }: MissedLog, rank: Rank, id: OperationId): void {
  const peer = peers.get(rank);
  if (peer === undefined) return;
  if (!peer.young.delete(id)) peer.old.delete(id);
}

/** An interval has passed. Writes that have waited for a whole one count as missed. */
export function expireLate({ peers }: MissedLog): void {
  for (const peer of peers.values()) {
    for (const sector of peer.old.values()) peer.missed.add(sector);
    peer.old = peer.young;
    peer.young = new Map();
  }
}
