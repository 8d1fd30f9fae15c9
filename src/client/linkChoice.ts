/**
 * Which connection an operation goes over: what is known of the process at the other end of each.
 *
 * A process may have fewer sectors than another one while the disk is being grown. It refuses what it has not got, and
 * that says nothing of the others. It has the same size for as long as it runs, so what it refused it is not asked
 * again, until `forgetSizes` is called.
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
  /** A link is better than it was. */
  onImproved(): void;
}

/** As long as there are links of a higher preference, others get no operations. `hedged` counts for WRITEs only. */
const PREFERENCE = { outside: 0, hedged: 1, silent: 2, onTrial: 3, proven: 4 } as const;

/** What decides over which links an operation may go. */
export type OperationToSend = Pick<Operation, 'sector' | 'stage'>;

export class LinkChoice {
  /** The one that was chosen last comes last. */
  private readonly links = new Set<Link>();
  /** Links that were asked for their first answer. */
  private readonly beingProven = new WeakSet<Link>();
  /** Links to processes that were away until a moment ago: see trial.ts. */
  private readonly onTrial = new Set<Link>();
  /** Links to processes that say they are not members: such a one can complete no WRITE. */
  private readonly outside = new Set<Link>();
  /**
   * Processes that were slow with a READ, so that it was asked of another process too, and that have not answered
   * anything since: a WRITE cannot be tried elsewhere.
   */
  private readonly hedged = new Set<Rank>();
  /** The lowest sector that was refused over each. */
  private readonly ends = new Map<Link, SectorIndex>();

  constructor(private readonly options: LinkChoiceOptions) {}

  /** @param isOnTrial Until `endTrial` is called. */
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
    // Another connection may lead to another start of the process.
    if (![...this.links].some(({ rank }) => rank === link.rank)) this.hedged.delete(link.rank);
  }

  /** A READ that its process has not answered is asked of another process too. */
  readHedged(rank: Rank): void {
    this.hedged.add(rank);
  }

  /** Its process has answered an operation. */
  answered(link: Link): void {
    this.hedged.delete(link.rank);
  }

  /** Its process has no such sector. */
  refused(link: Link, sector: SectorIndex): void {
    if (!this.links.has(link)) return;
    this.ends.set(link, Math.min(sector, this.ends.get(link) ?? Infinity));
  }

  /** All are asked again for what they have refused. */
  forgetSizes(): void {
    this.ends.clear();
  }

  /** Whether some process has refused that sector, or one before it. */
  isRefusedBySome(sector: SectorIndex): boolean {
    for (const [link, end] of this.ends) if (link.isOpen && sector >= end) return true;
    return false;
  }

  /** Whether nobody is left to be asked. With no connection at all, that is not known. */
  isRefusedByAll(sector: SectorIndex): boolean {
    if (!this.isRefusedBySome(sector)) return false;
    for (const link of this.links) if (link.isOpen && this.mayHave(link, sector)) return false;
    return true;
  }

  /**
   * Of the links of the highest preference, that with the fewest outstanding, not counting some of those that go
   * together; of equals, the one that was not chosen for the longest time. A process that was never asked loses nothing
   * by its low preference: it is asked for an answer.
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
   * How well its process is likely to do such an operation. A process that was just started takes connections long
   * before it has opened its disk; what it was asked then waits for that, and a WRITE cannot be tried elsewhere
   * meanwhile. When it has answered, it is slow at first: see trial.ts.
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

  /** Asks the link's process for an answer, once; with the answer it is one like the others. */
  private prove(link: Link): void {
    if (link.hasAnswered || this.beingProven.has(link)) return;
    // What it has been asked already will do; on trial it is asked all the time.
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
