/**
 * What a process has done since it was started: counts that only grow. Whoever wants to know what an operation costs
 * takes the difference between two looks, and divides (docs/benchmarks.md).
 *
 * The numbers are written in place: an operation passes here a dozen times, and a copy each time would cost more than
 * what is counted.
 */
export interface ProcessCounters {
  /** HMACs computed for messages that leave, and for those that have come. */
  tagsMade: number;
  tagsChecked: number;
  /**
   * To peers: over connections that this process dialled, and over those that a peer did. A message is what was
   * serialized as one.
   */
  peerMessages: number;
  peerBytes: number;
  /** Batches handed to a socket: a system call each, unless the socket is behind. */
  peerWrites: number;
  /** The same to clients, and to strangers. */
  clientMessages: number;
  clientBytes: number;
  clientWrites: number;
  /** Of the data file: one for each commit that has data. */
  dataFlushes: number;
  /** Of the metadata: commits and notes. What LevelDB merges in the background is not counted. */
  metadataFlushes: number;
}

/** What the store adds to. */
export type FlushCounters = Pick<ProcessCounters, 'dataFlushes' | 'metadataFlushes'>;

/** What taggers add to. */
export type TagCounters = Pick<ProcessCounters, 'tagsMade' | 'tagsChecked'>;

export function newCounters(): ProcessCounters {
  return {
    tagsMade: 0,
    tagsChecked: 0,
    peerMessages: 0,
    peerBytes: 0,
    peerWrites: 0,
    clientMessages: 0,
    clientBytes: 0,
    clientWrites: 0,
    dataFlushes: 0,
    metadataFlushes: 0,
  };
}

/** One batch of messages is handed to a socket. */
export function countWrite(counters: ProcessCounters, to: 'peer' | 'client', chunks: readonly Uint8Array[]): void {
  let bytes = 0;
  for (const { length } of chunks) bytes += length;
  if (to === 'peer') {
    counters.peerMessages += chunks.length;
    counters.peerBytes += bytes;
    counters.peerWrites += 1;
  } else {
    counters.clientMessages += chunks.length;
    counters.clientBytes += bytes;
    counters.clientWrites += 1;
  }
}
