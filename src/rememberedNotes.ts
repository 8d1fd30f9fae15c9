/** Notes that a process goes on with when it is started again over the same open store. */
import type { Observable } from 'rxjs';
import { defer } from 'rxjs';
import type { NoteChanges, Notes } from './ports/notes.js';

export class RememberedNotes implements Notes {
  readonly #initial: Map<string, Uint8Array>;
  /** What was put since the store was opened: a few notes for each peer and each part of the process. */
  readonly #changed = new Map<string, Uint8Array | null>();

  constructor(private readonly notes: Notes) {
    this.#initial = new Map(notes.initial);
  }

  /** The notes as they are now, those of puts under way included. */
  get initial(): ReadonlyMap<string, Uint8Array> {
    return this.#initial;
  }

  put(changes: NoteChanges): Observable<never> {
    return defer(() => {
      for (const [name, note] of changes) {
        this.#changed.set(name, note);
        if (note === null) this.#initial.delete(name);
        else this.#initial.set(name, note);
      }
      return this.notes.put(changes);
    });
  }

  /** As `put`. With it everything that was put before is durable, also if nobody waits for that any more. */
  putAll(changes: NoteChanges): Observable<never> {
    return defer(() => this.put(new Map([...this.#changed, ...changes])));
  }
}
