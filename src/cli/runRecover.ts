/** The work of `atdd recover`. */
import { existsSync, renameSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { lastValueFrom } from 'rxjs';
import type { ProcessConfig } from '../../config/load.js';
import { newCounters } from '../core/counters.js';
import type { Identity } from '../core/membership/identity.js';
import type { Shard } from '../core/shard.js';
import { AtomicDiskError } from '../errors.js';
import { EXIT_FAILURE, EXIT_SUCCESS } from '../exitCodes.js';
import type { Log } from '../ports/log.js';
import { markerFile } from '../shell/storageMarker.js';
import type { OpenedSectorStore } from '../store/openSectorStore.js';
import { openProcessStore } from '../serve/processStore.js';
import { writeStdout } from './standardStreams.js';
import { identityNote, readIdentity } from '../../streams/pipelines/membership/identityNotes.js';

const silent = (): void => undefined;
const SILENT: Log = {
  debugEnabled: false,
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
};

/** The word that the operator has to type. */
const WORD_WHOLE = 'whole';
const WORD_ASIDE = 'aside';

/** @returns the exit code. @throws {AtomicDiskError} the errors of openStore. */
export async function recover(config: ProcessConfig, isSetAside: boolean): Promise<number> {
  const { storage, rank } = config;
  if (!existsSync(storage)) {
    throw new AtomicDiskError('ATDD_USAGE', `process ${rank} has no storage folder ${storage}`);
  }
  const stores: OpenedSectorStore[] = [];
  try {
    // The lock of the folder shows whether the process is stopped.
    for (const shard of shardsOf(config)) {
      const counters = newCounters();
      stores.push(await openProcessStore(config, shard, { log: SILENT, counters }));
    }
    const identities = stores.map(({ notes }) => readIdentity(notes));
    await writeStdout(`${describe(config, stores, identities)}\n`);
    if (isSetAside) return await setAside(config, stores);
    return await vouch(rank, stores, identities);
  } finally {
    for (const store of stores) await closed(store);
  }
}

async function vouch(
  rank: number,
  stores: OpenedSectorStore[],
  identities: readonly (Identity | null)[],
): Promise<number> {
  if (identities.every((identity) => identity === null || identity.memberState === 'fresh')) {
    await writeStdout('It has never been part of a cluster: there is nothing to vouch for.\n');
    return EXIT_FAILURE;
  }
  await writeStdout(
    `You vouch that this folder holds all that process ${rank} has ever acknowledged: that its ` +
      'disk was never replaced,\nemptied, or brought back from a backup. Then it votes at once. ' +
      'If that is not so, acknowledged writes are lost.\nIf it is not sure, and a majority of ' +
      'the others are members, leave it: the process takes in what they have.\n',
  );
  if (!(await hasSaid(WORD_WHOLE))) return EXIT_FAILURE;
  for (const [index, { notes }] of stores.entries()) {
    const own = identities[index];
    if (own === null || own.memberState === 'fresh') continue;
    const vouched: Identity = { ...own, memberState: 'member', isVouched: true };
    await lastValueFrom(notes.put(identityNote(vouched)), { defaultValue: null });
  }
  await writeStdout(`Process ${rank} is a member again. Start it.\n`);
  return EXIT_SUCCESS;
}

async function setAside(config: ProcessConfig, stores: OpenedSectorStore[]): Promise<number> {
  const { storage, rank } = config;
  const aside = freeName(storage);
  await writeStdout(
    `The folder becomes ${aside}, with all that is in it. Process ${rank} begins with an empty ` +
      'one, and takes in what\nthe others have: it needs a majority of them that are members.\n',
  );
  if (!(await hasSaid(WORD_ASIDE))) return EXIT_FAILURE;
  for (const store of stores.splice(0)) await closed(store);
  renameSync(storage, aside);
  await writeStdout(`Nothing was deleted: ${aside}. Start process ${rank}.\n`);
  return EXIT_SUCCESS;
}

function describe(
  { storage, rank }: ProcessConfig,
  stores: readonly OpenedSectorStore[],
  identities: readonly (Identity | null)[],
): string {
  const written = stores.reduce((total, store) => total + store.counts().written, 0);
  const memberStates = [...new Set(identities.map((identity) => identity?.memberState ?? 'unknown'))];
  const incarnation = Math.max(...identities.map((identity) => identity?.incarnation ?? 0));
  return (
    `${storage}: process ${rank}, ${memberStates.join(' and ')}, ${written} sectors written, ` +
    `disk replaced ${incarnation} times as far as is known`
  );
}

function shardsOf({ workers }: ProcessConfig): (Shard | null)[] {
  if (workers === 0) return [null];
  return Array.from({ length: workers }, (_, index) => ({ index, count: workers }));
}

/** A name beside the folder, as that of its marker. */
function freeName(storage: string): string {
  const base = markerFile(storage).replace(/\.marker$/, '.aside');
  for (let number = 1; ; number += 1) {
    const name = `${base}-${number}`;
    if (!existsSync(name)) return name;
  }
}

/** Whether the operator has typed that word. */
async function hasSaid(word: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  lines.setPrompt(`Type "${word}" to do it: `);
  lines.prompt();
  try {
    for await (const line of lines) {
      if (line.trim() === word) return true;
      break;
    }
  } finally {
    lines.close();
  }
  await writeStdout('Not confirmed: nothing was changed.\n');
  return false;
}

async function closed(store: OpenedSectorStore): Promise<void> {
  await lastValueFrom(store.close(), { defaultValue: null });
}
