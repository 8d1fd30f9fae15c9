/**
 * Cuts the bytes of a client after the handshake into requests, wherever TCP cut them.
 *
 * States: `header` (28 bytes), `payload` (of a valid WRITE), `drain` (the payload of an invalid WRITE, which is skipped
 * before the WRITE is refused). A wrong magic ends it, because the bytes after it may not be a request. Bound: the
 * payload of one WRITE, PAYLOAD_BYTES_MAX, in memory that the system provides as the bytes arrive.
 */
import { assert } from '../core/assert.js';
import { REQUEST_MAGIC } from './constants.js';
import type { Negotiated } from './handshake.js';
import type { NbdRequest, Refusal, RequestHeader } from './request.js';
import { commandOf, findFault } from './request.js';

export type Decoded =
  | { readonly kind: 'request'; readonly request: NbdRequest }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** Nothing follows: the client has disconnected, or sends no valid requests. */
  | { readonly kind: 'end'; readonly reason: string };

export interface RequestDecoder {
  /** @returns the requests that these bytes complete, in order; none after an `end`. */
  push(chunk: Uint8Array): Decoded[];
}

const HEADER_BYTES = 28;
const NOTHING = new Uint8Array(0);

export function createRequestDecoder(negotiated: Negotiated): RequestDecoder {
  return new Decoder(negotiated);
}

class Decoder implements RequestDecoder {
  private readonly header = Buffer.alloc(HEADER_BYTES);
  private headerBytes = 0;
  private payload: { readonly header: RequestHeader; readonly data: Buffer; bytes: number } | null = null;
  private drain: { readonly refusal: Refusal; left: number } | null = null;
  private hasEnded = false;

  constructor(private readonly negotiated: Negotiated) {}

  push(chunk: Uint8Array): Decoded[] {
    const decoded: Decoded[] = [];
    let at = 0;
    while (at < chunk.length && !this.hasEnded) {
      if (this.payload !== null) at += this.fillPayload(chunk, at, decoded);
      else if (this.drain !== null) at += this.skip(chunk.length - at, decoded);
      else at += this.fillHeader(chunk, at, decoded);
    }
    return decoded;
  }

  private fillHeader(chunk: Uint8Array, at: number, decoded: Decoded[]): number {
    const taken = Math.min(HEADER_BYTES - this.headerBytes, chunk.length - at);
    this.header.set(chunk.subarray(at, at + taken), this.headerBytes);
    this.headerBytes += taken;
    if (this.headerBytes === HEADER_BYTES) {
      this.headerBytes = 0;
      this.begin(decoded);
    }
    return taken;
  }

  private begin(decoded: Decoded[]): void {
    if (this.header.readUInt32BE(0) !== REQUEST_MAGIC) {
      this.end('a request without its magic', decoded);
      return;
    }
    const header = parseHeader(this.header);
    const command = commandOf(header.type);
    const fault = findFault(header, this.negotiated);
    const payloadBytes = command === 'WRITE' ? header.lengthBytes : 0;
    if (fault !== null) {
      this.drain = { refusal: fault, left: payloadBytes };
      if (payloadBytes === 0) this.skip(0, decoded);
    } else if (command === 'DISC') {
      this.end('the client has disconnected', decoded);
    } else if (payloadBytes > 0) {
      this.payload = { header, data: Buffer.allocUnsafeSlow(payloadBytes), bytes: 0 };
    } else {
      decoded.push({ kind: 'request', request: toRequest(header, NOTHING) });
    }
  }

  private fillPayload(chunk: Uint8Array, at: number, decoded: Decoded[]): number {
    const { payload } = this;
    assert(payload !== null, 'there is a payload to be filled');
    const taken = Math.min(payload.data.length - payload.bytes, chunk.length - at);
    payload.data.set(chunk.subarray(at, at + taken), payload.bytes);
    payload.bytes += taken;
    if (payload.bytes === payload.data.length) {
      this.payload = null;
      decoded.push({ kind: 'request', request: toRequest(payload.header, payload.data) });
    }
    return taken;
  }

  private skip(available: number, decoded: Decoded[]): number {
    const { drain } = this;
    assert(drain !== null, 'there is something to be skipped');
    const taken = Math.min(drain.left, available);
    drain.left -= taken;
    if (drain.left === 0) {
      this.drain = null;
      decoded.push({ kind: 'refused', refusal: drain.refusal });
    }
    return taken;
  }

  private end(reason: string, decoded: Decoded[]): void {
    this.hasEnded = true;
    decoded.push({ kind: 'end', reason });
  }
}

function parseHeader(bytes: Buffer): RequestHeader {
  return {
    flags: bytes.readUInt16BE(4),
    type: bytes.readUInt16BE(6),
    cookie: bytes.readBigUInt64BE(8),
    offsetBytes: bytes.readBigUInt64BE(16),
    lengthBytes: bytes.readUInt32BE(24),
  };
}

function toRequest(header: RequestHeader, data: Uint8Array): NbdRequest {
  const { flags, type, cookie, offsetBytes, lengthBytes } = header;
  const command = commandOf(type);
  assert(command !== null, 'a request that is in order has a command');
  return { command, flags, cookie, offsetBytes, lengthBytes, data };
}
