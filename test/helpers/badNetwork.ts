/**
 * A network around the processes of a cluster that can be bad, link by link and direction by direction: a relay for
 * every ordered pair of processes, and, for those who ask for them, from clients to every process. On loopback all
 * messages arrive at once, and most of what can go wrong between the first and the last of them never shows.
 */
import type { ClusterOptions } from './cluster.js';
import { Cluster } from './cluster.js';
import { freeAddresses } from './ports.js';
import type { Address } from './rawClient.js';
import { Relay } from './relay.js';
import type { Dice } from './seed.js';
import type { TestScope } from './testScope.js';

/** The way from a process, or from all clients of a kind, to a process. */
export interface NetworkLink {
  readonly from: number | 'raw clients' | 'library clients';
  readonly to: number;
  readonly entrance: Address;
  readonly relay: Relay;
}

export interface BadNetworkOptions {
  /** Whether clients have relays too. */
  readonly withClients?: boolean;
}

/** A cluster of real processes whose links can be made bad. */
export async function startOnBadNetwork(
  t: TestScope,
  processCount: number,
  random: Dice,
  config: ClusterOptions['config'] = {},
): Promise<{ cluster: Cluster; network: BadNetwork }> {
  const { cluster, network } = await prepareOnBadNetwork(t, { processCount, config }, random);
  await cluster.startAll();
  return { cluster, network };
}

/** The same, with nothing started yet. */
export async function prepareOnBadNetwork(
  t: TestScope,
  setting: Omit<ClusterOptions, 'network'>,
  random: Dice,
  options: BadNetworkOptions = {},
): Promise<{ cluster: Cluster; network: BadNetwork }> {
  const created: { network?: BadNetwork } = {};
  const cluster = await Cluster.prepare(t, {
    ...setting,
    network: async (addresses) => (created.network = await BadNetwork.create(t, addresses, random, options)),
  });
  if (created.network === undefined) throw new Error('the cluster has no network');
  return { cluster, network: created.network };
}

export class BadNetwork {
  static async create(
    t: TestScope,
    addresses: readonly Address[],
    random: Dice,
    { withClients = false }: BadNetworkOptions = {},
  ): Promise<BadNetwork> {
    const ranks = addresses.map((_, index) => index + 1);
    const links: NetworkLink[] = [];
    t.teardown(async () => {
      await Promise.all(links.map(({ relay }) => relay.close()));
    });
    const sources = [...ranks, ...(withClients ? CLIENTS : [])];
    for (const from of sources) {
      for (const to of ranks.filter((rank) => rank !== from)) {
        const isHonest = from === 'library clients';
        const relay = new Relay({ destination: addresses[to - 1], random, isHonest });
        const [entrance] = await freeAddresses(1);
        await relay.listen(entrance);
        links.push({ from, to, entrance, relay });
      }
    }
    return new BadNetwork(addresses, links, random);
  }

  private constructor(
    private readonly addresses: readonly Address[],
    private readonly links: readonly NetworkLink[],
    private readonly random: Dice,
  ) {}

  /** Each process directly for itself, and through this network for everyone else. */
  addressesSeenBy(from: NetworkLink['from']): readonly Address[] {
    return this.addresses.map((address, index) => (from === index + 1 ? address : this.link(from, index + 1).entrance));
  }

  link(from: NetworkLink['from'], to: number): NetworkLink {
    const found = this.links.find((link) => link.from === from && link.to === to);
    if (found === undefined) throw new Error(`there is no link from ${from} to ${to}`);
    return found;
  }

  /** Links between processes. */
  get peerLinks(): readonly NetworkLink[] {
    return this.links.filter(({ from }) => typeof from === 'number');
  }

  /** Links from clients. */
  get clientLinks(): readonly NetworkLink[] {
    return this.links.filter(({ from }) => typeof from === 'string');
  }

  /** Both directions between two processes let everything through at once. */
  isGoodBetween(one: number, other: number): boolean {
    return [this.link(one, other), this.link(other, one)].every(({ relay }) => relay.isUndisturbed);
  }

  /**
   * One process is heard late by all others but, perhaps, one; everything else is fast. For a while its newest values
   * are known to a minority, and lost if it dies: what reads must not be misled by.
   */
  slowSender(delayMsMax: number): void {
    const sender = 1 + this.random.below(this.addresses.length);
    const listener = 1 + this.random.below(this.addresses.length);
    for (const { from, to, relay } of this.peerLinks) {
      const isSlow = from === sender && to !== listener;
      relay.delay('forth', isSlow ? this.random.between(delayMsMax / 2, delayMsMax) : 0);
    }
  }

  /** What `sender` sends to those listeners arrives this much later. */
  delay(
    sender: number,
    listeners: readonly number[],
    delayMs: number,
    { losesWithSender = null }: { losesWithSender?: boolean | null } = {},
  ): void {
    for (const { from, to, relay } of this.peerLinks) {
      if (from !== sender || !listeners.includes(to)) continue;
      relay.delay('forth', delayMs);
      relay.losesWithSender = losesWithSender;
    }
  }

  /** Any link between processes may be slow. */
  slowLinks(delayMsMax: number): void {
    for (const { relay } of this.peerLinks) {
      relay.delay('forth', this.random.below(10) < 6 ? 0 : this.random.below(delayMsMax));
    }
  }

  /** What clients ask, or are answered, may be late. */
  slowClients(delayMsMax: number): void {
    for (const { relay } of this.clientLinks) {
      for (const direction of ['forth', 'back'] as const) {
        relay.delay(direction, this.random.below(10) < 6 ? 0 : this.random.below(delayMsMax));
      }
    }
  }

  /** Any link, also of clients and in either direction, may carry only so many bytes a second. */
  thinLinks(bytesPerSecond: number): void {
    for (const { relay } of this.links) {
      if (this.random.below(10) < 6) continue;
      relay.throttle(this.random.below(2) === 0 ? 'forth' : 'back', bytesPerSecond);
    }
  }

  /** All links fast. */
  calm(): void {
    for (const { relay } of this.links) {
      for (const direction of ['forth', 'back'] as const) {
        relay.delay(direction, 0);
        relay.throttle(direction, Infinity);
      }
    }
  }
}

const CLIENTS = ['raw clients', 'library clients'] as const;
