/** The formats of notes: what a process keeps on its disk beside the sectors, and reads when it starts again. */
import { AtomicDiskError } from '../../src/errors.js';
import type { Notes } from '../../src/ports/notes.js';

/** The format of a kind of note. */
export interface NoteFormat<T> {
  /** Names the content of such a note, with its article: "a position". For error messages. */
  readonly what: string;
  readonly write: (value: T) => Uint8Array;
  /** @returns undefined if the bytes are no such note. */
  readonly read: (bytes: Uint8Array) => T | undefined;
}

/**
 * The note of that name as it was when the store was opened; null: there was none.
 *
 * @throws {AtomicDiskError} ATDD_STORE_CORRUPT if the note is not of that format. No process writes such a note.
 */
export function readNote<T>(
  { initial }: Pick<Notes, 'initial'>,
  name: string,
  format: Pick<NoteFormat<T>, 'what' | 'read'>,
): T | null {
  const bytes = initial.get(name);
  if (bytes === undefined) return null;
  const value = format.read(bytes);
  if (value === undefined) throw unreadable(name, bytes, format.what);
  return value;
}

const SHOWN_CHARACTERS = 200;

function unreadable(name: string, bytes: Uint8Array, what: string): AtomicDiskError {
  const text = JSON.stringify(textOf(bytes).slice(0, SHOWN_CHARACTERS));
  return new AtomicDiskError('ATDD_STORE_CORRUPT', `the note ${name} of the store says ${text}: that is not ${what}`);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

/** A whole number from `min` to `max`, in decimal digits. */
export function numberNote(what: string, min: number, max: number): NoteFormat<number> {
  return {
    what: `${what} from ${min} to ${max}`,
    write: (value) => Buffer.from(String(value)),
    read: (bytes) => {
      const text = textOf(bytes);
      if (!/^(?:0|[1-9]\d{0,15})$/.test(text)) return undefined;
      const value = Number(text);
      return value >= min && value <= max ? value : undefined;
    },
  };
}

/**
 * Fields as JSON. @param read Gets the unchecked fields of a JSON object. Returns undefined if they are not those of
 * such a note.
 */
export function jsonNote<T>(
  what: string,
  toFields: (value: T) => Readonly<Record<string, unknown>>,
  read: (fields: Readonly<Record<string, unknown>>) => T | undefined,
): NoteFormat<T> {
  return {
    what,
    write: (value) => Buffer.from(JSON.stringify(toFields(value))),
    read: (bytes) => {
      const fields = fieldsIn(textOf(bytes));
      return fields === undefined ? undefined : read(fields);
    },
  };
}

function fieldsIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
