/**
 * A program for kill.test.ts: puts to KILL_SECTORS sectors side by side, again and again, until it is killed. Prints
 * `sector timestamp` for each that was stored, and `cut` when the data file was cut. Goes on from what it finds.
 */
import { writeSync } from 'node:fs';
import { argv } from 'node:process';
import type { Log } from '../../src/ports/log.js';
import type { OpenedSectorStore } from '../../src/store/openSectorStore.js';
import { KILL_SECTORS, KILL_STORE, killValueOf } from './killValues.js';
import { openAt } from './realStore.js';
import { stampOf } from './storeHarness.js';

/** At once, into the pipe: what is printed was stored, whenever the kill comes. */
function say(text: string): void {
  for (;;) {
    try {
      // So short a text goes into a pipe as a whole, or not at all.
      writeSync(1, text);
      return;
    } catch (error) {
      // The pipe is full: who reads it is slower than the disk.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

/** Keeps nothing, since the program may run for long. */
const silentLog: Log = {
  debugEnabled: false,
  debug: () => undefined,
  info: (_, fields) => {
    if (fields?.['event'] === 'dataFileCut') say('cut\n');
  },
  warn: () => undefined,
  error: () => undefined,
};

function putNext(store: OpenedSectorStore, sector: number): void {
  const timestamp = store.stampOf(sector).timestamp + 1n;
  store.put(sector, stampOf(timestamp), killValueOf(sector, timestamp)).subscribe((outcome) => {
    if (outcome !== 'stored') throw new Error(`sector ${sector}: ${outcome}`);
    say(`${sector} ${timestamp}\n`);
    putNext(store, sector);
  });
}

const store = await openAt(argv[2] ?? '', {}, silentLog, KILL_STORE);
for (let sector = 0; sector < KILL_SECTORS; sector += 1) putNext(store, sector);
