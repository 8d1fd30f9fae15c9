/**
 * The schedulers of one actor: the clock that the production code gets for its timers, and the end of its turn. RxJS
 * has a VirtualTimeScheduler, which sorts all that is due with each new entry and knows no actors that die or stand
 * still; hence this one.
 */
import type { SchedulerAction, SchedulerLike } from 'rxjs';
import { Subscription } from 'rxjs';
import type { Schedulers } from '../../src/ports/schedulers.js';
import type { Dice } from '../helpers/seed.js';
import type { Actor } from './actor.js';
import type { Scheduled, World } from './world.js';

/** A turn takes up to this long: what arrives meanwhile still belongs to it. */
const TURN_US_END = 40;

type Work<T> = (this: SchedulerAction<T>, state?: T) => void;
/** Arranges for `run` to be called after so many milliseconds. */
type Arrange = (delayMs: number, run: () => void) => Scheduled;

/** @param offsetMs What this actor's clock shows more than the world's: clocks never agree. */
export function schedulersOf(world: World, actor: Actor, dice: Dice, offsetMs: number): Schedulers {
  const after: Arrange = (delayMs, run) => world.schedule(actor, delayMs * 1_000, run);
  let turn: (() => void)[] = [];
  const atTurnEnd: Arrange = (delayMs, run) => {
    if (delayMs > 0) return after(delayMs, run);
    let isCancelled = false;
    if (turn.length === 0) {
      world.schedule(actor, dice.below(TURN_US_END), () => {
        const runs = turn;
        turn = [];
        for (const next of runs) next();
      });
    }
    turn.push(() => {
      if (!isCancelled && !actor.isDead) run();
    });
    return {
      cancel: () => {
        isCancelled = true;
      },
    };
  };
  const now = (): number => world.nowUs / 1_000 + offsetMs;
  return { clock: schedulerOf(now, after), turn: schedulerOf(now, atTurnEnd) };
}

function schedulerOf(now: () => number, arrange: Arrange): SchedulerLike {
  return {
    now,
    schedule<T>(work: Work<T>, delay = 0, state?: T): Subscription {
      return new SimulatedAction(work, arrange).schedule(state, delay);
    },
  };
}

/** A class because RxJS wants its actions to be Subscriptions. */
class SimulatedAction<T> extends Subscription implements SchedulerAction<T> {
  private scheduled: Scheduled | null = null;

  constructor(
    private readonly work: Work<T>,
    private readonly arrange: Arrange,
  ) {
    super(() => this.scheduled?.cancel());
  }

  schedule(state?: T, delay = 0): Subscription {
    if (this.closed) return this;
    this.scheduled?.cancel();
    const own = this.arrange(delay, () => {
      this.work(state);
      // An action whose work did not schedule it again is over.
      if (this.scheduled === own) this.unsubscribe();
    });
    this.scheduled = own;
    return this;
  }
}
