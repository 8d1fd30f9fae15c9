import type { Observable } from 'rxjs';

/** By name; null takes a note away. */
export type NoteChanges = ReadonlyMap<string, Uint8Array | null>;

/**
 * What a process remembers besides its sectors: who it is, whom it knows, what others have missed. Small things, all of
 * them in memory too.
 */
export interface Notes {
  /** As they were when the store was opened. */
  readonly initial: ReadonlyMap<string, Uint8Array>;
  /** Completes when all of the changes are durable, as one. Fails as the store's puts do. */
  put(changes: NoteChanges): Observable<never>;
}
