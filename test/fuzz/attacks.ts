/** What strangers, clients and liars with keys do to processes that others work with. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Keys, Message } from '../helpers/bytes.js';
import { requestBytes } from '../helpers/bytes.js';
import { HANG_MS } from '../helpers/hang.js';
import { newcomer } from '../helpers/newcomer.js';
import type { Address } from '../helpers/rawClient.js';
import { RawClient } from '../helpers/rawClient.js';
import type { Dice } from '../helpers/seed.js';
import { dice, seedOf } from '../helpers/seed.js';
import { sectorNamed } from '../helpers/sectorValue.js';
import type { Crowd } from '../helpers/startCrowd.js';
import { startCrowd } from '../helpers/startCrowd.js';
import type { TestScope } from '../helpers/testScope.js';
import type { Evidence } from './evidence.js';
import type { Attack } from './laps.js';
import { hostileStream } from './mutations.js';
import { dialMany, inLanes, leave, letGo, say, withConnection } from './sockets.js';
import type { Cast, KnownOperation } from './wireMessages.js';
import { U64_EDGES } from './wireMessages.js';

/** Who may write where. The sectors before `clients` are those of the clients that behave. */
export const AREAS = {
  /** Of hostile clients, who have the client key. */
  clients: { first: 256, count: 128 },
  /** Of liars, who have the system key: what they have touched nobody can rely on. */
  liars: { first: 512, count: 128 },
  /** Of those whose messages are recorded and replayed. */
  replays: { first: 768, count: 16 },
} as const;

export const SECTORS = 1_024;

type Area = (typeof AREAS)[keyof typeof AREAS];

export const isIn = ({ first, count }: Area, sector: bigint): boolean =>
  sector >= BigInt(first) && sector < BigInt(first + count);

const isNowhere = (sector: bigint): boolean => sector >= BigInt(SECTORS);

const someOf = ({ first, count }: Area): bigint[] =>
  [0, 1, 2, 3, count / 2, count - 1].map((offset) => BigInt(first + offset));

const NOWHERE = [BigInt(SECTORS), 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];

export interface Battlefield {
  readonly scope: TestScope;
  readonly seed: number;
  readonly keys: Keys;
  /** Of the processes that are attacked. */
  readonly addresses: readonly Address[];
  /** Of all, whether there is such a process or not. */
  readonly processCount: number;
  /** Which really are under way, or were; the latest last. */
  readonly operations: () => readonly KnownOperation[];
  /** Bytes that each of the processes has in use. */
  readonly usedBytes: () => Promise<readonly number[]>;
  readonly evidence: Evidence;
}

const LANES = 10;

const lanesOf = ({ seed }: Battlefield, name: string, lap: number, count = LANES): Dice[] =>
  Array.from({ length: count }, (_, lane) => dice(seedOf(seed, name, lap, lane)));

/** @param areAlone Whether each has the processes to itself: what they keep is its doing then. */
export function attacksOn(field: Battlefield, areAlone: boolean): Attack[] {
  return [
    mangledStreams(field, 'strangers without a key', strangers),
    mangledStreams(field, 'clients with the client key', clients),
    mangledStreams(field, 'liars with the system key', liars),
    deafClients(field, areAlone),
    slowSenders(field),
    flood(field),
  ];
}

/** @param to The rank of the process that gets to hear it. */
type CastMaker = (field: Battlefield, random: Dice, to: number) => Cast;

/** Connections that send streams of valid and broken messages, and end in any way. */
function mangledStreams(field: Battlefield, name: string, castOf: CastMaker): Attack {
  const once = (random: Dice): Promise<void> => {
    const to = random.between(1, field.addresses.length + 1);
    return withConnection(field.addresses[to - 1], async (socket) => {
      // Most take what they are sent; the others do not even look.
      if (random.chance(80)) socket.resume();
      for (let count = random.between(1, 6); count > 0 && socket.writable; count -= 1) {
        const stream = Buffer.concat(hostileStream(random, castOf(field, random, to)));
        field.evidence.note(stream);
        await say(socket, stream, random);
      }
      await leave(socket, random);
    });
  };
  return { name, run: (ms, lap) => inLanes(ms, lanesOf(field, name, lap), once) };
}

const strangers: CastMaker = (field, random, to) => ({
  ...liars(field, random, to),
  keys: { clientKey: random.bytes(32), systemKey: random.bytes(64) },
  requestSectors: [0n, 1n, ...NOWHERE],
  sectors: [0n, 1n, ...NOWHERE],
  maySign: () => true,
});

const clients: CastMaker = (field, random, to) => ({
  ...liars(field, random, to),
  keys: { clientKey: field.keys.clientKey, systemKey: random.bytes(64) },
  families: ['request', 'request', 'request', 'process', 'receipt'],
});

/**
 * They claim every rank, also that of the receiver, and know what is under way. Nobody works in their own area: a
 * member that imposes the timestamp 2^63 - 1 there, the last that is taken, makes the sector hang, for the next
 * timestamp is refused by all.
 */
const liars: CastMaker = (field, random, to) => ({
  keys: field.keys,
  families: ['request', 'process', 'process', 'process', 'receipt'],
  ranks: [0, to, to, ...Array.from({ length: field.processCount + 1 }, (_, at) => at + 1), 255],
  requestSectors: [...someOf(AREAS.clients), ...NOWHERE],
  sectors: [...someOf(AREAS.liars), ...NOWHERE],
  requestNumbers: U64_EDGES,
  timestamps: U64_EDGES,
  ids: [random.bytes(16).toString('hex')],
  operations: field.operations().slice(-12),
  maySign: (message) => isHarmless(message, field, to),
});

/**
 * A right tag is obeyed, so what must stay right is left alone; but for lies that are none, since they come from a rank
 * that there is not, or from the receiver's own.
 */
function isHarmless(message: Message, { processCount }: Battlefield, to: number): boolean {
  switch (message.family) {
    case 'request':
      return isIn(AREAS.clients, message.sector) || isNowhere(message.sector);
    case 'process': {
      const { sender, sector } = message;
      const isMember = sender >= 1 && sender <= processCount && sender !== to;
      return !isMember || isIn(AREAS.liars, sector) || isNowhere(sector);
    }
    case 'receipt':
    case 'response':
      return true;
  }
}

/**
 * They ask one process for more than anybody may have under way, and never take an answer. As long as they stay, it
 * keeps for each what docs/limits.md says and no more.
 */
function deafClients(field: Battlefield, isAlone: boolean): Attack {
  const name = 'clients that never read';
  const data = sectorNamed('from a client that never reads');
  const run = async (ms: number, lap: number): Promise<void> => {
    const random = dice(seedOf(field.seed, name, lap));
    const before = await field.usedBytes();
    const sockets = await dialMany([random.pick(field.addresses)], DEAF_COUNT, random);
    for (const socket of sockets) {
      socket.pause();
      for (let count = 0; count < 15_000; count += 1) {
        const sector = BigInt(AREAS.clients.first + random.below(AREAS.clients.count));
        const fixed = { requestNumber: BigInt(count), sector };
        const request = random.chance(95)
          ? ({ ...fixed, kind: 'READ', data: null } as const)
          : ({ ...fixed, kind: 'WRITE', data } as const);
        socket.write(requestBytes(request, field.keys.clientKey));
      }
    }
    // That long, since the system takes the first megabytes.
    await sleep(2 * ms);
    for (const [index, used] of (await field.usedBytes()).entries()) {
      const kept = used - before[index];
      if (!isAlone || kept <= DEAF_COUNT * DEAF_BYTES_MAX + DEAF_SLACK_BYTES) continue;
      throw new Error(`process ${index + 1} keeps ${kept} bytes for ${name}`);
    }
    await Promise.all(sockets.map(letGo));
  };
  return { name, run };
}

/** Few, since the system takes some megabytes for each before the process has any to keep. */
const DEAF_COUNT = 2;
/** 1 MiB of answers, and those of the 256 operations under way when that was reached. */
const DEAF_BYTES_MAX = 2 * 2 ** 20;
/** What is under way for others, and frames that wait. */
const DEAF_SLACK_BYTES = 6 * 2 ** 20;

/** A WRITE whose bytes come one in a second; and such that stop in the middle. */
function slowSenders(field: Battlefield): Attack {
  const name = 'slow senders';
  const run = async (ms: number, lap: number): Promise<void> => {
    const random = dice(seedOf(field.seed, name, lap));
    const request = {
      kind: 'WRITE',
      requestNumber: 1n,
      sector: 1n,
      data: sectorNamed('slow'),
    } as const;
    const bytes = requestBytes(request, field.keys.clientKey);
    const sockets = await dialMany(field.addresses, 60, random);
    // Never the last byte: that one would make it a request.
    const begun = sockets.map((socket) => {
      const length = random.below(bytes.length - 1_000);
      socket.resume().write(bytes.subarray(0, length));
      return length;
    });
    const until = performance.now() + ms;
    for (let second = 0; performance.now() < until; second += 1) {
      for (const [index, socket] of sockets.entries()) {
        const at = begun[index] + second;
        if (socket.writable && at < bytes.length - 1) socket.write(bytes.subarray(at, at + 1));
      }
      await sleep(Math.min(1_000, Math.max(0, until - performance.now())));
    }
    await Promise.all(sockets.map((socket) => leave(socket, random)));
  };
  return { name, run };
}

/** More connections than a process has descriptors, and others that only come and go. */
function flood(field: Battlefield): Attack {
  const [first, ...others] = field.addresses;
  const run = async (ms: number): Promise<void> => {
    const crowds = [1, 2, 3].map(() => startCrowd(field.scope, first.port, { idle: 500, slow: 10, churning: 2 }));
    for (const { port } of others) {
      crowds.push(startCrowd(field.scope, port, { idle: 0, slow: 5, churning: 5 }));
    }
    await crowded(crowds, 1_600, ms, async () => {
      // Strangers, however many, make room for who has a key.
      const { clientKey } = field.keys;
      const client = await newcomer(() => RawClient.connect({ address: first, clientKey }));
      await client.destroy();
    });
  };
  return { name: 'a flood of connections', run };
}

/** They have the key, or a message that somebody else has made with it, and leave no place free. */
export function allPlacesTaken(field: Battlefield): Attack {
  const nowhere = { kind: 'READ', requestNumber: 1n, sector: 2n ** 64n - 1n, data: null } as const;
  const hello = requestBytes(nowhere, field.keys.clientKey);
  const [{ port }] = field.addresses;
  const run = (ms: number): Promise<void> =>
    crowded(
      [1, 2].map(() => startCrowd(field.scope, port, { idle: 600, slow: 0, churning: 2, hello })),
      1_200,
      ms,
    );
  return { name: 'clients that take every place', run };
}

/** Waits until they have made so many attempts, and then as long as is wanted. */
async function crowded(
  crowds: readonly Crowd[],
  attempts: number,
  ms: number,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const tried = (): number => crowds.reduce((sum, crowd) => sum + crowd.report().connected + crowd.report().refused, 0);
  const giveUpAt = performance.now() + HANG_MS;
  while (tried() < attempts && performance.now() < giveUpAt) await sleep(50);
  if (tried() < attempts) throw new Error(`the flood was one of ${tried()} connections only`);
  await Promise.all([sleep(ms), meanwhile()]);
  await Promise.all(crowds.map((crowd) => crowd.end()));
}

/** Side by side. */
export function allAtOnce(attacks: readonly Attack[]): Attack {
  return {
    name: 'all at once',
    run: async (ms, lap) => {
      await Promise.all(attacks.map((attack) => attack.run(ms, lap)));
    },
  };
}
