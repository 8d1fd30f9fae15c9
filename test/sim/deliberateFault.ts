import type { ExtensionUse, WorkerUse } from './surroundings.js';

/** A change of one module, by its path below dist/. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface DeliberateFault {
  /** Short, for the command line. */
  readonly name: string;
  /** What is wrong, as a sentence. */
  readonly text: string;
  /** Processes of the clusters that it is looked for in. */
  readonly processCount: number;
  /** It has to be caught within so many runs, seeds counting up from 1 … */
  readonly runs: number;
  /** … and by what users see alone within so many; null: users cannot see it. */
  readonly blackBoxRuns: number | null;
  /** Looked for with the extension used like this; absent: as the seed decides. */
  readonly extension?: ExtensionUse;
  /** … and with so many workers; absent: with none. */
  readonly workers?: WorkerUse;
  /** Looked for in clusters of the strict register. */
  readonly isStrict?: boolean;
  /** … and by that schedule of strict/schedules.ts, because chance does not find it, or not so clearly. */
  readonly schedule?: string;
  readonly edits: readonly Edit[];
}
