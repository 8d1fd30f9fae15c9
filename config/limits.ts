/**
 * Every bound and interval of a process, with its reason. docs/limits.md says what happens at each. A configuration may
 * change some of them in its sections `limits` and `timeouts` (config/schema.ts).
 */

/** The defaults of the section `limits`. */
export const LIMITS_DEFAULT = {
  /**
   * The most connections at a time. With those for LevelDB's tables, the log, the dialled peers and Node itself, a
   * process stays below 1024 descriptors.
   */
  connections: 896,
  /**
   * The most operations of one client connection under way. Beyond that it is not read from until one is answered. The
   * Linux driver keeps up to 255 outstanding.
   */
  operationsPerConnection: 256,
  /** The most operations of all clients together: 16384 x 4 KiB = 64 MiB. Many connections share it. */
  operations: 16_384,
  /** How many sectors a process reads in a second to find damage: half a MiB, a few % of a core. */
  scrubSectorsPerSecond: 128,
} as const;

/** The defaults of the section `timeouts`, in milliseconds. */
export const TIMEOUTS_DEFAULT = {
  /** How long SIGTERM waits for running operations. */
  shutdownMs: 5_000,
  /** A message that a peer does not answer is sent again after this, then after twice as long … */
  retransmitMs: 500,
  /** … but at least this often. */
  retransmitMsMax: 4_000,
  /** The first delay before a peer is dialled again. It doubles each time, with jitter … */
  reconnectMs: 50,
  /** … up to this. */
  reconnectMsMax: 500,
  /** A peer that does not take a connection within this counts as down. */
  dialMs: 3_000,
} as const;

/** Registers are spread over this many serial queues: see docs/adr/0003-stripes.md. */
export const STRIPES = 1_024;

/** The most process messages of one connection being handled. Beyond that it is not read from. */
export const PROCESS_MESSAGES_PER_CONNECTION = 1_024;

/** The most bytes of responses that a client has not taken. Beyond that it is not read from. */
export const CLIENT_BUFFER_BYTES = 1_048_576;

/** The most bytes on their way to a peer. Beyond that none are added until it has taken some. */
export const LINK_BUFFER_BYTES = 8_388_608;

/** The most replies that are kept for a peer without a connection. */
export const LINK_REPLIES_WAITING = 1_024;

/** The most puts in one commit: the data file may take 256 slots = 1 MiB more than its sectors need. */
export const STORE_BATCH_SECTORS = 256;

/** How long a client is not read from after each wrong tag (milliseconds). */
export const BAD_TAG_PENALTY_MS = 1;

/** A step of the own process for which the disk had no room is tried again after this (milliseconds). */
export const FULL_RETRY_MS = 500;

/**
 * Descriptors for everything but connections: LevelDB's tables (74) and logs, the data file, the listening socket, the
 * standard streams, and those of Node itself. Dialled peers come on top.
 */
export const DESCRIPTORS_RESERVED = 112;

/** The most workers of one process, because each has a heap of its own and a connection to every peer. */
export const WORKERS_MAX = 32;

/** Descriptors of a worker: LevelDB's tables and logs, the data file, its event loop. */
export const DESCRIPTORS_PER_WORKER = 96;

/** The most bytes of one connection that a worker has not taken. Beyond that the connection is not read from. */
export const ROUTER_WINDOW_BYTES = 131_072;

/** The most inquiries of one connection that wait for the workers. Beyond that it is not read from. */
export const INQUIRIES_PER_CONNECTION = 16;

/** The workers of a process share its limits. Each gets at least this much of a limit, or all of it if that is less. */
export const WORKER_SHARE_MIN = 64;

/** How long closing the disk may take, after `shutdownMs`, before the process ends all the same (milliseconds). */
export const SHUTDOWN_SLACK_MS = 5_000;

/** A connection to a peer that answers no question for this long is made anew (milliseconds). */
export const LINK_SILENT_MS = 10_000;

/**
 * How long the gateway and the commands hold a write whose connection ended on the client's side only, unless they
 * learn that its process was started anew (milliseconds). After that it is sent again, because a process that is cut
 * off has noticed it by then: with nothing on the way its keep-alive ends after 25 s. With unacknowledged bytes Linux
 * gives up after 924.6 s (tcp_retries2 = 15), and notices that at the next retransmission, at most 120 s later.
 */
export const UNCONFIRMED_MS = 1_200_000;

/**
 * The most connections of the NBD gateway at a time, unless the configuration says otherwise. Each may have one request
 * of the longest kind under way.
 */
export const NBD_CONNECTIONS_DEFAULT = 64;

/** Limits of the NBD gateway (docs/nbd.md). */
export const NBD_LIMITS = {
  /**
   * The most bytes of one connection's requests that are under way or wait: one of the longest requests, or many short
   * ones. A request without data counts as what it has under way, which is at most `windowSectors`.
   */
  requestBytes: 33_554_432,
  /** The most bytes of replies that a client has not taken. Beyond that none of its requests begins. */
  replyBytes: 4_194_304,
  /** The most sectors of one command under way at a time: 1 MiB. */
  windowSectors: 256,
  /** The most sectors that are read for one BLOCK_STATUS: 4 MiB. */
  statusSectors: 1_024,
  /**
   * How long a TRIM goes on after its arrival (milliseconds). It may cover about 4 GiB, and may be left undone. A
   * client without an answer gives up the connection: Linux after 30 s, or after the 5 s of the example in docs/nbd.md.
   * The last sectors and a busy machine take some of that.
   */
  trimMs: 2_000,
  /** How long a handshake may take (milliseconds). It needs one round trip for each option. */
  handshakeMs: 10_000,
  /** How long a client may take to close a connection that the gateway has ended (milliseconds). */
  lingerMs: 2_000,
} as const;

/** The most operations that the gateway has under way on each of its connections to a process. */
export const NBD_OUTSTANDING_PER_CONNECTION = 128;

/**
 * The operations of one turn go to one process, until it has so many more under way than another process. Measured with
 * fio, writes at a depth of 16: all processes together use a sixth less CPU time.
 */
export const NBD_TOGETHER_MAX = 32;

/** Limits of repairs (streams/pipelines/repair/repair.ts). */
export const REPAIR_LIMITS = {
  /** How often missed writes are made durable, and how late an acknowledgement may be (milliseconds). */
  missedMs: 1_000,
  /** A question of a repair is given up after this, and asked again later (milliseconds). */
  answerMs: 5_000,
  /** The most repairs of a kind under way at a time, while clients wait … */
  lanesBusy: 4,
  /** … and while none does. */
  lanesIdle: 32,
  /** The pause before a scrub begins by itself: an hour after the start, and after the last scrub (milliseconds). */
  scrubPauseMs: 3_600_000,
} as const;

/** Limits of a process of the strict mode (streams/pipelines/replica/strictLimits.ts). */
export const STRICT_LIMITS = {
  replica: {
    /** The most active regions: 4 GiB of sectors that are written at a time, and that a crash leaves to be checked. */
    activeRegions: 1_024,
    /** The most promises of single sectors: 256 MiB that are being written. Some ten MB of memory. */
    promises: 65_536,
  },
  /** Of a connection: the most requests under way, and the most bytes that they bring or ask for. */
  window: { requests: 1_024, bytes: 8_388_608 },
  /** The most requests that a peer leaves unanswered: some more than the own coordinator lets be open. */
  peerUnanswered: 4_096,
  /** An operation that its coordinator goes on with is over before the next sweep (milliseconds). */
  sweepMs: 2_000,
  heal: {
    /** Few, because clients come first. Each is at most 1 MiB. */
    lanes: 4,
    idleMs: 100,
    /** Longer than any heal of copies that can be read: those of a range may be damaged everywhere (milliseconds). */
    rangeMs: 30_000,
    pauseMs: 1_000,
    /** The first process may not know of what is to be healed: the next one waits for some six seconds. */
    sweepsPerPlace: 3,
  },
  rebuild: {
    /** 8 MiB of memory. */
    lanes: 8,
  },
  /** Most copies that differ are being written. These are the same by then (milliseconds). */
  compareAgainMs: 2_000,
} as const;

/** The most chunks (4 KiB each) in the bitmap of a peer's missed sectors: 32 Mi sectors. */
export const MISSED_CHUNKS = 1_024;

/** How long to wait for the one peer that was asked for a value before asking all (milliseconds). */
export const FETCH_MS = 50;

/**
 * How long a process whose disk is new waits for the HELLO of all others (milliseconds). With workers, it waits so much
 * longer for each of them.
 */
export const GRACE_MS = 500;
