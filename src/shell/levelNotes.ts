/** The notes (src/ports/notes.ts) in LevelDB, beside the records. */
import type { ClassicLevel } from 'classic-level';
import { AtomicDiskError } from '../errors.js';
import type { NoteChanges } from '../ports/notes.js';
import { NOTE_KEY_END, NOTE_KEY_MIN, decodeNote, encodeNote } from '../store/noteFormat.js';

type Database = ClassicLevel<Uint8Array, Uint8Array>;

const NOTHING = new Uint8Array(0);

/** @returns all notes by name. @throws {AtomicDiskError} ATDD_STORE_CORRUPT if one is not as it was written. */
export async function readNotes(database: Database, location: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const entries = await database.iterator({ gte: NOTE_KEY_MIN, lt: NOTE_KEY_END }).all();
  const notes = new Map<string, Uint8Array>();
  for (const [key, value] of entries) {
    const note = decodeNote(key, value);
    if (note === null) {
      const hex = Buffer.from(key).toString('hex');
      throw new AtomicDiskError(
        'ATDD_STORE_CORRUPT',
        `${location}: the note under the key ${hex} is not what was written: found ` +
          `${value.length} bytes that do not match their check`,
      );
    }
    notes.set(note.name, note.bytes);
  }
  return notes;
}

/** Makes all changes or none. They are durable when it resolves. */
export async function writeNotes(database: Database, changes: NoteChanges): Promise<void> {
  const batch = database.batch();
  for (const [name, bytes] of changes) {
    const { key, value } = encodeNote(name, bytes ?? NOTHING);
    if (bytes === null) batch.del(key);
    else batch.put(key, value);
  }
  await batch.write({ sync: true });
}
