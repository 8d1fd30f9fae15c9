/** Writes what there is to know about a run, for whoever has to find out what happened. */
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { Operation } from '../linearizability/history.js';
import type { LostAttempt } from './libraryLoad.js';
import type { Death, Note } from './tally.js';

/** All times are milliseconds on one clock. */
export interface RunHistory {
  readonly seed: number;
  readonly processCount: number;
  /** Of raw clients, which never send anything twice. */
  readonly raw: readonly Operation[];
  /** Of the library's clients. */
  readonly library: readonly Operation[];
  readonly lostAttempts: readonly LostAttempt[];
  readonly deaths: readonly Death[];
  /** What was done to the cluster when. */
  readonly notes: readonly Note[];
}

/** JSON, one line for each operation: a million of them are no string that Node could hold. */
export async function writeHistory(file: string, history: RunHistory): Promise<void> {
  const stream = createWriteStream(file);
  const write = async (text: string): Promise<void> => {
    if (stream.write(text)) return;
    await new Promise<void>((resolve) => stream.once('drain', resolve));
  };
  const done = finished(stream);
  await write('{');
  for (const [index, [name, value]] of Object.entries(history).entries()) {
    await write(`${index === 0 ? '' : ','}\n${JSON.stringify(name)}: `);
    if (!Array.isArray(value)) {
      await write(JSON.stringify(value));
      continue;
    }
    await write('[');
    for (const [place, item] of value.entries()) {
      await write(`${place === 0 ? '' : ','}\n${JSON.stringify(item)}`);
    }
    await write(']');
  }
  await write('\n}\n');
  stream.end();
  await done;
}
