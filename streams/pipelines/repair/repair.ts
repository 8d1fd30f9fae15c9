/**
 * The repairs of a process: the work that makes every process hold a sound and current copy of every sector again. It
 * hands over values that peers have missed, mends damaged copies of its own disk, rebuilds a new disk, and scrubs. All
 * of it goes through the registers beside the operations of clients, in few lanes while clients wait and in more while
 * none does.
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
import { scrub, scrubPage } from './scrub.js';
import { readNote } from '../notes.js';
import type { NoteFormat } from '../notes.js';

/** Milliseconds between two looks for something to hand over or to mend. */
const IDLE_MS = 100;
/** Milliseconds until a sector that could not be mended is tried again. */
const HEAL_AGAIN_MS = 10_000;

const noteOfChunk = (rank: Rank, chunk: number | ''): string => `missed/${rank}/${chunk}`;
/**
 * One bit for each sector of a chunk. @param number The number of the chunk in the name of the note; NaN if that is
 * none.
 */
const chunkNote = (number: number): NoteFormat<Uint8Array> => ({
  what: `a chunk of missed sectors: ${CHUNK_BYTES} bytes under its number`,
  write: (bits) => bits,
  read: (bytes) => (Number.isSafeInteger(number) && bytes.length === CHUNK_BYTES ? bytes : undefined),
});

/** Runs all repairs until unsubscribed. Emits nothing; an error means that the process has to stop. */
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
              return scrub(options, (start) => scrubPage(start, options));
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

/**
 * Makes the record of missed sectors durable every `missedMs`. If the last changes are lost, a scrub finds the sectors
 * again.
 */
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
 * Hands the sectors that a peer has missed over to it, whenever it can be reached. Sectors whose copy here is damaged
 * wait until they have been mended.
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

/** Mends the damaged copies of the own disk with the values of peers. */
function heals(options: RepairOptions): Observable<never> {
  const { state, clock } = options;
  const { repair: progress } = state;
  const notBeforeMs = new Map<SectorIndex, number>();
  const underWay = new Set<SectorIndex>();
  return workLanes({
    lanes: () => Math.min(lanesOf(options), options.limits.lanesBusy),
    take: () => {
      for (const sector of progress.toHeal) {
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
            progress.toHeal.delete(sector);
            notBeforeMs.delete(sector);
            progress.healedCount += 1;
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
 * Emits whether the sector is sound now. This process has promised to hold the value of its stamp or a newer one. So a
 * peer's copy that is at least as new is taken, and an older one is not.
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
