/**
 * What a process has done since its boot: counts that only grow. The cost of an operation is the difference between two
 * readings, divided by the operations between them (docs/benchmarks.md).
 *
 * The numbers are changed in place: each operation counts a dozen times, and a copy each time would cost more than what
 * is counted.
 */
export interface ProcessCounters {
  /** HMACs computed for messages that are sent, and for messages that arrived. */
  tagsMade: number;
  tagsChecked: number;
  /** Sent to peers, over connections of either direction. A bundle counts as one message. */
  peerMessages: number;
  peerBytes: number;
  /** Batches handed to a socket: one system call each, unless the socket has not sent the one before yet. */
  peerWrites: number;
  /** The same, sent to clients and to everyone else. */
  clientMessages: number;
  clientBytes: number;
  clientWrites: number;
  /** Flushes of the data file: one for each commit that has data. */
  dataFlushes: number;
  /** Flushes of the metadata, for commits and notes. Compactions by LevelDB in the background are not counted. */
  metadataFlushes: number;
}

/** The counters of the store. */
export type FlushCounters = Pick<ProcessCounters, 'dataFlushes' | 'metadataFlushes'>;

/** The counters of taggers. */
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

/**
 * Counts one batch of messages that is handed to a socket.
 * @param chunks One for each message.
 */
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
