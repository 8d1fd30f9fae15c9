/**
 * Chooses the link for an operation by what is known of the process at the other end of each link.
 *
 * While the disk is being grown, a process may have fewer sectors than another one. It refuses operations on sectors
 * that it does not have, but others may carry them out. The size of its disk does not change while it runs. So
 * operations that it would refuse again are not sent to it until `forgetSizes` is called.
 *
 * Bound: a few facts for each link and each process.
 */
import type { Rank } from '../core/rank.js';
import type { SectorIndex } from '../core/sector.js';
import type { ClientCounters } from './clientEvents.js';
import type { Link } from './link.js';
import type { Operation } from './operation.js';
import { SECTOR_NOWHERE } from './ping.js';

export interface LinkChoiceOptions {
  readonly counters: ClientCounters;
  nextRequestNumber(): bigint;
  /** See DiskClientOptions. */
  readonly togetherMax: number;
  /** The preference of a link has risen. */
  onImproved(): void;
}

/**
 * While there are links of a higher preference, links of a lower one get no operations. `hedged` concerns WRITEs only.
 */
const PREFERENCE = { outside: 0, hedged: 1, silent: 2, onTrial: 3, proven: 4 } as const;

/** The properties of an operation that decide over which links it may go. */
export type OperationToSend = Pick<Operation, 'sector' | 'stage'>;

export class LinkChoice {
  /** In the order in which they were chosen last: the latest comes last. */
  private readonly links = new Set<Link>();
  /** Links over which the first answer was asked for. */
  private readonly beingProven = new WeakSet<Link>();
  /** Links to processes that have just come back: see trial.ts. */
  private readonly onTrial = new Set<Link>();
  /** Links to processes that say that they are not members: they can complete no WRITE. */
  private readonly outside = new Set<Link>();
  /**
   * Processes with a hedged READ that have not answered anything since. They get no WRITEs, because a WRITE cannot be
   * sent elsewhere meanwhile.
   */
  private readonly hedged = new Set<Rank>();
  /** The lowest sector that was refused over each link. */
  private readonly ends = new Map<Link, SectorIndex>();

  constructor(private readonly options: LinkChoiceOptions) {}

  /** @param isOnTrial Whether the link is on trial, until `endTrial` is called. */
  add(link: Link, isOnTrial: boolean): void {
    this.links.add(link);
    if (isOnTrial) this.onTrial.add(link);
  }

  endTrial(link: Link): void {
    this.onTrial.delete(link);
  }

  setMember(link: Link, isMember: boolean): void {
    if (isMember) this.outside.delete(link);
    else if (this.links.has(link)) this.outside.add(link);
  }

  remove(link: Link): void {
    this.links.delete(link);
    this.onTrial.delete(link);
    this.outside.delete(link);
    this.ends.delete(link);
    // A later connection may lead to a later boot of the process.
    if (![...this.links].some(({ rank }) => rank === link.rank)) this.hedged.delete(link.rank);
  }

  /** A READ that the process of that rank has not answered was sent to another process as well. */
  readHedged(rank: Rank): void {
    this.hedged.add(rank);
  }

  /** The process of the link has answered an operation. */
  answered(link: Link): void {
    this.hedged.delete(link.rank);
  }

  /** The process of the link has refused a sector that it does not have. */
  refused(link: Link, sector: SectorIndex): void {
    if (!this.links.has(link)) return;
    this.ends.set(link, Math.min(sector, this.ends.get(link) ?? Infinity));
  }

  /** Forgets all refusals, so that all processes are asked again. */
  forgetSizes(): void {
    this.ends.clear();
  }

  /** Whether some connected process has refused that sector, or one before it. */
  isRefusedBySome(sector: SectorIndex): boolean {
    for (const [link, end] of this.ends) if (link.isOpen && sector >= end) return true;
    return false;
  }

  /** Whether every connected process has refused that sector; false if none is connected. */
  isRefusedByAll(sector: SectorIndex): boolean {
    if (!this.isRefusedBySome(sector)) return false;
    for (const link of this.links) if (link.isOpen && this.mayHave(link, sector)) return false;
    return true;
  }

  /**
   * @returns the link of the highest preference with the fewest outstanding requests, where a link that is going to
   * write in this turn has up to `togetherMax` fewer. Of equal links, the one that was chosen longest ago. A link that
   * has not brought an answer yet has a low preference, so it is sent a request for one.
   */
  pick({ sector, stage }: OperationToSend, otherThan?: Rank): Link | undefined {
    let best: Link | undefined;
    let leastLoad = Infinity;
    const { togetherMax } = this.options;
    const preference = this.highestPreference(sector, stage);
    for (const link of this.links) {
      if (!link.hasRoom || link.rank === otherThan || !this.mayHave(link, sector)) continue;
      if (this.preferenceOf(link, stage) < preference) {
        this.prove(link);
        continue;
      }
      const load = link.outstandingCount - (link.isGathering ? togetherMax : 0);
      if (load >= leastLoad) continue;
      best = link;
      leastLoad = load;
    }
    if (best !== undefined) {
      this.links.delete(best);
      this.links.add(best);
    }
    return best;
  }

  /**
   * How soon the process of the link is likely to carry out such an operation. A process that has just started accepts
   * connections long before it has opened its disk. Requests to it wait for that, and a WRITE cannot be sent elsewhere
   * meanwhile. After its first answer it is slow for a while: see trial.ts.
   */
  private preferenceOf(link: Link, stage: OperationToSend['stage']): number {
    if (this.outside.has(link)) return PREFERENCE.outside;
    if (stage === 'write' && this.hedged.has(link.rank)) return PREFERENCE.hedged;
    if (!link.hasAnswered) return PREFERENCE.silent;
    return this.onTrial.has(link) ? PREFERENCE.onTrial : PREFERENCE.proven;
  }

  private highestPreference(sector: SectorIndex, stage: OperationToSend['stage']): number {
    let highest: number = PREFERENCE.outside;
    for (const link of this.links) {
      if (link.isOpen && this.mayHave(link, sector)) highest = Math.max(highest, this.preferenceOf(link, stage));
    }
    return highest;
  }

  private mayHave(link: Link, sector: SectorIndex): boolean {
    const end = this.ends.get(link);
    return end === undefined || sector < end;
  }

  /** Asks the process of the link for an answer, once. With the answer its preference rises. */
  private prove(link: Link): void {
    if (link.hasAnswered || this.beingProven.has(link)) return;
    // An outstanding request will do as well, and a trial asks all the time.
    if (link.outstandingCount > 0 || this.onTrial.has(link)) return;
    this.beingProven.add(link);
    this.options.counters.pingsSent += 1;
    link.send({
      kind: 'read',
      requestNumber: this.options.nextRequestNumber(),
      sector: SECTOR_NOWHERE,
      answered: () => {
        this.options.onImproved();
      },
      lost: () => undefined,
    });
  }
}
