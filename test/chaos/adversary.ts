/**
 * Mistreats a cluster and its network at random moments. What it does comes from a deck of cards that is shuffled and
 * dealt whole, again and again, so that nothing is left to chance but the order, the victims and the moments. Each card
 * begins an episode, which repairs what it broke after a while; meanwhile the next cards are dealt.
 *
 * Three of four cards leave a majority of the processes alone, up and within reach of each other and of clients. The
 * others do not ask: a majority may be gone for a while, or all of them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BadNetwork, NetworkLink } from '../helpers/badNetwork.js';
import type { Cluster } from '../helpers/cluster.js';
import type { Direction } from '../helpers/relay.js';
import type { Dice } from '../helpers/seed.js';
import { hasClique } from './availability.js';
import type { SmallDisk } from './smallDisk.js';
import type { Tally } from './tally.js';

export interface AdversaryOptions {
  readonly cluster: Cluster;
  readonly network: BadNetwork;
  /** Disks that can be filled, by rank. */
  readonly disks: ReadonlyMap<number, SmallDisk>;
  readonly random: Dice;
  readonly tally: Tally;
  /** How long the longest episodes last. */
  readonly longMs: number;
  /** Told what is wrong with the processes. */
  fail(reason: string): void;
}

/** Whether the card could be played now. */
type Card = () => boolean;

/** Between two cards. */
const REST_MS_MAX = 1_000;
const SLOW_SENDER_MS = 800;
const UNHEARD_MS_MAX = 1_500;
const SLOW_LINK_MS = 400;
const THIN_BYTES_PER_SECOND = [64, 256, 1_024].map((kibibytes) => kibibytes * 1024);

export class Adversary {
  private readonly episodes = new Set<Promise<void>>();
  /** Processes that are down, starting or paused, each by one episode. */
  private readonly busy = new Set<number>();
  private readonly isolated = new Set<number>();
  private readonly farFromClients = new Set<number>();
  /** Links that an episode holds. */
  private readonly taken = new Set<NetworkLink>();
  private readonly hurry = new AbortController();
  /** Whether the card that is played has to leave a majority alone. */
  private leavesMajority = true;
  /** Nothing is dealt for so long. */
  private quietMs = 0;
  private readonly majority: number;

  constructor(private readonly options: AdversaryOptions) {
    this.majority = Math.floor(options.cluster.ranks.length / 2) + 1;
  }

  /** Processes that run, are reachable, and have room on their disks. */
  get untroubled(): number[] {
    return this.options.cluster.ranks.filter((rank) => !this.isTroubled(rank));
  }

  /** Whether no episode is between them. */
  private reachEachOther(one: number, other: number, without: readonly NetworkLink[]): boolean {
    const isBetween = ({ from, to }: NetworkLink): boolean =>
      (from === one && to === other) || (from === other && to === one);
    return ![...this.taken, ...without].some(isBetween);
  }

  /** Whether the card may be played although it takes these away: that a majority is left. */
  private mayDoWithout(rank: number | null, links: readonly NetworkLink[]): boolean {
    if (!this.leavesMajority) return true;
    const left = this.untroubled.filter((other) => other !== rank);
    return hasClique(left, this.majority, (one, other) => this.reachEachOther(one, other, links));
  }

  /** Deals until `isOver`, but at least one whole deck, and repairs everything. */
  async play(isOver: () => boolean): Promise<void> {
    const { random } = this.options;
    let deck: Card[] = [];
    let weathers: (() => void)[] = [];
    for (let deckCount = 0; !this.hurry.signal.aborted;) {
      if (deck.length === 0) {
        deck = this.cards();
        deckCount += 1;
      }
      if (deckCount > 1 && isOver()) break;
      await this.rest(random.between(100, REST_MS_MAX) + this.quietMs);
      this.quietMs = 0;
      if (weathers.length === 0) weathers = this.weathers();
      weathers.pop()?.();
      await this.playOneOf(deck);
    }
    await this.finish();
  }

  /** Ends what is going on soon, with everything repaired. */
  async finish(): Promise<void> {
    this.hurry.abort();
    await Promise.all(this.episodes);
    this.options.network.calm();
    this.options.tally.note('all repaired');
  }

  /** Removes from the deck the first card that can be played, and plays it. */
  private async playOneOf(deck: Card[]): Promise<void> {
    this.leavesMajority = this.options.random.below(4) !== 0;
    while (!this.hurry.signal.aborted) {
      const index = deck.findIndex((card) => card());
      if (index !== -1) {
        deck.splice(index, 1);
        return;
      }
      await this.rest(50);
    }
  }

  private cards(): Card[] {
    const { longMs } = this.options;
    const disks = this.options.disks.size > 0 ? 1 : 0;
    return this.shuffled<Card>([
      [9, () => this.kill(this.upTo(600))],
      [2, () => this.kill(this.upTo(longMs / 2))],
      [1, () => this.killStarting()],
      [1, () => this.killPaused()],
      [2, () => this.killUnheard()],
      [2, () => this.killAtOnce('killMajority', this.majority)],
      [1, () => this.killAtOnce('killAll', this.options.cluster.ranks.length)],
      [1, () => this.stop()],
      [3, () => this.pause(this.upTo(900))],
      [1, () => this.pause(this.long())],
      [2, () => this.cutPeers()],
      [1, () => this.cutClients()],
      [2, () => this.halfOpenPeer()],
      [1, () => this.halfOpenClients()],
      [1, () => this.silenceLink()],
      [1, () => this.silenceProcess()],
      [1, () => this.silenceClients()],
      [1, () => this.isolate()],
      [1, () => this.isolateAlone()],
      [disks, () => this.fillDisk('little')],
      [disks, () => this.fillDisk('nothing')],
    ]);
  }

  /** Before each card; less of them than cards, so that the first deck has every weather. */
  private weathers(): (() => void)[] {
    const { network, random, tally } = this.options;
    const slow = (who: string, make: (delayMsMax: number) => void, delayMsMax: number) => () => {
      make(delayMsMax);
      tally.count('slowness', who);
    };
    return this.shuffled<() => void>([
      [5, () => undefined],
      [5, network.calm.bind(network)],
      [5, slow('one sender', network.slowSender.bind(network), SLOW_SENDER_MS)],
      [2, slow('any link', network.slowLinks.bind(network), SLOW_LINK_MS)],
      [1, slow('clients', network.slowClients.bind(network), SLOW_LINK_MS)],
      [
        2,
        () => {
          network.thinLinks(random.pick(THIN_BYTES_PER_SECOND));
          tally.count('thinness');
        },
      ],
    ]);
  }

  private shuffled<Item>(counted: readonly (readonly [count: number, item: Item])[]): Item[] {
    const left = counted.flatMap(([count, item]) => Array.from({ length: count }, () => item));
    const shuffled: Item[] = [];
    while (left.length > 0) {
      shuffled.push(...left.splice(this.options.random.below(left.length), 1));
    }
    return shuffled;
  }

  // Processes

  private kill(downMs: number): boolean {
    const rank = this.victim();
    if (rank === null) return false;
    this.begin(`kill ${rank}`, this.busy, rank, () => this.killAndRestart(rank, downMs));
    return true;
  }

  private killStarting(): boolean {
    const rank = this.victim();
    if (rank === null) return false;
    const { random, tally } = this.options;
    const times = random.between(1, 4);
    this.begin(`kill ${rank} while it starts`, this.busy, rank, async () => {
      await this.killNow(rank);
      for (let time = 0; time < times; time += 1) {
        await this.launch(rank);
        await this.rest(random.below(500));
        tally.count('killStarting', `${rank}`);
        await this.killNow(rank);
      }
      await this.bringUp(rank);
    });
    return true;
  }

  private killPaused(): boolean {
    const rank = this.victim();
    if (rank === null) return false;
    const pausedMs = this.upTo(1_000);
    this.begin(`kill ${rank} while it is paused`, this.busy, rank, async () => {
      this.options.cluster.pause(rank);
      await this.rest(pausedMs);
      this.options.tally.count('killPaused', `${rank}`);
      await this.killAndRestart(rank, this.upTo(300));
    });
    return true;
  }

  /**
   * What it has stored last, nobody else has heard of: after its restart one process knows values that the others do
   * not. Whoever reads such a value must not be the only one.
   */
  private killUnheard(): boolean {
    const { cluster, network, random, tally } = this.options;
    const rank = this.victim();
    if (rank === null) return false;
    const others = cluster.ranks.filter((other) => other !== rank);
    const unheardMs = random.between(500, UNHEARD_MS_MAX);
    this.begin(`kill ${rank} unheard`, this.busy, rank, async () => {
      tally.count('killUnheard', `${rank} after ${unheardMs} ms`);
      network.delay(rank, others, UNHEARD_MS_MAX, { losesWithSender: true });
      await this.rest(unheardMs);
      await this.killNow(rank);
      network.delay(rank, others, 0);
      await this.bringUp(rank);
    });
    return true;
  }

  private killAtOnce(fault: 'killMajority' | 'killAll', count: number): boolean {
    const { cluster, random, tally } = this.options;
    const free = cluster.ranks.filter((rank) => !this.busy.has(rank));
    if (free.length < count) return false;
    tally.count(fault);
    for (let left = count; left > 0; left -= 1) {
      const [rank] = free.splice(random.below(free.length), 1);
      this.begin(`kill ${rank}`, this.busy, rank, () => this.killAndRestart(rank, this.upTo(800)));
    }
    return true;
  }

  private stop(): boolean {
    const rank = this.victim();
    if (rank === null) return false;
    const { cluster, tally } = this.options;
    tally.count('stop', `${rank}`);
    this.begin(`stop ${rank}`, this.busy, rank, async () => {
      const { code, signal } = await cluster.stop(rank);
      tally.died(rank);
      if (code !== 0) throw new Error(`it ended with code ${code}, signal ${signal}`);
      await this.rest(this.upTo(300));
      await this.bringUp(rank);
    });
    return true;
  }

  private pause(ms: number): boolean {
    const rank = this.victim();
    if (rank === null) return false;
    const { cluster, tally } = this.options;
    tally.count('pause', `${rank} for ${ms} ms`);
    this.begin(`pause ${rank}`, this.busy, rank, async () => {
      cluster.pause(rank);
      await this.rest(ms);
      cluster.continue(rank);
    });
    return true;
  }

  private async killAndRestart(rank: number, downMs: number): Promise<void> {
    await this.killNow(rank);
    await this.rest(downMs);
    await this.bringUp(rank);
  }

  private async killNow(rank: number): Promise<void> {
    const { cluster, tally } = this.options;
    tally.count('kill', `${rank}`);
    tally.died(rank);
    await cluster.kill(rank);
  }

  private async bringUp(rank: number): Promise<void> {
    const { cluster, tally } = this.options;
    await this.launch(rank);
    const launchedAt = performance.now();
    await cluster.waitReady(rank);
    tally.recoveryMs.push(performance.now() - launchedAt);
    tally.note(`ready ${rank}`);
  }

  private async launch(rank: number): Promise<void> {
    const { cluster, disks, tally } = this.options;
    // Without any room it could not even open its metadata, says so and ends: rightly.
    while (disks.get(rank)?.room === 'nothing') await sleep(20);
    tally.count('restart', `${rank}`);
    cluster.launch(rank);
  }

  // Connections

  private cutPeers(): boolean {
    const { network, random } = this.options;
    const { from, to } = random.pick(network.peerLinks);
    if (random.below(2) === 0) return this.cut([network.link(from, to)]);
    return this.cut(network.peerLinks.filter((link) => link.from === from || link.to === from));
  }

  private cutClients(): boolean {
    const { network, cluster, random } = this.options;
    const rank = random.pick(cluster.ranks);
    return this.cut(network.clientLinks.filter(({ to }) => to === rank));
  }

  private cut(links: readonly NetworkLink[]): boolean {
    let count = 0;
    for (const { relay } of links) count += relay.cut();
    if (count > 0) this.options.tally.count('cut', links.map(describeLink).join(', '), count);
    return count > 0;
  }

  private halfOpenPeer(): boolean {
    const { network, random } = this.options;
    const believer = random.pick(['dialler', 'dialled'] as const);
    const links = [random.pick(network.peerLinks)].filter((link) => !this.taken.has(link));
    if (!this.mayDoWithout(null, links)) return false;
    return this.halfOpen(links, believer, (work) => {
      this.hold(links, work);
    });
  }

  private halfOpenClients(): boolean {
    const { network, cluster, random } = this.options;
    const rank = random.pick(cluster.ranks);
    if (this.farFromClients.has(rank) || !this.mayDoWithout(rank, [])) return false;
    const raw = network.link('raw clients', rank);
    const library = network.link('library clients', rank);
    const believer = random.pick(['dialler', 'dialled'] as const);
    const links = believer === 'dialler' ? [raw, library] : [raw];
    return this.halfOpen(links, believer, (work) => {
      this.begin('half-open connections of clients', this.farFromClients, rank, work);
    });
  }

  private halfOpen(
    links: readonly NetworkLink[],
    believer: 'dialler' | 'dialled',
    begin: (work: () => Promise<void>) => void,
  ): boolean {
    let count = 0;
    for (const { relay } of links) count += relay.halfOpen(believer);
    if (count === 0) return false;
    const ms = this.long();
    const where = links.map(describeLink).join(', ');
    const detail = `${where}, believed in by the ${believer}, ${ms} ms`;
    this.options.tally.count('halfOpen', detail, count);
    begin(async () => {
      await this.rest(ms);
      for (const { relay } of links) relay.heal();
    });
    return true;
  }

  // Silence

  private silenceLink(): boolean {
    const { network, random } = this.options;
    return this.silence([random.pick(network.peerLinks)]);
  }

  /** It hears nobody, or nobody hears it. */
  private silenceProcess(): boolean {
    const { network, cluster, random } = this.options;
    const rank = random.pick(cluster.ranks);
    const side = random.pick(['from', 'to'] as const);
    return this.silence(network.peerLinks.filter((link) => link[side] === rank));
  }

  private silenceClients(): boolean {
    const { network, cluster, random, tally } = this.options;
    const rank = random.pick(cluster.ranks);
    if (this.isTroubled(rank) || !this.mayDoWithout(rank, [])) return false;
    const direction = random.pick(['forth', 'back'] as const);
    const links = network.clientLinks.filter(({ to }) => to === rank);
    const ms = this.long();
    tally.count('silence', `${direction} between clients and ${rank}, ${ms} ms`);
    this.begin('silence to clients', this.farFromClients, rank, () => this.keepSilent(links, [direction], ms));
    return true;
  }

  private silence(wanted: readonly NetworkLink[]): boolean {
    const links = wanted.filter((link) => !this.taken.has(link));
    if (links.length === 0 || !this.mayDoWithout(null, links)) return false;
    const ms = this.long();
    this.options.tally.count('silence', `${links.map(describeLink).join(', ')}, ${ms} ms`);
    this.hold(links, () => this.keepSilent(links, ['forth'], ms));
    return true;
  }

  private isolate(): boolean {
    const rank = this.victim();
    if (rank === null || this.farFromClients.has(rank)) return false;
    const { random, longMs } = this.options;
    const withClients = random.below(2) === 0;
    this.beginIsolation(rank, withClients, random.between(1_000, Math.max(2_500, longMs / 2)));
    return true;
  }

  /**
   * All else is well meanwhile, so that what was asked of the process is done elsewhere long before it can go on with
   * it.
   */
  private isolateAlone(): boolean {
    const { cluster, network, random } = this.options;
    if (this.untroubled.length < cluster.ranks.length || this.taken.size > 0) return false;
    network.calm();
    const ms = random.between(2_000, 4_000);
    this.beginIsolation(random.pick(cluster.ranks), true, ms);
    this.quietMs = ms + 500;
    return true;
  }

  /**
   * Clients lose it later than its peers do, and get it back later: what it has begun for them goes on before it hears
   * that they have given up.
   */
  private beginIsolation(rank: number, withClients: boolean, ms: number): void {
    const { network, random, tally } = this.options;
    const peers = network.peerLinks.filter((link) => (link.from === rank || link.to === rank) && !this.taken.has(link));
    const clients = network.clientLinks.filter(({ to }) => withClients && to === rank);
    const laterMs = random.between(500, 700);
    const longerMs = random.between(300, 2_000);
    tally.count('isolation', `${rank}${withClients ? ', from clients too' : ''}, ${ms} ms`);
    for (const link of peers) this.taken.add(link);
    this.begin(`isolate ${rank}`, this.isolated, rank, async () => {
      const untilHeard = this.keepSilent(peers, ['forth', 'back'], ms);
      await this.rest(laterMs);
      await this.keepSilent(clients, ['forth', 'back'], withClients ? ms - laterMs + longerMs : 0);
      await untilHeard;
      for (const link of peers) this.taken.delete(link);
    });
  }

  private async keepSilent(links: readonly NetworkLink[], directions: readonly Direction[], ms: number): Promise<void> {
    const set = (isSilent: boolean): void => {
      for (const { relay } of links) {
        for (const direction of directions) relay.silence(direction, isSilent);
      }
    };
    set(true);
    await this.rest(ms);
    set(false);
    this.options.tally.note(`heard again: ${links.map(describeLink).join(', ')}`);
  }

  // Disks

  private fillDisk(room: 'little' | 'nothing'): boolean {
    const { disks, random, tally } = this.options;
    const [rank, disk] = random.pick([...disks]);
    // One that is starting cannot do so without any room.
    if (disk.room !== 'enough' || this.busy.has(rank) || !this.mayDoWithout(rank, [])) return false;
    const ms = random.between(1_000, 4_000);
    tally.count('fullDisk', `${rank}, ${room} left, ${ms} ms`);
    this.run(`fill the disk of ${rank}`, async () => {
      await disk.fill(room);
      await this.rest(ms);
      await disk.relieve();
      tally.note(`room on the disk of ${rank}`);
    });
    return true;
  }

  // Episodes

  private isTroubled(rank: number): boolean {
    const room = this.options.disks.get(rank)?.room ?? 'enough';
    const sets = [this.busy, this.isolated, this.farFromClients];
    return room !== 'enough' || sets.some((set) => set.has(rank));
  }

  /** A process that no episode has; null if there is none, or too few others would be left. */
  private victim(): number | null {
    const { cluster, random } = this.options;
    const candidates = cluster.ranks.filter(
      (rank) => !this.busy.has(rank) && !this.isolated.has(rank) && this.mayDoWithout(rank, []),
    );
    return candidates.length === 0 ? null : random.pick(candidates);
  }

  /** `rank` is in the set while the episode lasts. */
  private begin(name: string, set: Set<number>, rank: number, work: () => Promise<void>): void {
    set.add(rank);
    this.run(name, async () => {
      await work();
      set.delete(rank);
    });
  }

  private hold(links: readonly NetworkLink[], work: () => Promise<void>): void {
    for (const link of links) this.taken.add(link);
    this.run('links', async () => {
      await work();
      for (const link of links) this.taken.delete(link);
    });
  }

  private run(name: string, work: () => Promise<void>): void {
    const episode = work()
      .catch((error: unknown) => {
        this.options.fail(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      })
      .finally(() => {
        this.episodes.delete(episode);
      });
    this.episodes.add(episode);
  }

  /** Mostly short. */
  private long(): number {
    const { random, longMs } = this.options;
    return this.upTo((random.below(100) * random.below(100) * longMs) / 10_000);
  }

  private upTo(ms: number): number {
    return this.options.random.between(Math.min(50, ms), Math.max(51, Math.round(ms)));
  }

  /** Cut short once everything is to be repaired. */
  private async rest(ms: number): Promise<void> {
    try {
      await sleep(ms, null, { signal: this.hurry.signal });
    } catch {
      // Time to finish.
    }
  }
}

const describeLink = ({ from, to }: NetworkLink): string => `${from} to ${to}`;
