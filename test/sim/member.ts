/** A member of a simulated cluster, of whatever make: what can happen to its machine. */
import type { Stamp } from '../../src/core/stamp.js';
import { Machine } from './machine.js';
import type { Surroundings } from './surroundings.js';

export abstract class Member extends Machine {
  /** It begins nothing of its own any more. */
  isResting = false;

  constructor(
    private readonly place: Pick<Surroundings, 'world' | 'network'>,
    rank: number,
  ) {
    super(place.world, `process ${rank}`, rank);
  }

  /** Whether it takes part by now. */
  abstract get isReady(): boolean;
  /** Operations of its own that are not over. */
  abstract get busyCount(): number;
  abstract durableStamp(sector: number): Stamp;

  /** Whether its disk is that of one who votes on the sector. */
  abstract isVoter(sector: number): boolean;

  /** Sectors that its disk is known not to give back. */
  get damagedCount(): number {
    return 0;
  }

  /** The newest that any of its disks has held: what it has once acknowledged. */
  latestStamp(sector: number): Stamp {
    return this.durableStamp(sector);
  }

  /** Whether it may send that stamp of its own, of that sector, before it is on its disk. */
  abstract mayBeEarly(sector: number, stamp: Stamp): boolean;

  /** Starts its program, if it does not run. */
  abstract boot(): void;
  /** Its program has ended; what was in memory is gone. */
  protected abstract forget(isPowerLost: boolean): void;

  get isUp(): boolean {
    return !this.actor.isDead;
  }

  /** SIGKILL, or the end after a failure: the system lives on. */
  kill(): void {
    this.end('kill', false);
  }

  /** The machine has no power: what was not flushed is lost. */
  losePower(): void {
    this.end('power lost', true);
  }

  /** SIGTERM. @param ended Called when it has ended. */
  stop(ended: () => void): void {
    this.kill();
    ended();
  }

  /** SIGSTOP, and SIGCONT after so many milliseconds. */
  stall(ms: number): void {
    this.place.world.trace.note('stall', this.rank, ms, () => this.name);
    this.actor.stalledUntilUs = this.place.world.nowUs + ms * 1_000;
  }

  private end(event: string, isPowerLost: boolean): void {
    if (!this.isUp) return;
    const { actor, place } = this;
    place.world.trace.note(event, this.rank, 0, () => this.name);
    actor.isDead = true;
    this.listener = null;
    if (isPowerLost) this.isPowered = false;
    this.forget(isPowerLost);
    if (isPowerLost) place.network.powerLost(actor);
    else place.network.programEnded(actor);
  }
}
