/**
 * What a coordinator knows of how long replicas take to answer: the delay after which it asks more of them (Dean,
 * Barroso, The Tail at Scale, 2013: hedged requests), and which of them are near.
 *
 * Bound: a fixed number of latencies.
 */
import type { HedgeLimits } from './coordinatorLimits.js';

/** The delay is this many times the QUANTILE of the latest latencies. */
const PATIENCE = 4;
const QUANTILE = 0.99;
/** The number of latencies that are kept. The delay is computed again when a quarter of them is new. */
const SAMPLE_COUNT = 512;
const SAMPLE_COUNT_LEAST = 16;

/** The delay after which more replicas are asked, from the latest latencies of all. */
export class HedgeDelay {
  readonly #samples: number[] = [];
  #next = 0;
  #newCount = 0;
  #delayMs: number;

  constructor(private readonly limits: HedgeLimits) {
    this.#delayMs = limits.msFirst;
  }

  get delayMs(): number {
    return this.#delayMs;
  }

  /** A query was answered after so many milliseconds. */
  add(latencyMs: number): void {
    this.#samples[this.#next] = latencyMs;
    this.#next = (this.#next + 1) % SAMPLE_COUNT;
    this.#newCount += 1;
    if (this.#newCount < Math.max(SAMPLE_COUNT_LEAST, Math.floor(this.#samples.length / 4))) return;
    this.#newCount = 0;
    const sorted = Float64Array.from(this.#samples).sort();
    const slow = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * QUANTILE))];
    const { msMin, msMax } = this.limits;
    this.#delayMs = Math.min(msMax, Math.max(msMin, PATIENCE * slow));
  }
}

/** A new latency counts for one part in so many. */
const SMOOTHING = 8;

/**
 * The latency of one replica, smoothed, in steps of a factor of two: replicas of one step count as equally near,
 * because latencies of a network differ by more than that from one moment to the next.
 */
export class Nearness {
  #smoothedMs = 0;
  #step = 0;

  /** 0: no latency is known. Lower is nearer. */
  get step(): number {
    return this.#step;
  }

  /** @returns whether the step is another one now. */
  add(latencyMs: number): boolean {
    const before = this.#step;
    const isFirst = this.#smoothedMs === 0;
    this.#smoothedMs += (latencyMs - this.#smoothedMs) / (isFirst ? 1 : SMOOTHING);
    // 0.25 ms and less is the first step.
    const exact = Math.max(1, 3 + Math.log2(Math.max(this.#smoothedMs, Number.MIN_VALUE)));
    // A step is left only when the latency is well outside it, so that the order of replicas is steady.
    if (isFirst || Math.abs(exact - this.#step) > 0.75) this.#step = Math.round(exact);
    return this.#step !== before;
  }
}
