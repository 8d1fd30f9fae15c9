/**
 * Messages overheard between processes, and from a client to a process, sent again by somebody who has no key: in order
 * and out of it, twice, cut and spliced, to everybody.
 *
 * Process messages of operations that are over change nothing: their stamps are not above what everybody holds. A
 * client's WRITE is another matter: it is a request like any other, and writes its value again, under a new stamp. That
 * is why the network has to be private.
 */
import type net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Keys, ProcessMessage, RegisterValue } from '../helpers/bytes.js';
import { MessageReader, processBytes, requestBytes } from '../helpers/bytes.js';
import type { Cluster } from '../helpers/cluster.js';
import { HANG_MS } from '../helpers/hang.js';
import type { RawClient } from '../helpers/rawClient.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import type { Dice } from '../helpers/seed.js';
import { dice, seedOf } from '../helpers/seed.js';
import { within } from '../helpers/within.js';
import type { Battlefield } from './attacks.js';
import { AREAS, isIn } from './attacks.js';
import type { Attack } from './laps.js';
import type { Listener } from './overhearing.js';
import { dial, inLanes, letGo, say, withConnection } from './sockets.js';
import type { KnownOperation } from './wireMessages.js';

const MESSAGES_KEPT_MAX = 2_000;
const OPERATIONS_KEPT_MAX = 100;

/** Listens to what processes send to each other: see overhearing.ts. */
export class Recorder {
  private readonly readers = new WeakMap<net.Socket, MessageReader>();
  /** Of the sectors that are for this. */
  private heard: ProcessMessage[] = [];
  private latest: KnownOperation[] = [];
  private keys: Keys | null = null;

  readonly listener: Listener = (connection, chunk) => {
    if (this.keys === null) return;
    const reader = this.readers.get(connection) ?? new MessageReader(this.keys);
    this.readers.set(connection, reader);
    for (const { message } of reader.push(chunk)) {
      if (message.family !== 'process') continue;
      const { id, sector } = message;
      this.latest.push({ id, sector });
      if (isIn(AREAS.replays, sector)) this.heard.push(message);
    }
    this.heard = this.heard.slice(-MESSAGES_KEPT_MAX);
    this.latest = this.latest.slice(-OPERATIONS_KEPT_MAX);
  };

  /** Without the keys it does not know where one message ends. */
  listen(keys: Keys): void {
    this.keys = keys;
  }

  about(sector: number): ProcessMessage[] {
    return this.heard.filter((message) => message.sector === BigInt(sector));
  }

  /** The latest last. */
  operations(): readonly KnownOperation[] {
    return this.latest;
  }

  /** Processes pad with zeros, so these are the bytes that were overheard. */
  bytesOf(message: ProcessMessage): Buffer {
    if (this.keys === null) throw new Error('nothing was overheard yet');
    return processBytes(message, this.keys.systemKey);
  }

  /** What processes have told of that sector since they were asked; by their ranks. */
  async registersTold(sector: number, ask: () => Promise<unknown>, ranks: readonly number[]) {
    const before = new Set(this.about(sector));
    await ask();
    const told = new Map<number, RegisterValue>();
    for (const giveUpAt = performance.now() + HANG_MS; performance.now() < giveUpAt;) {
      for (const one of this.about(sector)) {
        const { kind, sender, register } = one;
        if (before.has(one) || kind !== 'VALUE' || register === null) continue;
        told.set(sender, register);
      }
      if (ranks.every((rank) => told.has(rank))) return told;
      await sleep(10);
    }
    throw new Error(`of sector ${sector} only processes ${[...told.keys()].join()} were heard`);
  }
}

export function replayAttack(field: Battlefield, cluster: Cluster, recorder: Recorder): Attack {
  const ranks = field.addresses.map((_, index) => index + 1);
  const name = 'recorded messages, sent again';
  const run = async (ms: number, lap: number): Promise<void> => {
    const random = dice(seedOf(field.seed, name, lap));
    const clients = await Promise.all(ranks.map((rank) => cluster.client(rank)));
    const sectors = [0, 1, 2].map((offset) => AREAS.replays.first + ((3 * lap + offset) % AREAS.replays.count));
    const recordings = [];
    for (const sector of sectors) recordings.push(await record(field, clients, sector, lap));
    const registers = () => Promise.all(sectors.map((sector) => registersOf(recorder, clients, sector)));
    const before = await registers();
    const overheard = sectors.flatMap((sector) => recorder.about(sector));
    await sendAgain(
      field,
      overheard.map((one) => recorder.bytesOf(one)),
      random,
      ms,
    );
    const after = await registers();
    if (!isDeepStrictEqual(after, before)) {
      const texts = [before, after].map((all) => all.map(describe).join('; '));
      throw new Error(`replayed process messages changed ${texts[0]} to ${texts[1]}`);
    }
    await replayOldestWrite(field, recordings[0], clients[0], random);
    await Promise.all(clients.map((client) => client.destroy()));
    const faults = clients.flatMap((client) => client.faults);
    if (faults.length > 0) throw new Error(`while messages were replayed: ${faults.join('; ')}`);
  };
  return { name, run };
}

interface Recording {
  readonly sector: number;
  /** The request that wrote the first of the values, as it went over the network. */
  readonly oldestWrite: Buffer;
  readonly oldestName: string;
}

/** Writes some values, one after the other, through all of the processes. */
async function record(
  { keys, evidence }: Battlefield,
  clients: readonly RawClient[],
  sector: number,
  lap: number,
): Promise<Recording> {
  const oldestName = `sector ${sector}, lap ${lap}, oldest`;
  const requestNumber = 7_000_000n + BigInt(sector);
  const data = sectorNamed(oldestName);
  const request = { kind: 'WRITE', requestNumber, sector: BigInt(sector), data } as const;
  const oldestWrite = requestBytes(request, keys.clientKey);
  const written = clients[0].expectAnswer('WRITE', requestNumber);
  evidence.note(oldestWrite);
  clients[0].sendRaw(oldestWrite);
  await answered(written);
  for (const [index, client] of clients.entries()) {
    await answered(client.write(sector, sectorNamed(`sector ${sector}, lap ${lap}, ${index}`)));
  }
  return { sector, oldestWrite, oldestName };
}

async function answered(answer: ReturnType<RawClient['read']>): Promise<Buffer | null> {
  const outcome = await within(HANG_MS, answer);
  if (outcome === 'too late' || outcome.kind === 'unknown' || outcome.status !== 'Ok') {
    throw new Error(`a good request was not answered: ${JSON.stringify(outcome)}`);
  }
  return outcome.data;
}

/** Stamp and value in each process, as it tells the one through which a READ goes. */
async function registersOf(
  recorder: Recorder,
  clients: readonly RawClient[],
  sector: number,
): Promise<readonly RegisterValue[]> {
  const ranks = clients.map((_, index) => index + 1);
  const told = new Map<number, RegisterValue>();
  for (const [index, client] of clients.slice(0, 2).entries()) {
    const others = ranks.filter((rank) => rank !== index + 1);
    const ask = (): Promise<unknown> => answered(client.read(sector));
    for (const [rank, value] of await recorder.registersTold(sector, ask, others)) {
      told.set(rank, value);
    }
  }
  return ranks.map((rank) => told.get(rank)).filter((value) => value !== undefined);
}

const describe = (registers: readonly RegisterValue[]): string =>
  registers.map(({ timestamp, writeRank, data }) => `(${timestamp}, ${writeRank}) ${nameOf(data)}`).join(', ');

/** In several connections at once: in order, then in any order, twice, cut and spliced. */
async function sendAgain(
  { addresses, evidence }: Battlefield,
  recorded: readonly Buffer[],
  random: Dice,
  ms: number,
): Promise<void> {
  let inOrder: readonly Buffer[] = recorded;
  const lanes = [1, 2, 3, 4, 5, 6].map(() => dice(random.below(2 ** 31)));
  await inLanes(ms, lanes, async (own) => {
    const messages = inOrder.length > 0 ? inOrder : reordered(recorded, own);
    inOrder = [];
    await withConnection(own.pick(addresses), async (socket) => {
      socket.resume();
      const stream = Buffer.concat(messages);
      evidence.note(stream);
      await say(socket, stream, own);
      await sleep(20);
      await letGo(socket);
    });
  });
}

function reordered(recorded: readonly Buffer[], random: Dice): Buffer[] {
  return Array.from({ length: random.between(1, 40) }, () => {
    const message = random.pick(recorded);
    if (random.chance(60)) return message;
    if (random.chance(50)) return Buffer.concat([message, message]);
    const other = random.pick(recorded);
    const at = random.below(message.length);
    return Buffer.concat([message.subarray(0, at), other.subarray(Math.min(at, other.length))]);
  });
}

/** It is obeyed: the oldest value is there again, for whoever recorded it and has no key at all. */
async function replayOldestWrite(
  { addresses }: Battlefield,
  { sector, oldestWrite, oldestName }: Recording,
  client: RawClient,
  random: Dice,
): Promise<void> {
  const before = nameOf((await answered(client.read(sector))) ?? Buffer.alloc(0));
  if (before === oldestName) throw new Error(`sector ${sector} holds its oldest value already`);
  const socket = await dial(random.pick(addresses));
  if (socket === null) throw new Error('a connection was refused');
  const response = new Promise((resolve) => socket.once('data', resolve));
  socket.write(oldestWrite);
  await within(HANG_MS, response);
  await letGo(socket);
  const after = nameOf((await answered(client.read(sector))) ?? Buffer.alloc(0));
  if (after !== oldestName) throw new Error(`a replayed WRITE left "${after}" in sector ${sector}`);
}
