/**
 * npm run bench:store: the store of one process alone, on a real folder: puts and loads a second, and what processor
 * time each takes, at several numbers under way. See docs/testing.md.
 *
 * Disks and shared machines differ by more, from one second to the next, than a change to the code makes. So two builds
 * are compared in short turns (--against): the ratio is what counts.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureReady, ROOT } from './ensure.mjs';

const USAGE = `npm run bench:store -- [options]
  --depths <n,n,…>    operations under way at a time, one measurement for each (1,16,64)
  --seconds <s>       how long each takes, for each build (3)
  --sectors <n>       sectors that are overwritten and read, in a random order (8192)
  --folder <path>     where the storage folders are made (the system's for temporary files)
  --against <path>    another checkout, built: both are measured in turns, and compared
  --json              figures only, for a program`;

const SECTOR_SIZE_BYTES = 4096;
const FILL_AT_A_TIME = 256;
/** Long enough for what begins and ends in it, short enough for both builds to see the same disk. */
const TURN_MS = 150;

const { values } = parseArgs({
  options: {
    depths: { type: 'string', default: '1,16,64' },
    seconds: { type: 'string', default: '3' },
    sectors: { type: 'string', default: '8192' },
    folder: { type: 'string', default: tmpdir() },
    against: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

if (values.help) process.stdout.write(`${USAGE}\n`);
else {
  await ensureReady();
  const builds = [ROOT, ...(values.against === undefined ? [] : [resolve(values.against)])];
  const { lastValueFrom } = await import('rxjs');
  await run(builds, lastValueFrom);
}

async function run(builds, lastValueFrom) {
  for (const build of builds) {
    if (existsSync(join(build, 'dist/src/shell/openStore.js'))) continue;
    process.stderr.write(`atdd: ${build} is not built\n`);
    process.exit(2);
  }
  const parent = mkdtempSync(join(values.folder, 'atdd-bench-'));
  try {
    const subjects = [];
    for (const [index, build] of builds.entries()) {
      const store = await lastValueFrom(await storeOf(build, join(parent, String(index))));
      subjects.push(subjectOf(store));
    }
    const results = await measureAll(subjects);
    if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`);
    else show(results);
    for (const { store } of subjects) await lastValueFrom(store.close(), { defaultValue: null });
  } finally {
    rmSync(parent, { recursive: true });
  }
}

async function storeOf(build, folder) {
  const load = (path) => import(pathToFileURL(join(build, 'dist/src', path)).href);
  const { asyncScheduler } = await import('rxjs');
  const { openStore } = await load('shell/openStore.js');
  const { turnScheduler } = await load('shell/turnScheduler.js');
  const quiet = () => undefined;
  return openStore({
    folder,
    identity: { cluster: 'bench', rank: 1, processCount: 1, sectors: Number(values.sectors) },
    createdBy: 'bench',
    schedulers: { clock: asyncScheduler, turn: turnScheduler },
    log: { debugEnabled: false, debug: quiet, info: quiet, warn: quiet, error: quiet },
    batchSectors: 256,
  });
}

/** A store and what can be done with it. */
function subjectOf(store) {
  const timestamps = new Uint32Array(Number(values.sectors));
  const data = Array.from({ length: 64 }, (_, index) => {
    const bytes = new Uint8Array(SECTOR_SIZE_BYTES);
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = (at * (index + 7)) >> 3;
    return bytes;
  });
  const put = (sector) => {
    timestamps[sector] += 1;
    const timestamp = timestamps[sector];
    const stamp = { timestamp: BigInt(timestamp), writeRank: 1 };
    return store.put(sector, stamp, data[(sector + timestamp) % data.length]);
  };
  return { store, puts: put, loads: (sector) => store.load(sector) };
}

async function measureAll(subjects) {
  const sectors = Number(values.sectors);
  for (const { puts } of subjects) {
    let next = 0;
    await inLanes(FILL_AT_A_TIME, () => next < sectors, {
      sectorOf: () => next++,
      operation: puts,
    });
  }
  const results = [];
  for (const name of ['puts', 'loads']) {
    for (const depth of values.depths.split(',').map(Number)) {
      results.push({ name, depth, figures: await inTurns(subjects, name, depth) });
    }
  }
  return results;
}

/** Each build in turn, and each the first as often as the last. */
async function inTurns(subjects, name, depth) {
  const totals = subjects.map(() => ({ count: 0, ms: 0, cpuUs: 0 }));
  const turnCount = Math.max(1, Math.round((Number(values.seconds) * 1_000) / TURN_MS));
  for (let turn = -2; turn < turnCount; turn += 1) {
    for (let place = 0; place < subjects.length; place += 1) {
      const index = turn % 2 === 0 ? place : subjects.length - 1 - place;
      const { count, ms, cpuUs } = await oneTurn(subjects[index][name], depth);
      // The first ones warm up.
      if (turn < 0) continue;
      totals[index].count += count;
      totals[index].ms += ms;
      totals[index].cpuUs += cpuUs;
    }
  }
  return totals.map(({ count, ms, cpuUs }) => ({
    perSecond: (count * 1_000) / ms,
    cpuUs: cpuUs / count,
  }));
}

async function oneTurn(operation, depth) {
  const perLane = Math.floor(Number(values.sectors) / depth);
  // No two operations of a sector at a time: each lane has its own.
  const sectorOf = (lane) => lane + Math.floor(Math.random() * perLane) * depth;
  const cpuBefore = process.cpuUsage();
  const beganAt = performance.now();
  const goesOn = () => performance.now() < beganAt + TURN_MS;
  const count = await inLanes(depth, goesOn, { sectorOf, operation });
  const { user, system } = process.cpuUsage(cpuBefore);
  return { count, ms: performance.now() - beganAt, cpuUs: user + system };
}

/** As many operations at a time as there are lanes, while it goes on. @returns how many. */
function inLanes(laneCount, goesOn, { sectorOf, operation }) {
  let count = 0;
  let openCount = laneCount;
  return new Promise((resolveAll, reject) => {
    const next = (lane) => {
      if (!goesOn()) {
        openCount -= 1;
        if (openCount === 0) resolveAll(count);
        return;
      }
      operation(sectorOf(lane)).subscribe({
        error: reject,
        complete: () => {
          count += 1;
          // Not within the answer: what comes of one goes its way through the pipeline first.
          process.nextTick(next, lane);
        },
      });
    };
    for (let lane = 0; lane < laneCount; lane += 1) next(lane);
  });
}

function show(results) {
  const line = (cells) => cells.map((cell, at) => (at === 0 ? cell.padEnd(12) : cell.padStart(15))).join('');
  const isPair = results[0].figures.length > 1;
  const heads = ['', 'a second', 'CPU us each'];
  if (isPair) heads.push('other a second', 'other CPU us', 'rate ratio', 'CPU ratio');
  const lines = [heads];
  for (const { name, depth, figures } of results) {
    const cells = figures.flatMap(({ perSecond, cpuUs }) => [perSecond.toFixed(0), cpuUs.toFixed(1)]);
    if (isPair) {
      const [own, other] = figures;
      cells.push((own.perSecond / other.perSecond).toFixed(2));
      cells.push((own.cpuUs / other.cpuUs).toFixed(2));
    }
    lines.push([`${name}, ${depth}`, ...cells]);
  }
  process.stdout.write(`${lines.map(line).join('\n')}\n`);
}
