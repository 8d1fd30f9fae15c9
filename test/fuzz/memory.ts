/**
 * What decoders and a process keep of what they are sent, measured: the heap and the buffers of this process before and
 * after, garbage collected. Each check says how much there may be.
 */
import { createHandshake } from '../../src/nbd/handshake.js';
import { createRequestDecoder } from '../../src/nbd/requestDecoder.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { createTagger } from '../../src/wire/tag.js';
import { judge } from '../../src/wire/verdict.js';
import type { Message } from '../helpers/bytes.js';
import { processBytes, requestBytes } from '../helpers/bytes.js';
import { usedBytes } from '../helpers/garbage.js';
import type { Dice } from '../helpers/seed.js';
import { bytes, clientFlags, request } from '../nbd/wire.js';
import { KEYS, startVirtual } from '../streams/virtualProcess.js';
import { hostileStream } from './mutations.js';

export interface MemoryResult {
  readonly name: string;
  readonly keptBytes: number;
  readonly boundBytes: number;
}

/** As much as a socket gives at once. */
const CHUNK_BYTES = 65_536;
/** So many of a thing at once: what each keeps is known to a few bytes. */
const COUNT = 400;
const ROUNDS = 6;
/** For objects, and for what the engine itself does meanwhile. */
const SLACK_BYTES = 3_000;
const MEBIBYTE = 2 ** 20;

const SECTOR = 4_096;
const MESSAGE_BYTES_MAX = 4_176;

/** @param garbageMebibytes How much goes through one decoder. */
export function measureMemory(random: Dice, garbageMebibytes: number): MemoryResult[] {
  return [
    {
      name: `${garbageMebibytes} MiB of garbage through one decoder`,
      keptBytes: keptBy(() => [decoderAfterGarbage(random, garbageMebibytes)]),
      boundBytes: MESSAGE_BYTES_MAX + MEBIBYTE / 4,
    },
    {
      name: 'messages not whole yet, of 64 KiB chunks',
      keptBytes: keptBy(() => many(() => halfMessage(random))),
      boundBytes: COUNT * (MESSAGE_BYTES_MAX + SLACK_BYTES),
    },
    {
      name: 'data of accepted messages, of 64 KiB chunks',
      keptBytes: keptBy(() => many(() => acceptedMessage(random))),
      boundBytes: COUNT * (SECTOR + SLACK_BYTES),
    },
    {
      name: 'NBD options not whole yet, of 64 KiB chunks',
      keptBytes: keptBy(() => many(() => halfOption(random))),
      // Up to a page of Node's own buffers.
      boundBytes: COUNT * (8_192 + SLACK_BYTES),
    },
    {
      name: 'NBD requests not whole yet, of 64 KiB chunks',
      keptBytes: keptBy(() => many(() => halfRequest(random))),
      boundBytes: COUNT * (SECTOR + SLACK_BYTES),
    },
    connectionsThatCameAndWent(random),
  ];
}

/** How much more there is while what `make` returns is held. The first time is for the engine. */
function keptBy(make: () => unknown): number {
  make();
  const before = usedBytes();
  const held = make();
  const after = usedBytes();
  // Used after the measurement, so that it lived through it.
  if (held === undefined) throw new Error('nothing was made');
  return after - before;
}

const many = <Thing>(make: () => Thing): Thing[] => Array.from({ length: COUNT }, make);

/** A chunk that ends with these bytes, and has nothing else to be kept. */
function chunkEndingWith(last: Buffer): Buffer {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  last.copy(chunk, CHUNK_BYTES - last.length);
  return chunk;
}

function decoderAfterGarbage(random: Dice, mebibytes: number): unknown {
  const decoder = createFrameDecoder(SERVER_MESSAGES);
  const cast = {
    keys: KEYS,
    families: ['request', 'process', 'receipt'] as const,
    ranks: [2],
    requestSectors: [1n],
    sectors: [1n],
    requestNumbers: [1n],
    timestamps: [1n],
    ids: [random.bytes(16).toString('hex')],
    operations: [],
    maySign: () => true,
  };
  const chunks = Array.from({ length: 64 }, () => Buffer.concat(hostileStream(random, cast)));
  for (let left = mebibytes * MEBIBYTE; left > 0;) {
    const chunk = random.pick(chunks);
    decoder.push(Buffer.from(chunk));
    left -= chunk.length;
  }
  return decoder;
}

function writeBytes(random: Dice): Buffer {
  const data = random.bytes(SECTOR);
  return requestBytes({ kind: 'WRITE', requestNumber: 1n, sector: 1n, data }, KEYS.clientKey);
}

function halfMessage(random: Dice): unknown {
  const decoder = createFrameDecoder(SERVER_MESSAGES);
  decoder.push(chunkEndingWith(writeBytes(random).subarray(0, random.between(8, 4_152))));
  return decoder;
}

function acceptedMessage(random: Dice): unknown {
  const register = { timestamp: 1n, writeRank: 2, data: random.bytes(SECTOR) };
  const id = random.bytes(16).toString('hex');
  const message = { kind: 'WRITE_PROC', sender: 2, id, sector: 1n, register } as const;
  const sent = random.chance(50) ? writeBytes(random) : processBytes(message, KEYS.systemKey);
  const [{ type, bytes: frame }] = createFrameDecoder(SERVER_MESSAGES).push(chunkEndingWith(sent));
  const verdict = judge({ frame, message: type.parse(frame) }, VERDICT_OPTIONS);
  if (verdict.kind === 'dropped') throw new Error(`a good message was dropped: ${verdict.reason}`);
  return verdict;
}

const VERDICT_OPTIONS = {
  self: 1,
  processCount: 3,
  sectors: 100,
  clientTagger: createTagger(KEYS.clientKey),
  systemTagger: createTagger(KEYS.systemKey),
};

const WHOLE_DISK = { name: '', firstSector: 0, sectors: 100, isReadOnly: false };

function halfOption(random: Dice): unknown {
  const handshake = createHandshake([WHOLE_DISK]);
  // An option that nobody knows fills the chunk up to the one of which a part is missing.
  const half = bytes('IHAVEOPT', [4, 7], [4, 4_000], random.bytes(random.below(4_000)));
  const filling = CHUNK_BYTES - 4 - 16 - half.length;
  const filler = bytes('IHAVEOPT', [4, 99], [4, filling], Buffer.alloc(filling));
  handshake.push(Buffer.concat([clientFlags(3), filler, half]));
  return handshake;
}

function halfRequest(random: Dice): unknown {
  const negotiated = { export: WHOLE_DISK, isStructured: true, hasAllocation: true };
  const decoder = createRequestDecoder(negotiated);
  const half = request({ type: 1, data: random.bytes(SECTOR) }).subarray(0, random.between(28, 4_000));
  const filler = request({ type: 1, data: Buffer.alloc(CHUNK_BYTES - 28 - half.length) });
  decoder.push(Buffer.concat([filler, half]));
  return decoder;
}

/**
 * Rounds of connections to a process in virtual time. The first ones bring everything to its level: the table of what
 * peers do, the queues of the stripes. After that none may add to it; a session that stays would be two kilobytes.
 */
function connectionsThatCameAndWent(random: Dice): MemoryResult {
  const world = startVirtual(3, (error) => {
    throw error;
  });
  const cast = {
    keys: KEYS,
    families: ['request', 'process', 'receipt'] as const,
    ranks: [0, 1, 2, 3, 4],
    requestSectors: [1n, 2n, 3n, 100n],
    sectors: [1n, 2n, 3n, 100n],
    requestNumbers: [1n],
    timestamps: [1n, 2n],
    ids: [random.bytes(16).toString('hex')],
    operations: [],
    // Anything else that is stored would stay, and rightly.
    maySign: (message: Message) => !('sector' in message) || message.sector <= 3n,
  };
  const round = (): void => {
    for (let count = 0; count < COUNT; count += 1) {
      const connection = world.connect();
      for (const piece of hostileStream(random, cast, 4)) connection.receive(piece);
      world.pass(random.below(3));
      connection.take();
      connection.close();
      for (const dialled of world.dialled.values()) dialled.take();
    }
    world.pass(10_000);
    for (const dialled of world.dialled.values()) dialled.take();
    world.trusted.length = 0;
  };
  const keptBytes = keptBy(() => {
    for (let count = 0; count < ROUNDS; count += 1) round();
    return world;
  });
  const name = `${ROUNDS * COUNT} connections to a process that came and went`;
  return { name, keptBytes, boundBytes: MEBIBYTE };
}
