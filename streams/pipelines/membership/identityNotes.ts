/** The notes of the identity of this process, and of what it remembers of its peers. */
import { assert } from '../../../src/core/assert.js';
import type { Identity, MemberState, StorageId } from '../../../src/core/membership/identity.js';
import { MEMBER_STATES, STORAGE_ID_SIZE_BYTES } from '../../../src/core/membership/identity.js';
import type { RegisterMode } from '../../../src/core/membership/registerMode.js';
import { MODE_OPEN, REGISTER_MODES } from '../../../src/core/membership/registerMode.js';
import type { PeerMemory } from '../../../src/core/membership/state.js';
import type { Rank } from '../../../src/core/rank.js';
import type { NoteChanges, Notes } from '../../../src/ports/notes.js';
import { jsonNote, readNote } from '../notes.js';

export const NOTE_IDENTITY = 'identity';
export const noteOfPeer = (rank: Rank): string => `peer/${rank}`;

const IDENTITY = jsonNote<Identity>(
  "a disk's identity",
  ({ storage, incarnation, memberState, founding, isVouched, mode }) => ({
    storage: inHex(storage),
    incarnation,
    standing: memberState,
    founding: founding && inHex(founding),
    isVouched,
    members: REGISTER_MODES[mode],
  }),
  // Versions before 0.2 write none of the last three fields.
  ({ storage: hex, incarnation, standing, founding = null, isVouched = false, members = 'open' }) => {
    const [storage, foundingId] = [idIn(hex), idIn(founding)];
    const mode = REGISTER_MODES.findIndex((name) => name === members);
    if (storage == null || foundingId === undefined || !isMemberState(standing) || mode < 0) return undefined;
    if (typeof incarnation !== 'number' || typeof isVouched !== 'boolean') return undefined;
    return { storage, incarnation, memberState: standing, founding: foundingId, mode, isVouched };
  },
);

const PEER = jsonNote<PeerMemory>(
  "a peer's disk",
  ({ storage, incarnation }) => ({ storage: storage && inHex(storage), incarnation }),
  ({ storage: hex, incarnation }) => {
    const storage = idIn(hex);
    return storage === undefined || typeof incarnation !== 'number' ? undefined : { storage, incarnation };
  },
);

/** The note of the identity of this process. */
export function identityNote(identity: Identity): NoteChanges {
  return new Map([[NOTE_IDENTITY, IDENTITY.write(identity)]]);
}

/** @throws {AtomicDiskError} ATDD_STORE_CORRUPT */
export function readIdentity(notes: Pick<Notes, 'initial'>): Identity | null {
  return readNote(notes, NOTE_IDENTITY, IDENTITY);
}

/** The note of the identity, which there is, with that mode. @throws {AtomicDiskError} ATDD_STORE_CORRUPT */
export function noteOfMode(notes: Pick<Notes, 'initial'>, mode: RegisterMode): NoteChanges {
  const identity = readIdentity(notes);
  assert(identity !== null, 'a process says HELLO only once its identity is durable');
  return identityNote({ ...identity, mode: REGISTER_MODES.indexOf(mode) });
}

/**
 * The mode of the cluster that the disk is part of; null: of none yet, so the process may be started with any. A disk
 * with sectors and no identity was written by a version without identities.
 *
 * @throws {AtomicDiskError} ATDD_STORE_CORRUPT
 */
export function modeOnDisk(notes: Pick<Notes, 'initial'>, hasData: boolean): number | null {
  const own = readIdentity(notes);
  if (own === null) return hasData ? MODE_OPEN : null;
  return own.memberState === 'fresh' && !hasData ? null : own.mode;
}

export const peerNote = PEER.write;

/** The memory of a peer; null: there is none. @throws {AtomicDiskError} ATDD_STORE_CORRUPT */
export function readMemory(notes: Pick<Notes, 'initial'>, rank: Rank): PeerMemory | null {
  return readNote(notes, noteOfPeer(rank), PEER);
}

/** Ids are strings of latin1 characters; in hexadecimal people can read them. */
function inHex(id: StorageId): string {
  return Buffer.from(id, 'latin1').toString('hex');
}

/** @returns undefined if the value is neither an id in hexadecimal nor null. */
function idIn(hex: unknown): StorageId | null | undefined {
  if (hex === null) return null;
  if (typeof hex !== 'string' || hex.length !== 2 * STORAGE_ID_SIZE_BYTES) return undefined;
  return Buffer.from(hex, 'hex').toString('latin1');
}

function isMemberState(value: unknown): value is MemberState {
  return MEMBER_STATES.some((one) => one === value);
}
