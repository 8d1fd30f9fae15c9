/** The ways between hosts: how long a message takes, and until when nothing gets through. */
import type { Dice } from '../../helpers/seed.js';
import type { World } from '../world.js';

/** Hosts of replicas have their ranks; hosts of clients alone have numbers above. */
export type HostNumber = number;

interface Way {
  silentUntilUs: number;
  slowUntilUs: number;
  extraUs: number;
}

const DELAY_US_MIN = 40;
const DELAY_US_END = 900;
/** Within one host. */
const LOCAL_US_END = 60;

export class Paths {
  private readonly ways = new Map<string, Way>();

  constructor(
    private readonly world: World,
    private readonly dice: Dice,
  ) {}

  isSilent(from: HostNumber, to: HostNumber): boolean {
    return this.way(from, to).silentUntilUs > this.world.nowUs;
  }

  /** How long from now a message is on its way: what is silent keeps it until it is not. */
  delayUs(from: HostNumber, to: HostNumber): number {
    if (from === to) return this.dice.below(LOCAL_US_END);
    const { silentUntilUs, slowUntilUs, extraUs } = this.way(from, to);
    const { nowUs } = this.world;
    const slowUs = nowUs < slowUntilUs ? extraUs : 0;
    return Math.max(0, silentUntilUs - nowUs) + slowUs + this.dice.between(DELAY_US_MIN, DELAY_US_END);
  }

  silence(from: HostNumber, to: HostNumber, ms: number): void {
    this.way(from, to).silentUntilUs = this.world.nowUs + ms * 1_000;
  }

  slow(from: HostNumber, to: HostNumber, extraMs: number, ms: number): void {
    const way = this.way(from, to);
    way.extraUs = extraMs * 1_000;
    way.slowUntilUs = this.world.nowUs + ms * 1_000;
  }

  heal(): void {
    this.ways.clear();
  }

  private way(from: HostNumber, to: HostNumber): Way {
    const key = `${from} ${to}`;
    let way = this.ways.get(key);
    if (way === undefined) this.ways.set(key, (way = { silentUntilUs: 0, slowUntilUs: 0, extraUs: 0 }));
    return way;
  }
}
