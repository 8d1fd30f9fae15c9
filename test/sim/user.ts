/** What every kind of user of a simulated cluster is. */
import type { Dice } from '../helpers/seed.js';
import type { Counts } from './counts.js';
import { Machine } from './machine.js';
import type { Network } from './network.js';
import type { Observations } from './observations.js';
import type { Keys } from './surroundings.js';
import type { World } from './world.js';

export interface UserOptions {
  readonly world: World;
  readonly network: Network;
  readonly observations: Observations;
  readonly counts: Counts;
  readonly dice: Dice;
  readonly keys: Keys;
  /** Counted from 1: it is part of the names of what this user writes. */
  readonly number: number;
  /** The processes that it uses. */
  readonly machines: readonly Machine[];
  /** The sectors that it uses. */
  readonly sectors: readonly number[];
  /** Milliseconds between an answer and what is asked next, at most. */
  readonly thinkMs: number;
}

export abstract class User extends Machine {
  /** Nothing new is asked any more. */
  isResting = false;

  constructor(protected readonly options: UserOptions) {
    super(options.world, `client ${options.number}`, 0);
    this.begin(1);
  }

  abstract start(): void;
  /** Operations that are not over. */
  abstract get busyCount(): number;
  /** Ends its connections. */
  abstract close(): void;

  protected get userName(): string {
    return this.name;
  }

  /** Calls back after some thinking. */
  protected think(next: () => void): void {
    const { world, dice, thinkMs } = this.options;
    world.schedule(this.actor, dice.below(thinkMs * 1_000), next);
  }
}
