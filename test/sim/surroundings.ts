/** What the members of a simulated cluster have in common. */
import type { Rank } from '../../src/core/rank.js';
import type { Dice } from '../helpers/seed.js';
import type { Counts } from './counts.js';
import type { Machine } from './machine.js';
import type { Network } from './network.js';
import type { Observations } from './observations.js';
import type { World } from './world.js';

export type ExtensionUse = 'on' | 'off' | 'mixed';

/** Of each process; `mixed`: the seed decides. */
export type WorkerUse = number | 'mixed';

export interface Keys {
  readonly clientKey: Uint8Array;
  readonly systemKey: Uint8Array;
}

export interface Surroundings {
  readonly world: World;
  readonly network: Network;
  readonly counts: Counts;
  readonly observations: Observations;
  readonly keys: Keys;
  readonly sectors: number;
  readonly processCount: number;
  /** Workers of each process; 0: none has any. */
  readonly workers: number;
  /** Random choices of one part of the run, by its name. */
  readonly dice: (part: string) => Dice;
  /** A worker hands over one whole message, for a connection of that other side. */
  readonly onWorkerMessage: (rank: Rank, remote: string, message: Uint8Array) => void;
  /** Whether processes use the extension: all, none, or some of their lives. */
  readonly extension: ExtensionUse;
  /** The machine of a rank. */
  readonly machineOf: (rank: Rank) => Machine;
  /** Whether any process has sectors that its disk does not give back. */
  readonly isAnyDamaged: () => boolean;
}
