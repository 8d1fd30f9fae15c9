/** A machine with one program, which lives, dies and lives again. */
import type { Endpoint, Host } from './endpoint.js';
import { newActor, type Actor } from './actor.js';
import type { World } from './world.js';

export class Machine implements Host {
  readonly isForeign: boolean = false;
  isPowered = true;
  listener: ((endpoint: Endpoint) => void) | null = null;
  actor: Actor;
  /** Steps of the program until it is ended in the middle of what it does; null: it is not. */
  private stepsLeft: number | null = null;
  private atLastStep: () => void = () => undefined;

  constructor(
    protected readonly world: World,
    readonly name: string,
    readonly rank: number,
  ) {
    this.actor = newActor(`${name} (never started)`);
    this.actor.isDead = true;
  }

  lives(actor: Actor): boolean {
    return !actor.isDead && actor === this.actor;
  }

  /** After so many steps of the program `action` is called, in the middle of whatever it does. */
  interruptAfter(steps: number, action: () => void): void {
    this.stepsLeft = steps;
    this.atLastStep = action;
  }

  step(actor: Actor): boolean {
    if (!this.lives(actor)) return false;
    if (this.stepsLeft === null) return true;
    this.stepsLeft -= 1;
    if (this.stepsLeft > 0) return true;
    this.stepsLeft = null;
    this.atLastStep();
    return this.lives(actor);
  }

  protected begin(life: number): Actor {
    this.stepsLeft = null;
    this.isPowered = true;
    this.actor = newActor(`${this.name}, life ${life}`);
    return this.actor;
  }
}
