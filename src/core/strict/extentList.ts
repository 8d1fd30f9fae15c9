/**
 * Lists of the extents in which replicas have something (docs/strict-register.md, "Lists"): what a replica answers to
 * LIST, and what follows from the answers of several. Pure.
 */
import type { SectorIndex } from '../sector.js';
import { digestOf } from './extentDigest.js';
import { EXTENT_SECTORS, extentStartOf, rangeOfExtent } from './range.js';
import type { ListedExtent, ListedExtents } from './replicaMessage.js';
import { LISTED_MAX } from './replicaMessage.js';
import type { Version } from './version.js';

/** Any number of consecutive sectors. */
interface SectorPart {
  readonly first: SectorIndex;
  readonly end: SectorIndex;
}

/** What a replica has in memory, at one instant. */
export interface ListView {
  /** The sectors of the disk. */
  readonly sectors: number;
  readonly versionOf: (sector: SectorIndex) => Version;
  /** StrictStore.unwrittenUntil. */
  readonly unwrittenUntil: (sector: SectorIndex) => SectorIndex;
  /** PromiseTable.promisedParts. */
  readonly promisedParts: (from: SectorIndex, end: SectorIndex) => readonly SectorPart[];
}

/** The most extents that are looked into for one answer, which takes some milliseconds, whatever is in them. */
const LOOKED_INTO_MAX = LISTED_MAX;
/** The most steps over what was never written. */
const STEPS_MAX = 16_384;

/** @param from The first sector of an extent of the disk. */
export function listExtents(from: SectorIndex, view: ListView): ListedExtents {
  const { sectors } = view;
  const promised = view.promisedParts(from, sectors);
  const extents: ListedExtent[] = [];
  let part = 0;
  let at = from;
  let lookedInto = 0;
  for (let steps = 0; at < sectors && steps < STEPS_MAX && lookedInto < LOOKED_INTO_MAX; steps += 1) {
    while (part < promised.length && promised[part].end <= at) part += 1;
    const isPromised = part < promised.length && promised[part].first < at + EXTENT_SECTORS;
    const until = view.unwrittenUntil(at);
    if (until > at && !isPromised) {
      at = Math.min(until, part < promised.length ? extentStartOf(promised[part].first) : until);
      continue;
    }
    const range = rangeOfExtent(at / EXTENT_SECTORS, sectors);
    const { digest, isWritten } = digestOf(range, view.versionOf);
    if (isWritten || isPromised) extents.push({ extent: at / EXTENT_SECTORS, digest });
    lookedInto += 1;
    at += EXTENT_SECTORS;
  }
  return { next: at < sectors ? at : null, extents };
}

/** A list of another replica. */
export interface ToldList extends ListedExtents {
  /** It says something of the sectors below this one: its disk may be smaller, because it is being grown. */
  readonly sectors: number;
}

/** A part of the disk, as far as all the lists reach. */
export interface ListedPart {
  /** The first sector behind it; null: it reaches to the end of the disk. */
  readonly next: SectorIndex | null;
  /** In order. */
  readonly extents: readonly number[];
}

/**
 * E2: the extents in which one of the replicas has something. Of all others, all of them have said that nothing is
 * stored and nothing promised.
 *
 * @param lists Each of a replica with a disk of at least `sectors` sectors.
 */
export function joinLists(lists: readonly ListedExtents[], sectors: number): ListedPart {
  const next = shortestOf(lists, sectors);
  const extents = new Set<number>();
  for (const list of lists) for (const { extent } of list.extents) extents.add(extent);
  return { next, extents: inOrder(extents, next ?? sectors) };
}

/** The extents in which the own replica has stored something, and those in which another one has stored otherwise. */
export interface ComparedPart extends ListedPart {
  /** Those of `extents` whose digests differ. */
  readonly differing: ReadonlySet<number>;
}

export function compareLists(own: ListedExtents, others: readonly ToldList[], sectors: number): ComparedPart {
  const next = shortestOf([own, ...others], sectors);
  const end = next ?? sectors;
  const digests = (list: ListedExtents): Map<number, bigint> =>
    new Map(list.extents.map(({ extent, digest }) => [extent, digest]));
  const ownDigests = digests(own);
  const written = own.extents.filter(({ digest }) => digest !== 0n).map(({ extent }) => extent);
  const differing = new Set<number>();
  for (const other of others) {
    const theirs = digests(other);
    for (const extent of new Set([...ownDigests.keys(), ...theirs.keys()])) {
      if (extent * EXTENT_SECTORS >= Math.min(end, other.sectors)) continue;
      if ((ownDigests.get(extent) ?? 0n) !== (theirs.get(extent) ?? 0n)) differing.add(extent);
    }
  }
  return { next, extents: inOrder(new Set([...written, ...differing]), end), differing };
}

/** A list of a larger disk goes beyond the end of this one. */
function shortestOf(lists: readonly ListedExtents[], sectors: number): SectorIndex | null {
  const next = Math.min(...lists.map((list) => list.next ?? Infinity));
  return next < sectors ? next : null;
}

function inOrder(extents: ReadonlySet<number>, end: SectorIndex): number[] {
  return [...extents].filter((extent) => extent * EXTENT_SECTORS < end).sort((a, b) => a - b);
}
