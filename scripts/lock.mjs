/**
 * A lock file among processes of this machine: made by one, waited for by the others, and taken over from a holder that
 * has died.
 *
 * The holder touches the file every second. A file whose holder is gone, or that was not touched for long (its process
 * number may have gone to another program), is stale. To remove a stale file is a step of its own that only one may
 * take at a time: else two could both find it stale, and the slower one would remove the new file of the faster.
 */
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const TOUCH_EVERY_MS = 1_000;
const STALE_AFTER_MS = 15_000;
const ASK_EVERY_MS = 100;

/** Runs `work` while holding the lock; `say` hears of it once if there is a wait. */
export async function withLock(path, say, work) {
  await acquire(path, say);
  const touching = setInterval(() => touch(path), TOUCH_EVERY_MS);
  const release = () => {
    // Somebody else's, if this process was stopped for so long that the file was taken over.
    if (holderOf(path) === process.pid) rmSync(path, { force: true });
  };
  // Also when the work ends the program.
  process.once('exit', release);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    process.removeListener('exit', release);
    release();
  }
}

async function acquire(path, say) {
  mkdirSync(dirname(path), { recursive: true });
  for (let waits = 0; !create(path); waits += 1) {
    if (waits === 1) say('another one installs or builds already: waiting for it');
    removeIfStale(path);
    await sleep(ASK_EVERY_MS);
  }
}

/** @returns false if it is there already. */
function create(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function removeIfStale(path) {
  if (!isStale(path)) return;
  const removing = `${path}.removing`;
  if (!create(removing)) {
    // Nobody takes that long for the lines below.
    if (ageMs(removing) > STALE_AFTER_MS) rmSync(removing, { force: true });
    return;
  }
  try {
    if (isStale(path)) rmSync(path, { force: true });
  } finally {
    rmSync(removing, { force: true });
  }
}

function isStale(path) {
  const holder = holderOf(path);
  if (holder === null) return false;
  // 0: its maker is just about to write its number.
  if (holder > 0 && !isAlive(holder)) return true;
  return ageMs(path) > STALE_AFTER_MS;
}

/** Number of the process that made the file; null if there is no file. */
function holderOf(path) {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function ageMs(path) {
  return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}
