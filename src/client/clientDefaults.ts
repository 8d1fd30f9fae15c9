/** Every bound and interval of a client, with its reason. `connect` takes others. */

export const CLIENT_DEFAULTS = {
  connectionsPerProcess: 1,
  /** Enough to keep a process busy; the Linux driver goes up to 255. */
  outstandingPerConnection: 64,
  /** Sectors of one byte range under way at a time: 1 MiB, some milliseconds of a fast cluster. */
  windowSectors: 256,
} as const;

/** What the protocol's Linux driver keeps outstanding at most; processes are made for that. */
export const OUTSTANDING_MAX = 255;

/** Sockets of one client. */
export const CONNECTIONS_MAX = 1_024;

/**
 * A process that has come back is on trial for about a second: it compiles, catches up with what it has missed, and has
 * been seen to take 150 ms and more for a request.
 */
export const TRIAL = { answers: 10, pauseMs: 100 } as const;

/** How often a process that is no member yet is asked which life of it runs: see heldWrites.ts. */
export const BOOT_PAUSE_MS = 1_000;

/**
 * While the disk is being grown: how often processes are asked again for sectors that none of them has got, and how
 * often the log says of a process that its disk is smaller (ms).
 */
export const SMALLER = { askAgainMs: 1_000, logMs: 60_000 } as const;

/** A map that no majority has told by then is done without: reads tell as well (ms). */
export const MAP_MS = 1_000;

/** Milliseconds. */
export const CLIENT_TIMEOUTS_DEFAULT = {
  /** A process that does not take a connection within this counts as unreachable for now. */
  dialMs: 3_000,
  /** First delay before a process is dialled again; doubles, with jitter … */
  reconnectMs: 50,
  /** … up to this. */
  reconnectMsMax: 500,
  /**
   * A process that leaves a request unanswered for this long is left. Long, because leaving does not help when the
   * cluster has no majority or all disks are slow, which looks the same.
   */
  unansweredMs: 10_000,
  /** How long `close` waits for processes to end their half of a connection. */
  closeMs: 1_000,
} as const;
