import type { Observable } from 'rxjs';

/** New values of notes by name; null: the note is removed. */
export type NoteChanges = ReadonlyMap<string, Uint8Array | null>;

/**
 * What a process keeps besides its sectors: its identity, the peers that it knows, the writes that they have missed.
 * Notes are small, and all of them are in memory as well.
 */
export interface Notes {
  /** The notes when the store was opened. */
  readonly initial: ReadonlyMap<string, Uint8Array>;
  /** Makes the changes, all or none, and completes when they are durable. Fails as the store's puts do. */
  put(changes: NoteChanges): Observable<never>;
}
