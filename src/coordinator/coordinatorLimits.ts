/** Every bound and interval of a coordinator, with its reason. */
export interface CoordinatorLimits {
  /** The most operations under way at a time, those of abandoned writes included; more wait in order of arrival. */
  readonly operations: number;
  /** The most bytes of ranges under way at a time. An operation that is larger goes alone. */
  readonly bytes: number;
  /** The most operations whose callers have their results and that wait for the last answers before CONCLUDED … */
  readonly concluding: number;
  /** … and the most bytes that these hold. */
  readonly concludingBytes: number;
  /** CONCLUDED is said at the latest so long after the result (milliseconds). */
  readonly concludeMs: number;
  /** A replica with more unanswered requests counts as down for new requests until it has answered half of them. */
  readonly unanswered: number;
  /** The same for the bytes in its unanswered requests … */
  readonly unansweredBytes: number;
  /** … and for the bytes that wait to be sent to it. */
  readonly bufferedBytes: number;
  /** Milliseconds between two checks of whether a slow replica has caught up. Its answers are checks, too. */
  readonly behindCheckMs: number;
  readonly hedge: HedgeLimits;
  readonly pauses: PauseLimits;
}

export interface HedgeLimits {
  /** The least and the greatest delay (milliseconds). */
  readonly msMin: number;
  readonly msMax: number;
  /** The delay until there are latencies to compute it from (milliseconds). */
  readonly msFirst: number;
}

/** Milliseconds of a first pause, and of the longest. Each is doubled with the attempt. */
export interface PauseLimits {
  readonly contention: PauseRange;
  readonly living: PauseRange;
  readonly full: PauseRange;
}

export interface PauseRange {
  readonly firstMs: number;
  readonly maxMs: number;
}

export const COORDINATOR_LIMITS_DEFAULT: CoordinatorLimits = {
  /** Four connections of the gateway at a depth of 128. */
  operations: 512,
  /** 16 ranges of 1 MiB: some ten milliseconds of a fast network. */
  bytes: 16_777_216,
  /** As many as under way: a replica that is a little slower has them within the time of one operation. */
  concluding: 512,
  concludingBytes: 16_777_216,
  concludeMs: 1_000,
  /** Twice what can be under way and concluding, so that a burst makes no replica slow. */
  unanswered: 2_048,
  unansweredBytes: 67_108_864,
  bufferedBytes: 33_554_432,
  behindCheckMs: 100,
  /** Below 20 ms a pause of the garbage collection would be hedged. */
  hedge: { msMin: 20, msMax: 1_000, msFirst: 100 },
  pauses: {
    /** About the time that the other coordinator needs: two rounds with one flush. */
    contention: { firstMs: 2, maxMs: 32 },
    /** A writer that lives stores within some milliseconds of its ORDER. */
    living: { firstMs: 10, maxMs: 40 },
    /** Room comes from elsewhere, and not soon. */
    full: { firstMs: 250, maxMs: 1_000 },
  },
};
