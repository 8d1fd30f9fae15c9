/** A real NBD gateway, attacked lap after lap while one client of it works; see laps.ts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from '../helpers/cluster.js';
import { startWrappedGateway } from '../helpers/gateway.js';
import { withProbe } from '../helpers/levels.js';
import { HANG_MS } from '../helpers/hang.js';
import { NbdClient } from '../helpers/nbdClient.js';
import type { Address } from '../helpers/rawClient.js';
import type { Dice } from '../helpers/seed.js';
import { dice, seedOf } from '../helpers/seed.js';
import { sectorNamed } from '../helpers/sectorValue.js';
import { within } from '../helpers/within.js';
import { clientFlags, option, request } from '../nbd/wire.js';
import type { Evidence } from './evidence.js';
import type { Attack } from './laps.js';
import { runLaps } from './laps.js';
import { nbdSession } from './nbdSubject.js';
import type { LiveOptions } from './processes.js';
import { inLanes, leave, letGo, say, withConnection } from './sockets.js';

/** What the client that behaves has is in no other export, since NBD has no passwords. */
const GOOD = 'good';
const CONFIG = {
  nbd: {
    exports: {
      '': { firstSector: 64, sectors: 512 },
      fixed: { firstSector: 600, sectors: 16, readOnly: true },
      größte: { firstSector: 700, sectors: 256 },
      [GOOD]: { firstSector: 0, sectors: 64 },
    },
  },
};
/** Of each attack; those of 150 lanes ask for nothing. */
const BUSY_LANES = 10;
/**
 * A connection may have 32 MiB of requests under way, and as much again in replies that it does not take
 * (config/limits.ts); what ended connections had is garbage until it is collected.
 */
const PEAK_BYTES_MAX = (BUSY_LANES * (32 + 32) + 384) * 2 ** 20;
/** Its buffers are of any size up to 32 MiB, and the allocator finds no end to keeping them. */
const RESIDENT_SLACK_BYTES = 160 * 2 ** 20;

/** @throws at the first thing that is wrong. @returns how many laps there were. */
export async function attackGateway(options: LiveOptions): Promise<number> {
  const { scope, seed, evidence, log } = options;
  const cluster = await Cluster.start(scope, {
    processCount: 3,
    sectors: 1_024,
    config: CONFIG,
  });
  const gateway = await startWrappedGateway(scope, cluster, withProbe);
  const { pid } = gateway.child;
  if (pid === undefined) throw new Error('the gateway could not be started');
  const client = await NbdClient.connect(gateway.port, GOOD);
  scope.teardown(() => {
    client.close();
  });
  const address = { host: '127.0.0.1', port: gateway.port };
  return runLaps({
    attacks: attacksOn(address, seed, evidence).map((attack) => beside(client, attack)),
    measured: [{ name: 'the gateway', pid, log: gateway.log }],
    peakBytesMax: PEAK_BYTES_MAX,
    residentSlackBytes: RESIDENT_SLACK_BYTES,
    attackMs: options.attackMs,
    mayGoOn: options.mayGoOn,
    check: async () => {
      if (gateway.child.exitCode !== null) throw new Error('the gateway has ended');
      const newcomer = await NbdClient.connect(gateway.port, GOOD);
      await work(newcomer, 'a newcomer');
      newcomer.close();
    },
    log,
  });
}

/** The client that behaves works as long as the attack lasts. */
const beside = (client: NbdClient, attack: Attack): Attack => ({
  ...attack,
  run: async (ms, lap) => {
    let isOver = false;
    const attacking = attack.run(ms, lap).finally(() => (isOver = true));
    let count = 0;
    const working = async (): Promise<void> => {
      do {
        await work(client, `${attack.name}, lap ${lap}, ${count}`);
        count += 1;
        await sleep(5);
      } while (!isOver);
    };
    await Promise.all([attacking, working()]);
  },
});

async function work(client: NbdClient, name: string): Promise<void> {
  const data = sectorNamed(name.slice(-60));
  // Not at the edge of a sector: that takes a read before the write.
  const offset = 4_096 * 3 + 100;
  const work$ = client.write(offset, data).then(() => client.read(offset, data.length));
  const seen = await within(HANG_MS, work$);
  if (seen === 'too late') throw new Error(`no answer in ${HANG_MS} ms to ${name}`);
  if (!seen.equals(data)) throw new Error(`what was written is not what is read: ${name}`);
}

function attacksOn(address: Address, seed: number, evidence: Evidence): Attack[] {
  const attack = (name: string, laneCount: number, once: (random: Dice) => Promise<void>): Attack => ({
    name,
    run: (ms, lap) => {
      const lanes = Array.from({ length: laneCount }, (_, lane) => dice(seedOf(seed, name, lap, lane)));
      return inLanes(ms, lanes, once);
    },
  });
  /** A connection that says this, and is left after a while; whether it reads or not. */
  const visit = (random: Dice, bytes: Buffer, stayMs: number): Promise<void> =>
    withConnection(address, async (socket) => {
      if (random.chance(60)) socket.resume();
      evidence.note(bytes);
      await say(socket, bytes, random);
      await sleep(stayMs);
      await leave(socket, random);
    });
  const attached = [clientFlags(3), option(1)];
  const flooding = Array.from({ length: 500 }, () => request({ type: 0, length: 2 ** 20 }));
  const clearing = Array.from({ length: 5_000 }, (_, index) =>
    request({ type: index % 2 === 0 ? 4 : 6, length: 512 * 4_096 }),
  );
  return [
    attack('mangled sessions', BUSY_LANES, (random) =>
      visit(random, Buffer.concat(nbdSession(random)), random.below(30)),
    ),
    attack('handshakes that stop half way', 150, (random) =>
      visit(random, clientFlags(3).subarray(0, random.below(5)), 100 + random.below(400)),
    ),
    attack('clients that never read', 4, (random) =>
      withConnection(address, async (socket) => {
        socket.pause();
        await say(socket, Buffer.concat([...attached, ...flooding]), random);
        await sleep(300);
        await letGo(socket);
      }),
    ),
    // They write nothing but zeros, in the export that is attached.
    attack('floods of requests about the whole disk', 4, (random) =>
      withConnection(address, async (socket) => {
        socket.resume();
        await say(socket, Buffer.concat([...attached, ...clearing]), random);
        await sleep(300);
        await letGo(socket);
      }),
    ),
    attack('WRITEs of 32 MiB that stop half way', BUSY_LANES, (random) => {
      const data = Buffer.alloc(random.below(300_000));
      const begun = request({ type: 1, length: 2 ** 21, data });
      return visit(random, Buffer.concat([...attached, begun]), 100);
    }),
  ];
}
