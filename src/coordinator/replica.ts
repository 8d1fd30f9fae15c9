/**
 * One replica as a coordinator sees it: whether it is asked, and what it has not answered.
 *
 * Bound: a replica with `limits.unanswered` requests or `limits.unansweredBytes` unanswered, or with
 * `limits.bufferedBytes` that were not sent yet, is behind. It counts as down for new requests until it has caught up
 * to half of each.
 */
import type { Rank } from '../core/rank.js';
import type { ReplicaRequest } from '../core/strict/replicaMessage.js';
import type { CoordinatorLimits } from './coordinatorLimits.js';
import { Nearness } from './latencies.js';
import type { ReplicaPort } from './replicaPort.js';

/** A request that was sent. */
export interface Unanswered<T> {
  /** On whose behalf. */
  readonly owner: T;
  readonly request: ReplicaRequest;
  readonly sentMs: number;
}

export type ReplicaLimits = Pick<CoordinatorLimits, 'unanswered' | 'unansweredBytes' | 'bufferedBytes'>;

export class Replica<T> {
  readonly rank: Rank;
  readonly nearness = new Nearness();
  /** In order of sending. */
  readonly #unanswered = new Map<number, Unanswered<T>>();
  #unansweredBytes = 0;
  #isUp = false;
  #isBehind = false;

  constructor(
    private readonly port: ReplicaPort,
    private readonly limits: ReplicaLimits,
  ) {
    this.rank = port.rank;
  }

  /** Whether requests may be sent to it. */
  get isUsable(): boolean {
    return this.#isUp && !this.#isBehind;
  }

  get isBehind(): boolean {
    return this.#isBehind;
  }

  get unansweredCount(): number {
    return this.#unanswered.size;
  }

  /** Must be called only while it is up. The last request may make it fall behind. */
  send(owner: T, request: ReplicaRequest, nowMs: number): void {
    const number = this.port.send(request);
    if (number === null || request.kind === 'concluded') return;
    this.#unanswered.set(number, { owner, request, sentMs: nowMs });
    this.#unansweredBytes += bytesOf(request);
    if (!this.#isBehind) this.#isBehind = this.#exceeds(1);
  }

  /** @returns the request that is answered; null: it is none that is waited for. */
  take(number: number): Unanswered<T> | null {
    const sent = this.#unanswered.get(number);
    if (sent === undefined) return null;
    this.#unanswered.delete(number);
    this.#unansweredBytes -= bytesOf(sent.request);
    return sent;
  }

  /** @returns whether it was behind and has caught up. */
  catchUp(): boolean {
    if (!this.#isBehind || this.#exceeds(0.5)) return false;
    this.#isBehind = false;
    return this.#isUp;
  }

  /** Those with unanswered requests. */
  owners(): Set<T> {
    return new Set(Array.from(this.#unanswered.values(), ({ owner }) => owner));
  }

  /** When its oldest unanswered request was sent; Infinity: there is none. */
  get oldestMs(): number {
    for (const { sentMs } of this.#unanswered.values()) return sentMs;
    return Infinity;
  }

  setUp(isUp: boolean): void {
    this.#isUp = isUp;
    this.#isBehind = false;
    // No answer to earlier requests comes.
    this.#unanswered.clear();
    this.#unansweredBytes = 0;
  }

  #exceeds(part: number): boolean {
    const { unanswered, unansweredBytes, bufferedBytes } = this.limits;
    return (
      this.#unanswered.size > part * unanswered ||
      this.#unansweredBytes > part * unansweredBytes ||
      this.port.bufferedBytes > part * bufferedBytes
    );
  }
}

/** What a request keeps in memory. */
function bytesOf(request: ReplicaRequest): number {
  if (request.kind !== 'store' && request.kind !== 'learn') return 0;
  return request.data instanceof Uint8Array ? request.data.length : 0;
}
