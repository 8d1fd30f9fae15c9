/**
 * npm run bench:store: the store of one process alone, on a real folder: puts and loads a second,
 * and what processor time each takes, at several numbers under way. See docs/testing.md.
 *
 * Disks and shared machines differ by more, from one minute to the next, than a change to the code
 * makes. So two builds are compared in turns, round by round (--against), and the ratio is what
 * counts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureReady, ROOT } from './ensure.mjs';

const USAGE = `npm run bench:store -- [options]
  --depths <n,n,…>    puts under way at a time, one measurement for each (1,16,64)
  --seconds <s>       how long each takes (2)
  --rounds <n>        how often all of them are done; the median is shown (3)
  --sectors <n>       sectors that are overwritten, in a random order (8192)
  --folder <path>     where the storage folders are made (the system's for temporary files)
  --against <path>    another checkout, built: both are measured in turns, and compared`;

const SECTOR_SIZE_BYTES = 4096;
const FILL_AT_A_TIME = 256;

const { values } = parseArgs({
  options: {
    depths: { type: 'string', default: '1,16,64' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    sectors: { type: 'string', default: '8192' },
    folder: { type: 'string', default: tmpdir() },
    against: { type: 'string' },
    /** Measures one build once and prints JSON: what the processes that this one starts do. */
    one: { type: 'string' },
    help: { type: 'boolean' },
  },
});

if (values.help) process.stdout.write(`${USAGE}\n`);
else if (values.one !== undefined) await measureOne(join(values.one, 'dist'));
else await compare();

async function compare() {
  await ensureReady();
  const builds = [ROOT, ...(values.against === undefined ? [] : [resolve(values.against)])];
  for (const build of builds) {
    if (!existsSync(join(build, 'dist/src/shell/openStore.js'))) {
      process.stderr.write(`atdd: ${build} is not built\n`);
      process.exit(2);
    }
  }
  const results = builds.map(() => []);
  for (let round = 0; round < Number(values.rounds); round += 1) {
    // Each build is the first one in every other round.
    const order = round % 2 === 0 ? [0, 1] : [1, 0];
    for (const index of order.filter((one) => one < builds.length)) {
      results[index].push(await runOne(builds[index]));
    }
  }
  show(results);
}

/** A process of its own: what one build leaves in memory is not the other's. */
async function runOne(build) {
  const { depths, seconds, sectors, folder } = values;
  const words = ['--one', build, '--depths', depths, '--seconds', seconds, '--sectors', sectors];
  const program = fileURLToPath(import.meta.url);
  const child = spawn(process.execPath, [program, ...words, '--folder', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) process.exit(1);
  return JSON.parse(output);
}

function show(results) {
  const row = (cells) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(14) : cell.padStart(14))).join('');
  const lines = [['', 'a second', 'CPU us each']];
  if (results.length > 1) lines[0].push('other a second', 'other CPU us', 'rate x', 'CPU x');
  const [own, other] = results;
  for (const [index, { what }] of own[0].entries()) {
    const figure = (rounds, name) => median(rounds.map((round) => round[index][name]));
    const cells = (rounds) => [
      figure(rounds, 'perSecond').toFixed(0),
      figure(rounds, 'cpuUs').toFixed(1),
    ];
    const line = [what, ...cells(own)];
    if (other !== undefined) {
      const ratio = (name) =>
        median(own.map((round, at) => round[index][name] / other[at][index][name])).toFixed(2);
      line.push(...cells(other), ratio('perSecond'), ratio('cpuUs'));
    }
    lines.push(line);
  }
  process.stdout.write(`${lines.map(row).join('\n')}\n`);
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

async function measureOne(dist) {
  const load = (path) => import(pathToFileURL(join(dist, 'src', path)).href);
  const [{ openStore }, { turnScheduler }, { asyncScheduler, lastValueFrom }] = await Promise.all([
    load('shell/openStore.js'),
    load('shell/turnScheduler.js'),
    import('rxjs'),
  ]);
  const parent = mkdtempSync(join(values.folder, 'atdd-bench-'));
  try {
    const quiet = () => undefined;
    const log = { debugEnabled: false, debug: quiet, info: quiet, warn: quiet, error: quiet };
    const sectors = Number(values.sectors);
    const store = await lastValueFrom(
      openStore({
        folder: join(parent, 'storage'),
        identity: { cluster: 'bench', rank: 1, processCount: 1, sectors },
        createdBy: 'bench',
        schedulers: { clock: asyncScheduler, turn: turnScheduler },
        log,
        batchSectors: 256,
      }),
    );
    const results = await measure(store, sectors);
    process.stdout.write(`${JSON.stringify(results)}\n`);
    await lastValueFrom(store.close(), { defaultValue: null });
  } finally {
    rmSync(parent, { recursive: true });
  }
}

async function measure(store, sectors) {
  const timestamps = new Uint32Array(sectors);
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
  await inLanes(FILL_AT_A_TIME, (lane, count) => lane + count * FILL_AT_A_TIME < sectors, {
    sectors,
    operation: (_, lane, count) => put(lane + count * FILL_AT_A_TIME),
  });
  const results = [];
  for (const [name, operation] of [
    ['puts', put],
    ['loads', (sector) => store.load(sector)],
  ]) {
    for (const depth of values.depths.split(',').map(Number)) {
      const during = async (ms) => {
        const endsAt = performance.now() + ms;
        return inLanes(depth, () => performance.now() < endsAt, { sectors, operation });
      };
      await during(300);
      const beganAt = performance.now();
      const cpuBefore = process.cpuUsage();
      const count = await during(Number(values.seconds) * 1_000);
      const { user, system } = process.cpuUsage(cpuBefore);
      const perSecond = (count * 1_000) / (performance.now() - beganAt);
      results.push({ what: `${name}, ${depth}`, perSecond, cpuUs: (user + system) / count });
    }
  }
  return results;
}

/** As many operations at a time as there are lanes, each lane on sectors of its own. */
function inLanes(laneCount, goesOn, { sectors, operation }) {
  const perLane = Math.floor(sectors / laneCount);
  let doneCount = 0;
  let openCount = laneCount;
  let state = 1;
  const random = (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  return new Promise((done, fail) => {
    const next = (lane, count) => {
      if (!goesOn(lane, count)) {
        openCount -= 1;
        if (openCount === 0) done(doneCount);
        return;
      }
      operation(lane + random(perLane) * laneCount, lane, count).subscribe({
        error: fail,
        complete: () => {
          doneCount += 1;
          // Not within the answer: what comes of one goes its way through the pipeline first.
          queueMicrotask(() => next(lane, count + 1));
        },
      });
    };
    for (let lane = 0; lane < laneCount; lane += 1) next(lane, 0);
  });
}
