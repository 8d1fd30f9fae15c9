/**
 * What a process does on its own behalf, so that there are again as many copies as there can be: hands over what peers
 * have missed, mends what its own disk has lost, takes in everything when its disk is new, and compares now and then.
 * All of it goes through the registers, beside the clients' operations, in as many lanes as they leave.
 */
import type { Observable } from 'rxjs';
import {
  catchError,
  concatMap,
  defer,
  EMPTY,
  first,
  ignoreElements,
  interval,
  map,
  merge,
  NEVER,
  of,
  switchMap,
  tap,
  timeout,
} from 'rxjs';
import type { Rank } from '../../../src/core/rank.js';
import { expireLate } from '../../../src/core/repair/missedLog.js';
import type { MissedSet } from '../../../src/core/repair/missedSet.js';
import { CHUNK_BYTES } from '../../../src/core/repair/missedSet.js';
import type { SectorIndex } from '../../../src/core/sector.js';
import { compareStamps } from '../../../src/core/stamp.js';
import { NoSpace } from '../../../src/ports/blockFiles.js';
import { workLanes } from '../../workLanes.js';
import { rebuild } from './rebuild.js';
import type { RepairOptions } from './repairOptions.js';
import { lanesOf } from './repairOptions.js';
import { scrub } from './scrub.js';
import { readNote } from '../notes.js';
import type { NoteFormat } from '../notes.js';

/** How often it is looked whether there is something to hand over or to mend. */
const IDLE_MS = 100;
/** What could not be mended is tried again after this. */
const HEAL_AGAIN_MS = 10_000;

const noteOfChunk = (rank: Rank, chunk: number | ''): string => `missed/${rank}/${chunk}`;
/** One bit for each sector of a chunk. @param number Of the chunk, as the name of the note has it. */
const chunkNote = (number: number): NoteFormat<Uint8Array> => ({
  what: `a chunk of missed sectors: ${CHUNK_BYTES} bytes under its number`,
  write: (bits) => bits,
  read: (bytes) => (Number.isSafeInteger(number) && bytes.length === CHUNK_BYTES ? bytes : undefined),
});

/** Goes on until unsubscribed; an error means that the process has to stop. */
export function repair(options: RepairOptions): Observable<never> {
  return defer(() => {
    restoreMissed(options);
    const { membership, state } = options;
    return merge(
      keepMissed(options),
      ...state.peers.map(({ rank }) => handOvers(rank, options)),
      heals(options),
      membership.memberState$.pipe(
        switchMap((memberState) => {
          switch (memberState) {
            case 'fresh':
              return NEVER;
            case 'joining':
              return rebuild(options);
            case 'member':
              return scrub(options);
          }
        }),
      ),
    );
  });
}

/** @throws {AtomicDiskError} ATDD_STORE_CORRUPT */
function restoreMissed({ state, notes }: RepairOptions): void {
  for (const [rank, { missed }] of state.missed.peers) {
    const prefix = noteOfChunk(rank, '');
    for (const name of notes.initial.keys()) {
      if (!name.startsWith(prefix)) continue;
      const number = Number(name.slice(prefix.length));
      const bits = readNote(notes, name, chunkNote(number));
      if (bits !== null) missed.restore(number, bits);
    }
  }
}

/** Writes down what was missed, from time to time: losing the last of it costs a scrub, no data. */
function keepMissed({ limits, state, notes, clock }: RepairOptions): Observable<never> {
  return interval(limits.missedMs, clock).pipe(
    concatMap(() => {
      expireLate(state.missed);
      const taken: [MissedSet, number][] = [];
      const changes = new Map<string, Uint8Array | null>();
      for (const [rank, { missed }] of state.missed.peers) {
        for (const [chunk, bits] of missed.takeChanges()) {
          changes.set(noteOfChunk(rank, chunk), bits);
          taken.push([missed, chunk]);
        }
      }
      if (changes.size === 0) return EMPTY;
      return notes.put(changes).pipe(
        catchError((error: unknown) => {
          if (!(error instanceof NoSpace)) throw error;
          for (const [missed, chunk] of taken) missed.keepChanges([chunk]);
          return EMPTY;
        }),
      );
    }),
    ignoreElements(),
  );
}

/**
 * Brings to a peer what it has missed, whenever it can be reached. What is damaged here waits until it has been mended.
 */
function handOvers(rank: Rank, options: RepairOptions): Observable<never> {
  const { exchange, limits, state, store, clock } = options;
  const missed = state.missed.peers.get(rank)?.missed;
  const peer = state.peers.find((one) => one.rank === rank);
  if (missed === undefined || peer === undefined) return NEVER;
  let cursor: SectorIndex = 0;
  return workLanes({
    lanes: () => (peer.isConnected ? lanesOf(options) : 0),
    take: () => {
      const sector = missed.next(cursor);
      if (sector === null) return null;
      cursor = sector + 1;
      if (store.isDamaged(sector)) return null;
      missed.begin(sector);
      return sector;
    },
    handle: (sector) =>
      exchange.handOver(rank, sector).pipe(
        map((handover) => handover === 'acknowledged' || !store.isDamaged(sector)),
        timeout({ each: limits.answerMs, scheduler: clock, with: () => of(false) }),
        tap((isDone) => {
          missed.end(sector, isDone);
        }),
      ),
    idleMs: IDLE_MS,
    clock,
  });
}

/** Gets back, from whichever peer has it, what the own disk has lost of single sectors. */
function heals(options: RepairOptions): Observable<never> {
  const { state, clock } = options;
  const { repair: record } = state;
  const notBeforeMs = new Map<SectorIndex, number>();
  const underWay = new Set<SectorIndex>();
  return workLanes({
    lanes: () => Math.min(lanesOf(options), options.limits.lanesBusy),
    take: () => {
      for (const sector of record.toHeal) {
        if (underWay.has(sector) || (notBeforeMs.get(sector) ?? 0) > clock.now()) continue;
        underWay.add(sector);
        return sector;
      }
      return null;
    },
    handle: (sector) =>
      healSector(sector, options).pipe(
        tap((isHealed) => {
          underWay.delete(sector);
          if (isHealed) {
            record.toHeal.delete(sector);
            notBeforeMs.delete(sector);
            record.healedCount += 1;
          } else {
            notBeforeMs.set(sector, clock.now() + HEAL_AGAIN_MS);
          }
        }),
      ),
    idleMs: IDLE_MS,
    clock,
  });
}

/**
 * Emits whether the sector is sound now. What this process promised about it is that it has its stamp's value or a
 * newer one: any peer's copy that is at least as new keeps that promise, and nothing older is taken.
 */
function healSector(sector: SectorIndex, options: RepairOptions): Observable<boolean> {
  const { exchange, limits, state, store, clock } = options;
  const peers = state.peers.filter(({ isConnected }) => isConnected);
  const fromPeer = (rank: Rank): Observable<boolean> =>
    exchange.fetch(rank, sector).pipe(
      concatMap(({ stamp, data }) =>
        compareStamps(stamp, store.stampOf(sector)) < 0
          ? of(false)
          : exchange.adopt(sector, stamp, data).pipe(map((outcome) => outcome === 'done')),
      ),
      timeout({ each: limits.answerMs, scheduler: clock, with: () => of(false) }),
    );
  return defer(() => {
    if (!store.isDamaged(sector)) return of(true);
    return merge(...peers.map(({ rank }) => fromPeer(rank))).pipe(
      map(() => !store.isDamaged(sector)),
      first((isSound) => isSound, false),
    );
  });
}
