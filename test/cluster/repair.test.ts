/**
 * Real processes that miss writes, lose their disks, or have bits of them flipped: afterwards there are as many good
 * copies as before, and clients have noticed nothing.
 */
import { open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Cluster } from '../helpers/cluster.js';
import { HANG_MS, TEST_HANG_MS } from '../helpers/hang.js';
import { readSectors, writeSectors } from '../helpers/manySectors.js';
import type { ProcessStatus } from '../helpers/processStatus.js';
import { inquire, scrub, untilStatus } from '../helpers/processStatus.js';
import type { Dice } from '../helpers/seed.js';
import { chooseSeed, dice } from '../helpers/seed.js';
import { SECTOR_BYTES } from '../helpers/bytes.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import { untilSo, within } from '../helpers/within.js';
import { Workload, assertLinearizable } from '../helpers/workload.js';

const MISSED_WRITES = countFrom('ATDD_REPAIR_MISSED', 300);
const FLIPS = countFrom('ATDD_REPAIR_FLIPS', 60);
const REBUILT_SECTORS = countFrom('ATDD_REPAIR_SECTORS', 2_000);

/** What catches a step of a test that hangs: longer, the more sectors there are. */
const STEP_MS_MAX = HANG_MS + 10 * Math.max(MISSED_WRITES, FLIPS, REBUILT_SECTORS);
const TEST_MS_MAX = STEP_MS_MAX + 60_000;
const WORKLOAD_CLIENTS = 6;
/** Sectors after which a rebuild notes where it is: at most so many are taken in twice. */
const PAGE_SECTORS = 64 * 256;
/** The sectors of a rebuild are so far apart, so that it has to note that several times. */
const REBUILT_STEP = 64;

function countFrom(name: string, usual: number): number {
  const count = Number(process.env[name] ?? usual);
  if (!(Number.isInteger(count) && count > 0)) throw new Error(`${name}: expected a number > 0`);
  return count;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const isMember = ({ standing }: ProcessStatus): boolean => standing === 'member';

/** Seconds that something took, for the log. */
async function timed<Value>(work: Promise<Value>): Promise<[Value, string]> {
  const began = performance.now();
  const value = await work;
  return [value, `${((performance.now() - began) / 1_000).toFixed(1)} s`];
}

/** Clients on eight sectors behind those of the test. */
function startWorkload(t: ExecutionContext, cluster: Cluster, firstSector: number): Workload {
  const seed = chooseSeed();
  t.log(`seed ${seed}`);
  const sectors = upTo(8).map((index) => ({ sector: firstSector + index, writePercent: 50 }));
  return new Workload({
    cluster,
    clientCount: WORKLOAD_CLIENTS,
    sectors,
    random: dice(seed),
    // Nobody gives up: only the connections to processes that are killed break.
    patienceMs: HANG_MS,
  });
}

/**
 * Nothing but the connections to processes that were killed broke: each client had one operation under way then, and
 * has its next answer from another.
 */
async function assertUndisturbed(
  t: ExecutionContext,
  workload: Workload,
  cluster: Cluster,
  killCount: number,
): Promise<void> {
  const { faults, answered, unknown, recorder } = workload;
  while (answered.read <= 50 || answered.write <= 50) await workload.untilAnswered(1);
  await workload.stop();
  await workload.readAll(cluster.ranks);
  t.log(`clients: ${answered.read} reads and ${answered.write} writes answered`);
  t.deepEqual(faults, []);
  const unknownCount = unknown.read + unknown.write;
  t.true(unknownCount <= killCount * WORKLOAD_CLIENTS, `${unknownCount} went without an answer`);
  await assertLinearizable(t, recorder.operations);
}

/** A process that has just started does not compare with those that have not dialled it yet. */
async function scrubWithAll(cluster: Cluster, rank: number): Promise<ProcessStatus> {
  const giveUpAt = performance.now() + STEP_MS_MAX;
  for (;;) {
    const status = await scrub(cluster, rank, STEP_MS_MAX);
    const { comparedWith } = status.scrub;
    if (comparedWith.length === cluster.ranks.length - 1) return status;
    if (performance.now() > giveUpAt) throw new Error(`compared with ${comparedWith.join()} alone`);
    await sleep(200);
  }
}

/** As many good copies as there can be, on record and on the disks. */
async function assertWhole(t: ExecutionContext, cluster: Cluster): Promise<void> {
  for (const rank of cluster.ranks) {
    const status = await untilStatus(
      cluster,
      rank,
      STEP_MS_MAX,
      ({ missed, damaged, connected }) =>
        Object.keys(missed).length === 0 && damaged === 0 && connected.length === cluster.ranks.length - 1,
    );
    t.is(status.standing, 'member');
    t.false(status.missedMore);
    const looked = await scrubWithAll(cluster, rank);
    const { damaged, behind, ahead, verified } = looked.scrub;
    t.deepEqual({ damaged, behind, ahead }, { damaged: 0, behind: 0, ahead: 0 }, `rank ${rank}`);
    t.is(verified, looked.written);
  }
  const written = await Promise.all(cluster.ranks.map(async (rank) => (await inquire(cluster, rank)).written));
  t.is(new Set(written).size, 1, `they have ${written.join(', ')} sectors`);
}

test.serial('what a process missed it gets, and then another one may lose its disk', async (t) => {
  t.timeout(TEST_MS_MAX);
  const cluster = await Cluster.start(t, { processCount: 3, sectors: MISSED_WRITES + 8 });
  const sectors = upTo(MISSED_WRITES);
  const workload = startWorkload(t, cluster, MISSED_WRITES);
  t.deepEqual(await writeSectors(cluster, [1, 2, 3], sectors, 'old'), []);
  await cluster.kill(3);
  const [faults, wroteIn] = await timed(writeSectors(cluster, [1, 2], sectors, 'new'));
  t.deepEqual(faults, []);
  // An acknowledgement may be late by two seconds.
  let missed = [0, 0];
  await untilSo(
    async () => {
      const reports = await Promise.all([1, 2].map((rank) => inquire(cluster, rank)));
      missed = reports.map((status) => status.missed['3'] ?? 0);
      return missed[0] + missed[1] >= MISSED_WRITES;
    },
    () => `process 3 is said to have missed ${missed.join(' + ')}`,
  );

  await cluster.start(3);
  const handedOver = [1, 2].map((rank) => untilStatus(cluster, rank, STEP_MS_MAX, (status) => !('3' in status.missed)));
  const [, handedOverIn] = await timed(Promise.all(handedOver));

  // One that was heard late when the cluster began has joined before.
  const { incarnation: lost } = await inquire(cluster, 2);
  await cluster.kill(2);
  await cluster.loseDisk(2);
  await cluster.start(2);
  const joined = untilStatus(cluster, 2, STEP_MS_MAX, isMember);
  const [{ incarnation }, joinedIn] = await timed(joined);
  t.is(incarnation, lost + 1);
  const [wrong, readIn] = await timed(readSectors(cluster, [1, 2, 3], sectors, 'new'));
  t.deepEqual(wrong, []);
  t.log(
    `${MISSED_WRITES} writes missed (made in ${wroteIn}): handed over in ${handedOverIn}; ` +
      `joined in ${joinedIn}; read three times in ${readIn}`,
  );
  await assertUndisturbed(t, workload, cluster, 2);
  await assertWhole(t, cluster);
});

/** Flips single bits of a data file, a few at a time, while its process goes on. */
async function flipBits(file: string, count: number, random: Dice): Promise<void> {
  const handle = await open(file, 'r+');
  for (let flip = 0; flip < count; flip += 1) {
    const { size } = await stat(file);
    const at = random.below(size);
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, at);
    byte[0] ^= 1 << random.below(8);
    await handle.write(byte, 0, 1, at);
    if (flip % 10 === 9) await sleep(50);
  }
  await handle.close();
}

test.serial('bits that flip in a data file are never served, and a scrub mends them', async (t) => {
  t.timeout(TEST_MS_MAX);
  const count = 6 * FLIPS;
  // Nothing but the scrub that the test asks for may find them first.
  const config = { limits: { scrubSectorsPerSecond: 0 } };
  const cluster = await Cluster.start(t, { processCount: 3, sectors: count + 8, config });
  const sectors = upTo(count);
  t.deepEqual(await writeSectors(cluster, [1, 2, 3], sectors, 'kept'), []);
  await untilStatus(cluster, 2, STEP_MS_MAX, ({ written }) => written === count);
  const workload = startWorkload(t, cluster, count);
  // Half of the sectors are read all the while; nobody but the scrub looks at the others.
  const warm = sectors.filter((sector) => sector % 2 === 0);
  const file = path.join(cluster.storageOf(2), 'data.slots');
  const [wrong] = await Promise.all([
    readSectors(cluster, [1, 2, 3], [...warm, ...warm, ...warm], 'kept'),
    flipBits(file, FLIPS, dice(chooseSeed())),
  ]);
  t.deepEqual(wrong, []);

  const [first, scrubbedIn] = await timed(scrub(cluster, 2, STEP_MS_MAX));
  const healed = await untilStatus(cluster, 2, STEP_MS_MAX, ({ damaged }) => damaged === 0);
  t.log(
    `${FLIPS} bits of ${count} sectors flipped: a scrub took ${scrubbedIn}, found ` +
      `${first.scrub.damaged} damaged; ${healed.healed} were fetched from others`,
  );
  t.true(first.scrub.damaged >= FLIPS / 10, 'the scrub had next to nothing to find');
  t.true(healed.healed >= first.scrub.damaged);
  t.deepEqual(await readSectors(cluster, [1, 2, 3], sectors, 'kept'), []);
  await assertUndisturbed(t, workload, cluster, 0);

  await cluster.stop(2);
  const names = await namesIn(file);
  for (const sector of sectors) t.true(names.has(`kept ${sector}`), `kept ${sector} is not there`);
  await cluster.start(2);
  await assertWhole(t, cluster);
});

/** What sectors a data file has, as they are in it. */
async function namesIn(file: string): Promise<Set<string | null>> {
  const bytes = await readFile(file);
  const names = new Set<string | null>();
  for (let at = 0; at + SECTOR_BYTES <= bytes.length; at += SECTOR_BYTES) {
    names.add(nameOf(bytes.subarray(at, at + SECTOR_BYTES)));
  }
  return names;
}

test.serial('a rebuild that is killed half way goes on where it was', async (t) => {
  t.timeout(TEST_MS_MAX);
  const all = REBUILT_SECTORS * REBUILT_STEP;
  const cluster = await Cluster.start(t, { processCount: 3, sectors: all + 8 });
  const sectors = upTo(REBUILT_SECTORS).map((index) => index * REBUILT_STEP);
  t.deepEqual(await writeSectors(cluster, [1, 2, 3], sectors, 'kept'), []);
  const workload = startWorkload(t, cluster, all);
  let killCount = 0;
  const startWithoutDisk = async (): Promise<ProcessStatus> => {
    if (cluster.isUp(2)) await cluster.kill(2);
    await cluster.loseDisk(2);
    await cluster.start(2);
    const isHalfWay = (status: ProcessStatus): boolean => isMember(status) || (status.rebuild?.taken ?? 0) >= all * 0.4;
    const status = await untilStatus(cluster, 2, STEP_MS_MAX, isHalfWay);
    await cluster.kill(2);
    killCount += 2;
    return status;
  };
  let before = await startWithoutDisk();
  // Whoever looks may be so slow that it is over: then once more.
  while (isMember(before) && killCount < 40) before = await startWithoutDisk();
  t.is(before.standing, 'joining', 'it was too fast to be killed half way');
  const taken = before.rebuild?.taken ?? 0;
  await cluster.start(2);
  const after = await inquire(cluster, 2);
  const resumed = after.rebuild?.taken ?? Infinity;
  t.log(`killed with ${taken} of ${all}, went on with ${resumed}`);
  t.true(after.standing === 'member' || resumed >= taken - 2 * PAGE_SECTORS);
  const [{ incarnation }, joinedIn] = await timed(untilStatus(cluster, 2, STEP_MS_MAX, isMember));
  t.is(incarnation, before.incarnation, 'it is the same join');
  t.log(`the rest took ${joinedIn}`);
  t.deepEqual(await readSectors(cluster, [1, 2, 3], sectors, 'kept'), []);
  await assertUndisturbed(t, workload, cluster, killCount);
  await assertWhole(t, cluster);
});

test.serial('a cluster is founded by a majority that was told to, and a third joins', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.prepare(t, { processCount: 3, founder: 1 });
  const start = Promise.all([cluster.start(1), cluster.start(2)]);
  const [, startedIn] = await timed(start.then(() => cluster.untilMembers([1, 2])));
  const [faults, wroteIn] = await timed(writeSectors(cluster, [1, 2], upTo(50), 'early'));
  t.deepEqual(faults, []);
  t.log(`two of three: started in ${startedIn}, the first 50 writes took ${wroteIn}`);
  for (const rank of [1, 2]) t.is((await inquire(cluster, rank)).standing, 'member');
  await cluster.start(3);
  await untilStatus(cluster, 3, HANG_MS, isMember);
  // Not in name only: now one of the first two may go.
  await cluster.kill(1);
  t.deepEqual(await readSectors(cluster, [2, 3], upTo(50), 'early'), []);
  await cluster.start(1);
  await assertWhole(t, cluster);
});

test.serial('a process without its disk joins although clients ask for nothing', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3 });
  t.deepEqual(await writeSectors(cluster, [1, 2, 3], upTo(50), 'kept'), []);
  for (const rank of cluster.ranks) {
    await untilStatus(cluster, rank, HANG_MS, ({ missed }) => Object.keys(missed).length === 0);
  }
  // The others' connections to it have ended, and they have nothing to send that would show it.
  await cluster.stop(2);
  await cluster.loseDisk(2);
  await cluster.start(2);
  await untilStatus(cluster, 2, HANG_MS, isMember);
  await assertWhole(t, cluster);
});

test.serial('a process without its disk does not vote while it cannot know enough', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3 });
  t.deepEqual(await writeSectors(cluster, [1, 2, 3], upTo(50), 'kept'), []);
  await cluster.stop(2);
  await cluster.kill(1);
  await cluster.loseDisk(1);
  await cluster.start(1);
  const clients = await Promise.all([1, 3].map((rank) => cluster.client(rank)));
  const waiting = clients.flatMap((client, index) => [
    client.write(100 + index, sectorNamed(`waited ${100 + index}`)),
    client.read(index),
  ]);
  t.is(await within(2_000, Promise.race(waiting)), 'too late', 'one of three was enough');
  const status = await inquire(cluster, 1);
  t.is(status.standing, 'joining');
  t.false(status.rebuild?.isEnough ?? true);

  await cluster.start(2);
  const outcomes = await within(HANG_MS, Promise.all(waiting));
  t.not(outcomes, 'too late', 'they wait for ever');
  for (const outcome of outcomes === 'too late' ? [] : outcomes) {
    t.is(outcome.kind === 'answered' ? outcome.status : 'unknown', 'Ok');
  }
  await untilStatus(cluster, 1, HANG_MS, isMember);
  t.deepEqual(await readSectors(cluster, [1, 2, 3], upTo(50), 'kept'), []);
  t.deepEqual(await readSectors(cluster, [1, 2, 3], [100, 101], 'waited'), []);
  await assertWhole(t, cluster);
});
