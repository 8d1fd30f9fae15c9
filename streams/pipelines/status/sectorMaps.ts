/** What a process tells clients of its disk, from memory: which sectors are zeros, by its index. */
import type { Membership } from '../../../src/core/membership/state.js';
import type { KnownDisk, SectorMap } from '../../../src/core/sectorMap.js';
import { encodeSectorMap, runsPerPage } from '../../../src/wire/sectorMapPage.js';
import { serializeReport } from '../../../src/wire/inquiryMessages.js';
import type { Inbound } from '../arrival.js';
import type { Outbound } from '../outbound.js';
import type { ProcessPipelineOptions, ProcessPorts } from '../processOptions.js';

type MapOf = Extract<Inbound, { kind: 'map' }>;

/** Looks into the index in one turn of the event loop: some milliseconds … */
const LOOKUPS_PER_TURN = 16_384;
/** … and those of one answer at least, however many are asked for in a turn. */
const LOOKUPS_MIN = 64;

/** Whether this process tells maps at all. One that has workers does not: each knows the sectors of its own only. */
export function tellsMaps({ verdict }: Pick<ProcessPipelineOptions, 'verdict'>): boolean {
  return verdict.shard == null;
}

/**
 * All that an answer says is taken at one instant, from what has been flushed, beside the queues of the registers; why
 * that may be so: docs/adr/0023-sector-maps.md.
 */
export function mapAnswers(
  options: ProcessPipelineOptions,
  { store, schedulers }: ProcessPorts,
): (question: MapOf) => Outbound {
  const { membership, self, verdict } = options;
  let isSpent = false;
  // What one answer leaves is not for the next: this is about those that come at once.
  const takeLookups = (): number => {
    if (isSpent) return LOOKUPS_MIN;
    isSpent = true;
    schedulers.turn.schedule(() => {
      isSpent = false;
    });
    return LOOKUPS_PER_TURN;
  };
  return ({ session, from, requestNumber }) => {
    const { current, isVoting } = membership;
    const hasVote = isVoting && current.own.memberState === 'member';
    const range = {
      from,
      end: verdict.sectors,
      lookups: hasVote && tellsMaps(options) ? takeLookups() : 0,
      runs: runsPerPage(self.processCount),
    };
    const map: SectorMap = {
      rank: self.rank,
      disks: knownDisks(current),
      from,
      runs: range.lookups === 0 ? [] : store.runs(range),
    };
    const page = encodeSectorMap(map);
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
