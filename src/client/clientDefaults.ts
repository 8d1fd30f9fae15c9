/** Every bound and interval of a client, with its reason. Options of `connect` replace the first and the last group. */

export const CLIENT_DEFAULTS = {
  connectionsPerProcess: 1,
  /** Enough to keep a process busy; the Linux driver goes up to 255. */
  outstandingPerConnection: 64,
  /** Sectors of one byte range under way at a time: 1 MiB, some milliseconds of a fast cluster. */
  windowSectors: 256,
} as const;

/** The most requests that the protocol's Linux driver has outstanding on a connection; processes are made for that. */
export const OUTSTANDING_MAX = 255;

/** The largest number of connections of one client. */
export const CONNECTIONS_MAX = 1_024;

/**
 * A process that has come back is on trial for about a second. In that time its code is compiled and it catches up with
 * what it has missed: requests were seen to take 150 ms and more.
 */
export const TRIAL = { answers: 10, pauseMs: 100 } as const;

/** Milliseconds between two questions for the boot id of a process that is not a member yet: see heldWrites.ts. */
export const BOOT_PAUSE_MS = 1_000;

/**
 * While the disk is being grown: milliseconds between two requests for sectors that no process has yet, and between two
 * log entries that name the same smaller disk.
 */
export const SMALLER = { askAgainMs: 1_000, logMs: 60_000 } as const;

/** Milliseconds after which a client goes on without a sector map: reads give the same answer. */
export const MAP_MS = 1_000;

/** Of the port to a replica of the strict register; milliseconds. */
export const REPLICA_TIMEOUTS = {
  /** A process that knows OPEN answers at once; another one has to be asked by READ and WRITE soon. */
  openMs: 500,
  openAgainMs: 1_000,
} as const;

export const REPLICA_LIMITS = {
  /** More than a coordinator has under way for one replica: one that answers only some requests is noticed by it. */
  unansweredMax: 65_536,
  /** A coordinator sends nothing to a replica for which much less is waiting, so only a fault gets here. */
  bufferBytesMax: 64 * 2 ** 20,
} as const;

/** Milliseconds. */
export const CLIENT_TIMEOUTS_DEFAULT = {
  /** A process that does not accept a connection within this time counts as unreachable for now. */
  dialMs: 3_000,
  /** The first delay before a process is dialled again. It doubles, with jitter. */
  reconnectMs: 50,
  /** The longest delay. */
  reconnectMsMax: 500,
  /**
   * The connection to a process that leaves a request unanswered for this long is given up. The time is long, because
   * another process does not help if the cluster has no majority or if all disks are slow, which looks the same.
   */
  unansweredMs: 10_000,
  /** How long `close` waits for processes to end their half of a connection. */
  closeMs: 1_000,
} as const;

/** Milliseconds between two checks of whether the operations of the open mode are over, when a cluster was upgraded. */
export const MOVE_CHECK_MS = 20;
