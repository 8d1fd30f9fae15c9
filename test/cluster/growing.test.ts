/**
 * A cluster of real processes that is changed while it is used, one process after the other: the disk is grown, a
 * process moves to another address.
 */
import { rename } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { SECTOR_BYTES } from '../helpers/bytes.js';
import { Cluster, MAIN_FILE } from '../helpers/cluster.js';
import { startGateway } from '../helpers/gateway.js';
import { NbdClient } from '../helpers/nbdClient.js';
import { freeAddresses } from '../helpers/ports.js';
import { scrub, untilStatus } from '../helpers/processStatus.js';
import { runToEnd } from '../helpers/runToEnd.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import { chooseSeed, dice } from '../helpers/seed.js';
import { within } from '../helpers/within.js';
import { Workload, assertLinearizable } from '../helpers/workload.js';

const SMALL = 64;
const LARGE = 128;
const LOW = [0, 1, SMALL - 1] as const;
const HIGH = [SMALL, LARGE - 1] as const;

const STEP_MS_MAX = 120_000;
const TEST_MS_MAX = 6 * STEP_MS_MAX;
const OK = { kind: 'answered', status: 'Ok', data: null } as const;

function startWorkload(t: ExecutionContext, cluster: Cluster): Workload {
  const seed = chooseSeed();
  t.log(`seed ${seed}`);
  return new Workload({
    cluster,
    clientCount: 3,
    sectors: LOW.map((sector) => ({ sector, writePercent: 50 })),
    random: dice(seed),
    patienceMs: 10_000,
  });
}

/** Reads and writes over NBD, as part of a workload's history; an error of the device is one. */
class Device {
  count = 0;
  private isOver = false;
  private readonly done: Promise<void>;

  constructor(
    private readonly port: number,
    private readonly name: string,
    private readonly sectors: readonly number[],
    private readonly workload: Workload,
  ) {
    this.done = this.use();
    // It is looked at in `stop`.
    this.done.catch(() => undefined);
  }

  /** Until so many more writes and reads have come back. */
  async until(more: number): Promise<void> {
    const enough = this.count + more;
    const ended = this.done.then(() => true);
    while (this.count < enough) if (await Promise.race([ended, sleep(20, false)])) return;
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.done;
  }

  private async use(): Promise<void> {
    const client = await NbdClient.connect(this.port);
    const { name, sectors } = this;
    const { recorder } = this.workload;
    while (!this.isOver) {
      const sector = sectors[this.count % sectors.length];
      const value = `${name}, write ${this.count}`;
      const write = recorder.begin(name, sector, 'write', value);
      await client.write(sector * SECTOR_BYTES, sectorNamed(value));
      write.answered();
      const read = recorder.begin(name, sector, 'read');
      read.answered(nameOf(await client.read(sector * SECTOR_BYTES, SECTOR_BYTES)));
      this.count += 1;
      await sleep(5);
    }
    client.close();
  }
}

async function restart(cluster: Cluster, rank: number): Promise<void> {
  await cluster.stop(rank);
  await cluster.start(rank);
}

/** `atdd status --wait-full`, by the file of process 1. */
async function untilFull(t: ExecutionContext, cluster: Cluster): Promise<void> {
  const words = ['status', '--config', cluster.configFileOf(1), '--wait-full', '90'];
  const { code, output } = await runToEnd([process.execPath, MAIN_FILE, ...words], STEP_MS_MAX);
  t.is(code, 0, output);
  t.regex(output, /redundancy: full/);
}

async function endAll(
  t: ExecutionContext,
  cluster: Cluster,
  workload: Workload,
  devices: readonly Device[],
): Promise<void> {
  await Promise.all(devices.map((device) => device.stop()));
  await workload.stop();
  await workload.readAll(cluster.ranks);
  t.log(`${workload.answeredCount} requests, ${devices.map(({ count }) => count).join(', ')} by NBD`);
  t.deepEqual(workload.faults, []);
  await assertLinearizable(t, workload.recorder.operations);
}

test.serial('the disk is grown, a gateway first: its clients wait and see no error', async (t) => {
  t.timeout(TEST_MS_MAX);
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SMALL });
  await cluster.configure({ sectors: LARGE });
  const { port, log } = await startGateway(t, cluster);
  const workload = startWorkload(t, cluster);
  const low = new Device(port, 'low', LOW, workload);
  const high = [1, 2].map((number) => new Device(port, `high ${number}`, HIGH, workload));
  await low.until(5);
  await restart(cluster, 1);
  await low.until(5);
  t.deepEqual(
    high.map(({ count }) => count),
    [0, 0],
    'a majority has not got the sector yet',
  );
  await restart(cluster, 2);
  await Promise.all([...high, low].map((device) => device.until(5)));
  await restart(cluster, 3);
  await Promise.all([...high, low].map((device) => device.until(5)));
  await endAll(t, cluster, workload, [low, ...high]);
  await untilFull(t, cluster);
  t.regex(log(), /its disk has 64 sectors, and this client goes by 128/);
  t.notRegex(log(), /requests fail/);
});

test.serial('the disk is grown, gateways last; a smaller process loses its disk', async (t) => {
  t.timeout(TEST_MS_MAX);
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SMALL });
  const before = await startGateway(t, cluster);
  const workload = startWorkload(t, cluster);
  const low = new Device(before.port, 'low', LOW, workload);
  await cluster.configure({ sectors: LARGE }, [1, 2]);
  await restart(cluster, 1);
  const [first, second] = [await cluster.client(1), await cluster.client(2)];
  const waiting = first.write(HIGH[0], sectorNamed('waited'));
  t.like(await second.write(HIGH[0], sectorNamed('refused')), { status: 'InvalidSectorIndex' });
  t.is(await within(1_000, waiting), 'too late', 'no majority has the sector');
  await restart(cluster, 2);
  t.deepEqual(await waiting, OK);
  t.deepEqual(await first.write(HIGH[1], sectorNamed('above')), OK);

  await cluster.stop(3);
  await cluster.loseDisk(3);
  await cluster.start(3);
  await untilStatus(cluster, 3, STEP_MS_MAX, ({ standing }) => standing === 'member');
  for (const rank of cluster.ranks) {
    const others = cluster.ranks.filter((other) => other !== rank);
    const { comparedWith } = (await scrub(cluster, rank, STEP_MS_MAX)).scrub;
    t.deepEqual(
      comparedWith.toSorted((a, b) => a - b),
      others,
      `process ${rank}`,
    );
  }
  await low.until(5);
  await cluster.configure({ sectors: LARGE }, [3]);
  await restart(cluster, 3);

  const after = await startGateway(t, cluster);
  const device = await NbdClient.connect(after.port);
  t.is(device.sizeBytes, LARGE * SECTOR_BYTES);
  t.is(nameOf(await device.read(HIGH[0] * SECTOR_BYTES, SECTOR_BYTES)), 'waited');
  device.close();
  await low.until(5);
  await endAll(t, cluster, workload, [low]);
  await untilFull(t, cluster);
  await cluster.kill(1);
  const third = await cluster.client(3);
  const outcome = await third.read(HIGH[1]);
  t.is(outcome.kind === 'answered' && outcome.data !== null && nameOf(outcome.data), 'above');
});

test.serial('a process moves to another address, and takes its folder along', async (t) => {
  t.timeout(TEST_MS_MAX);
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SMALL });
  const { port } = await startGateway(t, cluster);
  const workload = startWorkload(t, cluster);
  const device = new Device(port, 'device', LOW, workload);
  await device.until(5);
  const [address] = await freeAddresses(1);
  await cluster.stop(3);
  cluster.move(3, address);
  await rename(cluster.storageOf(3), cluster.fileIn('moved'));
  await cluster.configure({ storage: cluster.fileIn('moved') }, [3]);
  await cluster.configure({}, [1, 2]);
  await cluster.start(3);
  for (const rank of [1, 2]) {
    await device.until(5);
    await restart(cluster, rank);
    await untilStatus(cluster, rank, STEP_MS_MAX, ({ connected }) => connected.includes(3));
  }
  await device.until(5);
  await endAll(t, cluster, workload, [device]);
  await untilFull(t, cluster);
  // All that was acknowledged is where it was taken to.
  await cluster.kill(1);
  await workload.readAll([2, 3]);
  t.deepEqual(workload.faults, []);
  await assertLinearizable(t, workload.recorder.operations);
});
