/**
 * A network between the processes of a cluster that can be made slow, link by link and direction by
 * direction: a small proxy for every ordered pair of processes. On loopback all messages arrive at
 * once, and most of what can go wrong between the first and the last of them never shows.
 */
import net from 'node:net';
import type { ExecutionContext } from 'ava';
import { Cluster } from './cluster.js';
import { freeAddresses } from './ports.js';
import type { Address } from './rawClient.js';
import type { Dice } from './seed.js';

class SlowLink {
  /** What is sent from now on arrives this much later; never before what was sent earlier. */
  delayMs = 0;
  /** Whether what is on its way is lost when the sender dies; null: now so, now so. */
  losesWithSender: boolean | null = null;
  private readonly sockets = new Set<net.Socket>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly server: net.Server;

  constructor(
    readonly from: number,
    readonly to: number,
    private readonly destination: Address,
    private readonly random: Dice,
  ) {
    this.server = net.createServer({ noDelay: true }, (incoming) => {
      this.carry(incoming);
    });
  }

  async listen({ host, port }: Address): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host, port }, resolve);
    });
  }

  async close(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer);
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private carry(incoming: net.Socket): void {
    const outgoing = net.connect({ ...this.destination, noDelay: true });
    this.sockets.add(incoming).add(outgoing);
    let latestArrival = 0;
    const arriveLate = (action: () => void): void => {
      latestArrival = Math.max(latestArrival, performance.now() + this.delayMs);
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        action();
      }, latestArrival - performance.now());
      this.timers.add(timer);
    };
    incoming.on('data', (chunk) => {
      arriveLate(() => outgoing.write(chunk));
    });
    outgoing.pipe(incoming);
    for (const socket of [incoming, outgoing]) {
      socket.on('error', () => {
        // 'close' follows.
      });
    }
    incoming.on('close', () => {
      this.sockets.delete(incoming);
      // What was on its way when the sender died arrives, or is lost with it.
      if (this.losesWithSender ?? this.random.below(2) === 0) outgoing.destroy();
      else arriveLate(() => outgoing.end());
    });
    outgoing.on('close', () => {
      this.sockets.delete(outgoing);
      incoming.destroy();
    });
  }
}

/** A cluster of real processes whose links can be made slow. */
export async function startOnBadNetwork(
  t: ExecutionContext,
  processCount: number,
  random: Dice,
): Promise<{ cluster: Cluster; network: BadNetwork }> {
  const created: { network?: BadNetwork } = {};
  const cluster = await Cluster.start(t, {
    processCount,
    network: async (addresses) => (created.network = await BadNetwork.create(t, addresses, random)),
  });
  if (created.network === undefined) throw new Error('the cluster has no network');
  return { cluster, network: created.network };
}

export class BadNetwork {
  static async create(
    t: ExecutionContext,
    addresses: readonly Address[],
    random: Dice,
  ): Promise<BadNetwork> {
    const links: SlowLink[] = [];
    const entrances = new Map<SlowLink, Address>();
    t.teardown(() => Promise.all(links.map((link) => link.close())));
    for (const from of addresses.keys()) {
      for (const [to, destination] of addresses.entries()) {
        if (from === to) continue;
        const link = new SlowLink(from + 1, to + 1, destination, random);
        const [entrance] = await freeAddresses(1);
        await link.listen(entrance);
        links.push(link);
        entrances.set(link, entrance);
      }
    }
    return new BadNetwork(addresses, links, entrances, random);
  }

  private constructor(
    private readonly addresses: readonly Address[],
    private readonly links: readonly SlowLink[],
    private readonly entrances: ReadonlyMap<SlowLink, Address>,
    private readonly random: Dice,
  ) {}

  /** For the configuration of process `rank`: itself as it is, the others through this network. */
  addressesSeenBy(rank: number): readonly Address[] {
    return this.addresses.map((address, index) => {
      const link = this.links.find(({ from, to }) => from === rank && to === index + 1);
      return link === undefined ? address : (this.entrances.get(link) ?? address);
    });
  }

  /**
   * One process is heard late by all others but, perhaps, one; everything else is fast. For
   * a while its newest values are known to a minority, and lost if it dies: what reads must not be
   * misled by.
   */
  slowSender(delayMsMax: number): void {
    const sender = 1 + this.random.below(this.addresses.length);
    const listener = 1 + this.random.below(this.addresses.length);
    for (const link of this.links) {
      const isSlow = link.from === sender && link.to !== listener;
      link.delayMs = isSlow ? this.random.between(delayMsMax / 2, delayMsMax) : 0;
    }
  }

  /** What `sender` sends to those listeners arrives this much later. */
  delay(
    sender: number,
    listeners: readonly number[],
    delayMs: number,
    { losesWithSender = null }: { losesWithSender?: boolean | null } = {},
  ): void {
    for (const link of this.links) {
      if (link.from !== sender || !listeners.includes(link.to)) continue;
      link.delayMs = delayMs;
      link.losesWithSender = losesWithSender;
    }
  }

  /** Any link may be slow. */
  slowLinks(delayMsMax: number): void {
    for (const link of this.links) {
      link.delayMs = this.random.below(10) < 6 ? 0 : this.random.below(delayMsMax);
    }
  }

  /** All links fast. */
  calm(): void {
    for (const link of this.links) link.delayMs = 0;
  }
}
