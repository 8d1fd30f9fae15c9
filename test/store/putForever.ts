/**
 * A program for kill.test.ts: puts to SECTORS sectors side by side, again and again, and prints
 * `sector timestamp` for each that was stored, until it is killed. Goes on from what it finds.
 */
import { writeSync } from 'node:fs';
import { argv } from 'node:process';
import type { OpenedSectorStore } from '../../src/store/openSectorStore.js';
import { KILL_SECTORS, killValueOf } from './killValues.js';
import { openAt } from './realStore.js';
import { stampOf } from './storeHarness.js';

function putNext(store: OpenedSectorStore, sector: number): void {
  const timestamp = store.stampOf(sector).timestamp + 1n;
  store.put(sector, stampOf(timestamp), killValueOf(sector, timestamp)).subscribe((outcome) => {
    if (outcome !== 'stored') throw new Error(`sector ${sector}: ${outcome}`);
    // At once, into the pipe: what is printed was stored, whenever the kill comes.
    writeSync(1, `${sector} ${timestamp}\n`);
    putNext(store, sector);
  });
}

const store = await openAt(argv[2] ?? '');
for (let sector = 0; sector < KILL_SECTORS; sector += 1) putNext(store, sector);
