/**
 * Puts and linearizable gets of etcd, over gRPC: HTTP/2 as Node has it, and the two messages that are needed, by hand.
 * The usual gRPC library for Node sits on the same HTTP/2 and adds to it, so this is the cheaper client, and the fairer
 * yardstick.
 */
import { connect, constants, type ClientHttp2Session } from 'node:http2';
import type { Target } from './lanes.js';
import type { Endpoint } from './loadSpec.js';

const PUT = '/etcdserverpb.KV/Put';
const RANGE = '/etcdserverpb.KV/Range';

/** Flag and length before a message of gRPC. */
const PREFIX_SIZE_BYTES = 5;
const WINDOW_BYTES = 4 * 1024 * 1024;
const FIELD_1_BYTES = 0x0a;
const FIELD_2_BYTES = 0x12;
const STATUS_OK = '0';
const VALUE_SIZE_BYTES = 4_096;

export async function etcdTarget(endpoint: Endpoint, connections: number): Promise<Target> {
  const sessions = await Promise.all(Array.from({ length: connections }, () => open(endpoint)));
  const sessionOf = (lane: number): ClientHttp2Session => sessions[lane % sessions.length];
  return {
    read: async (item, lane) => {
      const { length } = await call(sessionOf(lane), RANGE, field(FIELD_1_BYTES, keyOf(item)));
      if (length < VALUE_SIZE_BYTES) throw new Error(`etcd has no value for item ${item}`);
    },
    write: async (item, data, lane) => {
      const key = field(FIELD_1_BYTES, keyOf(item));
      await call(sessionOf(lane), PUT, Buffer.concat([key, field(FIELD_2_BYTES, data)]));
    },
    close: async () => {
      const closing = sessions.map(
        (session) =>
          new Promise<void>((resolve) => {
            session.close(resolve);
          }),
      );
      await Promise.all(closing);
    },
  };
}

function open({ host, port }: Endpoint): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const settings = { initialWindowSize: WINDOW_BYTES, enablePush: false };
    const session = connect(`http://${host}:${port}`, { settings });
    session.once('error', reject);
    session.once('connect', () => {
      session.setLocalWindowSize(WINDOW_BYTES);
      resolve(session);
    });
  });
}

function keyOf(item: number): Buffer {
  return Buffer.from(`sector-${String(item).padStart(8, '0')}`);
}

/** A field of protobuf: what it is, how long, and its bytes. */
function field(tag: number, bytes: Uint8Array): Buffer {
  const head = [tag];
  let rest = bytes.length;
  for (; rest > 0x7f; rest >>>= 7) head.push((rest & 0x7f) | 0x80);
  head.push(rest);
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** Resolves to the length of the answer. */
function call(session: ClientHttp2Session, path: string, message: Buffer): Promise<{ readonly length: number }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
    });
    let length = 0;
    let status: unknown;
    let reason: unknown;
    const take = (headers: Record<string, unknown>): void => {
      status = headers['grpc-status'] ?? status;
      reason = headers['grpc-message'] ?? reason;
    };
    stream.on('response', take);
    stream.on('trailers', take);
    stream.on('data', (chunk: Buffer) => (length += chunk.length));
    stream.once('error', reject);
    stream.once('end', () => {
      if (status === STATUS_OK) resolve({ length });
      else reject(new Error(`etcd answered ${String(status)}: ${String(reason)}`));
    });
    const prefix = Buffer.alloc(PREFIX_SIZE_BYTES);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
  });
}
