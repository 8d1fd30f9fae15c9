/**
 * What one connection has under way at a replica. The connection is not read from while the window is full
 * (src/core/admission.ts). So what its requests and answers take is bounded: by the limits, and one pack beyond them.
 */
import { assert } from '../assert.js';
import { SECTOR_SIZE_BYTES } from '../sector.js';
import type { ReplicaRequest } from './replicaMessage.js';

export interface WindowLimits {
  /** The most requests of a connection under way. */
  readonly requests: number;
  /** The most bytes of data that they have brought or ask for. */
  readonly bytes: number;
}

export class RequestWindow {
  #count = 0;
  #bytes = 0;

  constructor(private readonly limits: WindowLimits) {}

  get isFull(): boolean {
    return this.#count >= this.limits.requests || this.#bytes >= this.limits.bytes;
  }

  get isIdle(): boolean {
    return this.#count === 0;
  }

  begin(request: ReplicaRequest): void {
    this.#count += 1;
    this.#bytes += bytesOf(request);
  }

  /** It was answered, or needs no answer. */
  end(request: ReplicaRequest): void {
    assert(this.#count > 0, 'no request is under way');
    this.#count -= 1;
    this.#bytes -= bytesOf(request);
  }
}

/** The bytes of the data that the request brings, or that its answer may have. */
export function bytesOf(request: ReplicaRequest): number {
  const most = request.range.count * SECTOR_SIZE_BYTES;
  switch (request.kind) {
    case 'query':
      return request.wantsData ? most : 0;
    case 'order':
      return request.wants === 'data' ? most : 0;
    case 'store':
    case 'learn':
      return request.data instanceof Uint8Array ? most : 0;
    case 'concluded':
    case 'list':
      return 0;
  }
}
