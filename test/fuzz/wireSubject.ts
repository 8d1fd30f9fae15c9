/**
 * Frame decoder, parser and verdicts of src/wire, against test/helpers/slowDecoder.ts: the same messages and the same
 * judgements, however the bytes are cut; and nothing that was taken in changes when the memory that it came in is used
 * for something else.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ProcessMessage as AcceptedMessage, Receipt } from '../../src/core/message.js';
import type { BaseMessageKind } from '../../src/core/message.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { CLIENT_MESSAGES, PEER_MESSAGES, SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { baseTypes } from '../wire/baseTypes.js';
import { createTagger } from '../../src/wire/tag.js';
import type { Verdict } from '../../src/wire/verdict.js';
import { judge } from '../../src/wire/verdict.js';
import type { WireMessage } from '../../src/wire/wireMessage.js';
import type { Keys, Message, ProcessKind, RegisterValue, Status } from '../helpers/bytes.js';
import type { Dice } from '../helpers/seed.js';
import type { Item, Judge, Judgement, Receiver } from '../helpers/slowDecoder.js';
import { decodeSlowly, judgeSlowly } from '../helpers/slowDecoder.js';
import type { NamedCut } from './cuts.js';
import { chooseCuts, cut } from './cuts.js';
import type { Experiment, Piece, Subject } from './experiment.js';
import { hostileStream } from './mutations.js';
import { U64_EDGES } from './wireMessages.js';

/** One message, as it was read and as it was judged. */
interface Seen {
  readonly bytes: Buffer;
  readonly message: Message;
  readonly judgement: Judgement;
  /** What an accepted message hands on, and whom a refused one is answered. */
  readonly handedOn: Message | string | null;
}

const TABLES = {
  server: baseTypes(SERVER_MESSAGES),
  dialler: baseTypes(PEER_MESSAGES),
  client: baseTypes(CLIENT_MESSAGES),
};

export const wireSubject: Subject = { name: 'wire', weight: 5, make };

function make(random: Dice): Experiment {
  const receiver: Receiver = random.pick(['server', 'server', 'dialler', 'client']);
  const keys: Keys = { clientKey: random.bytes(32), systemKey: random.bytes(64) };
  const processCount = random.pick([1, 3, 5, 254]);
  const self = random.between(1, processCount + 1);
  const sectors = random.pick([1n, 100n, 2n ** 21n, 2n ** 48n]);
  // What is wrong with a message shows only where all else is right: that comes up most.
  const others = [1, 2, 3, processCount].filter((rank) => rank <= processCount && rank !== self);
  const within = [0n, sectors - 1n, 0n, sectors - 1n, 0n, sectors - 1n, 0n, sectors - 1n];
  const indices = [...within, sectors, ...U64_EDGES.slice(-6)];
  const pieces = hostileStream(random, {
    keys,
    families: receiver === 'client' ? ['response'] : ['request', 'process', 'process', 'receipt'],
    ranks: [...others, ...others, ...others, 0, self, processCount + 1, 255],
    requestSectors: indices,
    sectors: indices,
    requestNumbers: U64_EDGES,
    timestamps: [...U64_EDGES, 2n ** 63n - 1n, 2n ** 63n],
    ids: [random.bytes(16).toString('hex'), random.bytes(16).toString('hex')],
    operations: [],
    maySign: () => true,
  });
  const cuts = chooseCuts(pieces, random, 2);
  const role: Judge = { self, processCount, sectors };
  return {
    pieces: pieces.map((bytes) => ({ lane: 0, bytes })),
    check: (given: readonly Piece[]) => {
      const bytes = Buffer.concat(given.map((piece) => piece.bytes));
      const items = decodeSlowly(bytes, receiver, keys);
      const expected = items.flatMap((item) => (item.kind === 'message' ? [expect(item)] : []));
      const pending = items.reduce((sum, item) => (item.kind === 'pending' ? item.count : sum), 0);
      for (const way of cuts) {
        const fault = compare(way);
        if (fault !== null) return `${fault}\n${way.name}: ${way.lengths.slice(0, 50).join(' ')}`;
      }
      return null;

      function compare(way: NamedCut): string | null {
        const { seen, pendingBytes, fault } = decode(cut(bytes, way));
        if (fault !== null) return fault;
        for (const [index, one] of expected.entries()) {
          if (isDeepStrictEqual(seen[index], one)) continue;
          return `message ${index} should be\n${show(one)}\nand is\n${show(seen[index])}`;
        }
        if (seen.length > expected.length) return `not a message: ${show(seen[expected.length])}`;
        // Of less than a header it may not have looked at all that it has yet.
        if (pending < 8 ? pendingBytes >= pending && pendingBytes < 8 : pendingBytes === pending) {
          return null;
        }
        return `${pendingBytes} bytes are kept of a message that has ${pending} so far`;
      }
    },
  };

  function expect(item: Extract<Item, { kind: 'message' }>): Seen {
    const { bytes, message } = item;
    const judgement = judgeSlowly(item, role);
    const handedOn = judgement === 'accepted' ? message : answerTo(message, judgement);
    return { bytes, message, judgement, handedOn };
  }

  function decode(chunks: Iterable<Buffer>) {
    const decoder = createFrameDecoder(TABLES[receiver]);
    const options = {
      self,
      processCount,
      sectors: Number(sectors),
      clientTagger: createTagger(keys.clientKey),
      systemTagger: createTagger(keys.systemKey),
    };
    const kept: { bytes: Buffer; message: Message; verdict: Verdict }[] = [];
    /** Frames with memory of their own, which have to stay as they are. */
    const own: { frame: Uint8Array; bytes: Buffer }[] = [];
    let fault: string | null = null;
    for (const chunk of chunks) {
      for (const { type, bytes: frame } of decoder.push(chunk)) {
        const message = type.parse(frame);
        // What belongs to the chunk is looked at now; the verdict, when the chunk is gone.
        const bytes = Buffer.from(frame);
        const verdict = judge({ frame, message }, options);
        kept.push({ bytes, message: named(message), verdict });
        if (frame.buffer !== chunk.buffer) own.push({ frame, bytes });
      }
      chunk.fill(0xee);
      if (own.some(({ frame, bytes }) => !bytes.equals(frame))) fault = 'a frame has changed';
    }
    const seen = kept.map(({ bytes, message, verdict }): Seen => {
      return { bytes, message, ...judged(verdict) };
    });
    return { seen, pendingBytes: decoder.pendingBytes, fault };
  }
}

const PROCESS_KINDS: Readonly<Record<BaseMessageKind, ProcessKind>> = {
  readProc: 'READ_PROC',
  value: 'VALUE',
  writeProc: 'WRITE_PROC',
  ack: 'ACK',
};
const STATUSES: readonly Status[] = ['Ok', 'AuthFailure', 'InvalidSectorIndex'];

/** What src/wire has read, in the words of the tests; data copied. */
function named(message: WireMessage): Message {
  switch (message.family) {
    case 'request': {
      const { request, requestNumber, sector, data } = message;
      return requestNamed(request, requestNumber, sector, data);
    }
    case 'response': {
      const { status: code, requestNumber } = message;
      const status = code < STATUSES.length ? STATUSES[code] : (`unknown ${code}` as const);
      const kind = message.request === 'read' ? 'READ' : 'WRITE';
      const data = message.data === null ? null : Buffer.from(message.data);
      return { family: 'response', kind, status, requestNumber, data };
    }
    case 'process':
      return processNamed(message.sender, message.sector, message.content);
    case 'receipt':
      return receiptNamed(message);
    default:
      throw new Error(`of this implementation alone: ${message.family}`);
  }
}

function requestNamed(
  request: 'read' | 'write',
  requestNumber: bigint,
  sector: bigint,
  data: Uint8Array | null,
): Message {
  const kind = request === 'read' ? 'READ' : 'WRITE';
  const own = data === null ? null : Buffer.from(data);
  return { family: 'request', kind, requestNumber, sector, data: own };
}

function processNamed(sender: number, sector: bigint, content: AcceptedMessage['content']): Message {
  let register: RegisterValue | null = null;
  if ('data' in content) register = { ...content.stamp, data: Buffer.from(content.data) };
  const id = Buffer.from(content.id, 'latin1').toString('hex');
  if (content.kind === 'readStamp' || content.kind === 'stamp') throw new Error('of this implementation');
  const kind = PROCESS_KINDS[content.kind];
  return { family: 'process', kind, sender, id, sector, register };
}

function receiptNamed({ sender, receiptFor, id }: Receipt): Message {
  const hexadecimal = Buffer.from(id, 'latin1').toString('hex');
  return { family: 'receipt', receiptFor: PROCESS_KINDS[receiptFor], sender, id: hexadecimal };
}

const REASONS = {
  badTag: 'dropped: wrong tag',
  unknownSender: 'dropped: sender rank',
  invalidSectorIndex: 'dropped: sector index',
  invalidTimestamp: 'dropped: timestamp',
  unexpectedFamily: 'dropped: not for a process',
  invalidContent: 'dropped: not for a process',
  outdatedSender: 'dropped: not for a process',
  otherMode: 'dropped: not for a process',
  wrongShard: 'dropped: not for a process',
  otherWorkers: 'dropped: not for a process',
} as const;

/** The program's verdict in the words of the tests. */
function judged(verdict: Verdict): Pick<Seen, 'judgement' | 'handedOn'> {
  switch (verdict.kind) {
    case 'request': {
      const { kind, requestNumber, sector } = verdict.request;
      const data = verdict.request.kind === 'write' ? verdict.request.data : null;
      const handedOn = requestNamed(kind, requestNumber, BigInt(sector), data);
      return { judgement: 'accepted', handedOn };
    }
    case 'refused': {
      const { request, status, requestNumber, data } = verdict.response;
      const isBadTag = status === 'authFailure';
      return {
        judgement: isBadTag ? 'AuthFailure' : 'InvalidSectorIndex',
        handedOn: `${request} ${requestNumber}${data === null ? '' : ' with data'}`,
      };
    }
    case 'processMessage': {
      const { sender, sector, content } = verdict.message;
      return { judgement: 'accepted', handedOn: processNamed(sender, BigInt(sector), content) };
    }
    case 'receipt':
      return { judgement: 'accepted', handedOn: receiptNamed(verdict.receipt) };
    case 'dropped':
      return { judgement: REASONS[verdict.reason], handedOn: null };
    default:
      throw new Error(`of this implementation alone: ${verdict.kind}`);
  }
}

/** A refused request is answered; a dropped message is not. */
function answerTo(message: Message, judgement: Judgement): string | null {
  if (judgement !== 'AuthFailure' && judgement !== 'InvalidSectorIndex') return null;
  if (message.family !== 'request') return null;
  return `${message.kind.toLowerCase()} ${message.requestNumber}`;
}

function show(seen: Seen | undefined): string {
  if (seen === undefined) return 'nothing';
  const shorten = (_key: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return String(value);
    const isBytes = typeof value === 'object' && value !== null && 'data' in value;
    if (!isBytes || !Array.isArray(value.data)) return value;
    const begin = Buffer.from(value.data as number[]).toString('hex', 0, 32);
    return `${value.data.length} bytes ${begin}…`;
  };
  return JSON.stringify(seen, shorten);
}
