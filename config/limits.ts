/**
 * Every bound and interval of a process, with its reason. docs/limits.md says what happens at each. Those that a
 * configuration may change stand in its `limits` and `timeouts` (config/schema.ts).
 */

/** What a configuration may change: the defaults. */
export const LIMITS_DEFAULT = {
  /**
   * Connections taken in at once. With LevelDB's tables, the log, the dialled peers and Node's own, a process stays
   * below 1024 descriptors.
   */
  connections: 896,
  /**
   * Operations of one client connection that may be under way; then it is not read from until one is answered. The
   * Linux driver keeps up to 255 outstanding.
   */
  operationsPerConnection: 256,
  /** Operations of all clients together: 16384 x 4 KiB = 64 MiB. Shared out when many connect. */
  operations: 16_384,
  /** Sectors that a process reads in a second to find damage: half a MiB, a few % of a core. */
  scrubSectorsPerSecond: 128,
} as const;

/** Milliseconds. */
export const TIMEOUTS_DEFAULT = {
  /** How long SIGTERM waits for running operations. */
  shutdownMs: 5_000,
  /** A message to a peer not answered is sent again after this, then after twice as long … */
  retransmitMs: 500,
  /** … but at least this often. */
  retransmitMsMax: 4_000,
  /** First delay before a peer is dialled again; doubles, with jitter … */
  reconnectMs: 50,
  /** … up to this. */
  reconnectMsMax: 500,
  /** A peer that does not take a connection within this counts as down. */
  dialMs: 3_000,
} as const;

/** Registers are spread over this many serial queues: see docs/adr/0003-stripes.md. */
export const STRIPES = 1_024;

/** Process messages of one connection being handled; then it is not read from. */
export const PROCESS_MESSAGES_PER_CONNECTION = 1_024;

/** Bytes of responses that a client has not taken; then it is not read from. */
export const CLIENT_BUFFER_BYTES = 1_048_576;

/** Bytes on their way to a peer; then nothing is added to them until it has taken some. */
export const LINK_BUFFER_BYTES = 8_388_608;

/** Replies kept for a peer whose connection is just being made. */
export const LINK_REPLIES_WAITING = 1_024;

/** Messages written to the disk together at most: 256 slots = 1 MiB over the space bound. */
export const STORE_BATCH_SECTORS = 256;

/** A client that sends a wrong tag is not read from for this long per wrong tag (milliseconds). */
export const BAD_TAG_PENALTY_MS = 1;

/** A step of this process for which the disk had no room is tried again after this (ms). */
export const FULL_RETRY_MS = 500;

/**
 * Descriptors for everything but connections: LevelDB's tables (74) and logs, the data file, the listening socket, the
 * standard streams, Node's own. Dialled peers come on top.
 */
export const DESCRIPTORS_RESERVED = 112;

/** Threads of one process at most: each has a heap of its own, and a place at every peer. */
export const WORKERS_MAX = 32;

/** Descriptors of a worker: LevelDB's tables and logs, the data file, its event loop. */
export const DESCRIPTORS_PER_WORKER = 96;

/** Messages of one connection that a worker has not taken; then the connection is not read from. */
export const ROUTER_WINDOW_BYTES = 131_072;

/** Inquiries of one connection that wait for the workers; then it is not read from. */
export const INQUIRIES_PER_CONNECTION = 16;

/** Of what the workers of a process share, each has at least so many. */
export const WORKER_SHARE_MIN = 64;

/** Beyond `shutdownMs`: how long closing the disk may take until the process ends all the same. */
export const SHUTDOWN_SLACK_MS = 5_000;

/** A connection to a peer that answers nothing for this long, although asked, is made anew (ms). */
export const LINK_SILENT_MS = 10_000;

/**
 * When the gateway and the commands send a write again whose connection ended on our side only, if its process has not
 * told until then that it was started anew (ms). A process that is cut off notices that by itself earlier than that:
 * with nothing on the way its keep-alive ends after 25 s; with unacknowledged bytes Linux gives up after 924.6 s
 * (tcp_retries2 = 15), which it notices at the next retransmission, at most 120 s later.
 */
export const UNCONFIRMED_MS = 1_200_000;

/**
 * Connections that the NBD gateway takes in at once, unless the configuration says otherwise: each may have one longest
 * request under way.
 */
export const NBD_CONNECTIONS_DEFAULT = 64;

/** The NBD gateway (docs/nbd.md). */
export const NBD_LIMITS = {
  /**
   * Requests of one connection under way or waiting: one of the longest, or many short ones. Those without data count
   * as what they have under way: `windowSectors` at most.
   */
  requestBytes: 33_554_432,
  /** Replies that a client has not taken; then nothing is begun for it. */
  replyBytes: 4_194_304,
  /** Sectors of one command under way at a time: 1 MiB. */
  windowSectors: 256,
  /** Sectors that one BLOCK_STATUS looks at, since each is read for it: 4 MiB. */
  statusSectors: 1_024,
  /**
   * From the arrival of a TRIM to its last sector (ms): it may be about 4 GiB, may be left undone, and a client that
   * gets no answer gives up the connection: Linux after 30 s, or after the 5 s of the example in docs/nbd.md, of which
   * the last sectors take some, and a busy machine.
   */
  trimMs: 2_000,
  /** A handshake takes a round trip for each option; nobody needs longer than this (ms). */
  handshakeMs: 10_000,
  /** How long a client may take to close a connection that we have ended (ms). */
  lingerMs: 2_000,
} as const;

/** Operations that the gateway has under way on each of its connections to a process. */
export const NBD_OUTSTANDING_PER_CONNECTION = 128;

/**
 * What the gateway sends in one turn goes to one process, until that has so many operations more than another. Measured
 * with fio, writes at a depth of 16: a sixth less CPU time of everything.
 */
export const NBD_TOGETHER_MAX = 32;

/** Repairs: streams/pipelines/repair/repair.ts. */
export const REPAIR_LIMITS = {
  /** How often what was missed is written down; how late an acknowledgement may be (ms). */
  missedMs: 1_000,
  /** A question of a repair is given up, and asked again later, after this (ms). */
  answerMs: 5_000,
  /** Repairs of a kind under way at a time, while clients wait … */
  lanesBusy: 4,
  /** … and while none does. */
  lanesIdle: 32,
  /** Before a scrub begins on its own accord: an hour after the start, and after the last (ms). */
  scrubPauseMs: 3_600_000,
} as const;

/** Chunks (4 KiB each) of the bitmap of what a peer has missed, at most: 32 Mi sectors. */
export const MISSED_CHUNKS = 1_024;

/** A peer that is asked for a value that others have too may take so long; then all are (ms). */
export const FETCH_MS = 50;

/**
 * A process whose disk is new waits for so long for all others to say who they are (ms); with workers, so much longer
 * for each of them.
 */
export const GRACE_MS = 500;
