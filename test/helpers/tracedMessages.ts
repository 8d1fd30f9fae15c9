/** The messages on the sockets of a traced process, and when sectors became durable in it. */
import type { Message } from './bytes.js';
import { MessageReader } from './bytes.js';
import type { Cluster } from './cluster.js';
import type { PackMessage } from './packs.js';
import type { SystemCall } from './strace.js';

/** A message on a socket of the traced process, and where in the trace its bytes moved. */
export interface Moved {
  readonly message: Message | PackMessage;
  readonly connection: string;
  readonly isIncoming: boolean;
  readonly firstByteAt: number;
  readonly lastByteAt: number;
}

const INCOMING = new Set(['read', 'recvfrom', 'recvmsg']);
const OUTGOING = new Set(['write', 'writev', 'sendmsg', 'sendto']);

export function messagesOf(calls: readonly SystemCall[], keys: Cluster['keys']): Moved[] {
  const streams = new Map<string, { reader: MessageReader; begunAt: number }>();
  const moved: Moved[] = [];
  for (const { name, target, data, beganAt, endedAt } of calls) {
    const isIncoming = INCOMING.has(name);
    if (!target.startsWith('TCP') || (!isIncoming && !OUTGOING.has(name))) continue;
    const key = `${isIncoming} ${target}`;
    const stream = streams.get(key) ?? { reader: new MessageReader(keys, true), begunAt: beganAt };
    streams.set(key, stream);
    if (stream.reader.pendingBytes === 0) stream.begunAt = beganAt;
    for (const { message } of stream.reader.pushAny(data)) {
      const firstByteAt = stream.begunAt;
      moved.push({ message, connection: target, isIncoming, firstByteAt, lastByteAt: endedAt });
      stream.begunAt = beganAt;
    }
  }
  return moved;
}

/**
 * Where in the trace a sector became durable: the end of the flush of the data file that followed the sector's write,
 * and of the flush of LevelDB's log that followed its next write. Infinity if that never happened.
 */
export function durableAt(calls: readonly SystemCall[], sector: Buffer, after = -1): number {
  const isFlush = ({ name }: SystemCall): boolean => name === 'fdatasync' || name === 'fsync';
  const inFiles = calls.filter(({ target }) => target.startsWith('/'));
  const written = inFiles.find(
    ({ name, data, beganAt }) => name.startsWith('pwrite') && beganAt > after && data.includes(sector),
  );
  if (written === undefined) return Infinity;
  const flushed = inFiles.find(
    (call) => isFlush(call) && call.target === written.target && call.beganAt > written.endedAt,
  );
  if (flushed?.result !== 0) return Infinity;
  const logged = inFiles.find(
    ({ name, target, beganAt }) => name === 'write' && target.endsWith('.log') && beganAt > written.endedAt,
  );
  if (logged === undefined) return Infinity;
  const committed = inFiles.find(
    (call) => isFlush(call) && call.target === logged.target && call.beganAt > logged.endedAt,
  );
  return committed?.result === 0 ? Math.max(flushed.endedAt, committed.endedAt) : Infinity;
}
