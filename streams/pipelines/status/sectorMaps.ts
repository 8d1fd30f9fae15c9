/** Answers the inquiry MAP of clients: which sectors are zeros, by the index in memory. */
import type { Membership } from '../../../src/core/membership/state.js';
import type { KnownDisk, SectorMap, ToldRun } from '../../../src/core/sectorMap.js';
import { withoutPromised } from '../../../src/core/sectorMap.js';
import type { RunsRange } from '../../../src/ports/store.js';
import { encodeSectorMap, runsPerPage } from '../../../src/wire/sectorMapPage.js';
import { serializeReport } from '../../../src/wire/inquiryMessages.js';
import type { Inbound } from '../arrival.js';
import type { Outbound } from '../outbound.js';
import type { ProcessPipelineOptions, ProcessPorts } from '../processOptions.js';

type MapOf = Extract<Inbound, { kind: 'map' }>;

/** Lookups in the index in one turn of the event loop: they take some milliseconds. */
const LOOKUPS_PER_TURN = 16_384;
/** The fewest lookups for one answer, however many are asked for in a turn. */
const LOOKUPS_MIN = 64;

/**
 * Whether this process answers MAP. A process with workers does not, because each worker knows only its own sectors.
 */
export function tellsMaps({ verdict }: Pick<ProcessPipelineOptions, 'verdict'>): boolean {
  return verdict.shard == null;
}

/**
 * All of an answer is taken at one instant, from what has been flushed, without waiting in the queues of the registers.
 * docs/adr/0023-sector-maps.md says why this is correct.
 */
export function mapAnswers(
  options: ProcessPipelineOptions,
  { store, schedulers }: ProcessPorts,
): (question: MapOf) => Outbound {
  const { membership, self, verdict, strict } = options;
  const mode = strict === null ? 'open' : 'strict';
  let isSpent = false;
  // Lookups that one answer leaves unused are not given to the next: the bound is for questions that come at once.
  const takeLookups = (): number => {
    if (isSpent) return LOOKUPS_MIN;
    isSpent = true;
    schedulers.turn.schedule(() => {
      isSpent = false;
    });
    return LOOKUPS_PER_TURN;
  };
  const runsOf = (range: RunsRange): ToldRun[] => {
    const runs = store.runs(range);
    if (strict === null) return runs;
    const end = runs.reduce((all, { sectors }) => all + sectors, range.from);
    const promised = strict.state.promises.promisedParts(range.from, end);
    return withoutPromised(runs, range.from, promised, range.runs);
  };
  return ({ session, from, requestNumber }) => {
    const { current, isVoting } = membership;
    const hasBegun = strict === null || strict.state.regionNotes.hasBegun;
    const hasVote = isVoting && current.own.memberState === 'member' && hasBegun;
    const range = {
      from,
      end: verdict.sectors,
      lookups: hasVote && tellsMaps(options) ? takeLookups() : 0,
      runs: runsPerPage(self.processCount, mode),
    };
    const map: SectorMap = {
      rank: self.rank,
      disks: knownDisks(current),
      from,
      runs: range.lookups === 0 ? [] : runsOf(range),
    };
    const page = encodeSectorMap(map, mode);
    const content = serializeReport('map', requestNumber, page, verdict.clientTagger);
    return { kind: 'send', outgoing: { connection: session.connection, content } };
  };
}

function knownDisks({ own, remembered, self }: Membership): KnownDisk[] {
  return Array.from({ length: self.processCount }, (_, index) => {
    const rank = index + 1;
    const known = rank === self.rank ? own : remembered.get(rank);
    return { incarnation: known?.incarnation ?? 0, mark: markOf(known?.storage ?? null) };
  });
}

function markOf(storage: string | null): number {
  return storage === null ? 0 : Buffer.from(storage.slice(0, 4), 'latin1').readUInt32BE();
}
