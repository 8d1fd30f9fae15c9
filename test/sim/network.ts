/**
 * The network of a simulated cluster: connections that are slow, stuck, lost on one side or on both, and hosts whose
 * system answers for programs that are dead.
 *
 * What is modelled of TCP is what programs can see: bytes in order, whole or not at all; the other side's end (FIN) and
 * reset (RST); that nothing is heard of a host without power, or behind a cut cable, until keep-alive gives up; that a
 * system resets connections that it does not know.
 */
import { Observable } from 'rxjs';
import type { Dice } from '../helpers/seed.js';
import { connectedPair, type Endpoint, type EndpointNetwork, type Host } from './endpoint.js';
import { RESEND_US } from './pipe.js';
import type { Actor } from './actor.js';
import type { World } from './world.js';

export interface Slowness {
  readonly extraUsMin: number;
  readonly extraUsMax: number;
  readonly bytesPerMs: number;
}

export interface NetworkHooks {
  /** A program hands over one whole message. */
  readonly onMessage: (endpoint: Endpoint, message: Uint8Array) => void;
}

/**
 * How the sides of a client's connection notice that it is lost: the process does, and tells the client; or each does
 * by itself, after so long, or when keep-alive does.
 */
export type ClientNotice = 'told by process' | { readonly clientMs?: number; readonly processMs?: number };

/** Both sides of a connection. */
interface Link {
  readonly dialled: Endpoint;
  readonly accepted: Endpoint;
  /** The network has lost it: neither side hears of the other again. */
  isSevered: boolean;
}

const DELAY_US_MIN = 20;
const DELAY_US_END = 180;
/** Keep-alive notices a dead connection after 15 to 25 seconds: src/shell/tcpConnection.ts. */
export const KEEP_ALIVE_MS_MIN = 15_000;
export const KEEP_ALIVE_MS_END = 25_000;
/** A system repeats a connection request after about this. */
const DIAL_AGAIN_US = 1_000_000;

export class Network implements EndpointNetwork {
  readonly hosts = new Map<string, Host>();
  private readonly links = new Set<Link>();
  private readonly linkOf = new WeakMap<Endpoint, Link>();
  /** How many faults block a direction. */
  private readonly blocked = new Map<string, number>();
  private readonly slow = new Map<string, Slowness>();
  private waiting: (() => void)[] = [];

  constructor(
    readonly world: World,
    readonly dice: Dice,
    private readonly hooks: NetworkHooks,
  ) {}

  // What programs do.

  /** Tries once to open a connection; fails after `timeoutMs` if nothing answers, if given. */
  dial(from: Host, to: Host, timeoutMs?: number): Observable<Endpoint> {
    return new Observable((subscriber) => {
      const { actor } = from;
      const attempt = (): void => {
        if (subscriber.closed) return;
        if (this.isBlocked(from, to) || this.isBlocked(to, from) || !to.isPowered) {
          this.world.schedule(actor, DIAL_AGAIN_US, attempt);
        } else if (to.listener === null) {
          subscriber.error(new Error(`${to.name} refuses the connection`));
        } else {
          subscriber.next(this.open(from, to));
          subscriber.complete();
        }
      };
      this.world.schedule(actor, this.delayUs(from, to, 0, this.dice) * 2, attempt);
      if (timeoutMs === undefined) return;
      this.world.schedule(actor, timeoutMs * 1_000, () => {
        subscriber.error(new Error(`no connection to ${to.name} within ${timeoutMs} ms`));
      });
    });
  }

  private open(from: Host, to: Host): Endpoint {
    const listening = { host: to, actor: to.actor };
    const pair = connectedPair(this, { host: from, actor: from.actor }, listening, this.dice);
    const link = { ...pair, isSevered: false };
    this.links.add(link);
    this.linkOf.set(pair.dialled, link);
    this.linkOf.set(pair.accepted, link);
    this.world.trace.note('connect', 0, 0, () => `${from.name} to ${to.name}`);
    this.world.schedule(to.actor, 0, () => {
      if (to.listener === null) this.reset(pair.accepted);
      else to.listener(pair.accepted);
    });
    return pair.dialled;
  }

  onMessage(endpoint: Endpoint, message: Uint8Array): void {
    this.hooks.onMessage(endpoint, message);
  }

  /** Something was sent: to a side that is gone, its system answers. */
  onSent(endpoint: Endpoint): void {
    if (endpoint.other.isClosed) this.probe(endpoint);
  }

  onClosed(endpoint: Endpoint): void {
    const link = this.linkOf.get(endpoint);
    if (link !== undefined && link.dialled.isClosed && link.accepted.isClosed) {
      this.links.delete(link);
    }
  }

  /** A side lets go: the system sends what it has and the end, or a reset. */
  reset(endpoint: Endpoint): void {
    const { other, outgoing } = endpoint;
    if (this.linkOf.get(endpoint)?.isSevered === true) return;
    if (this.dice.below(2) === 0) {
      outgoing.send(null);
      return;
    }
    outgoing.loseTail();
    this.tell(endpoint.host, other, outgoing.drainedAtUs - this.world.nowUs);
  }

  /** The other side's system says that it knows nothing of the connection. */
  private tell(from: Host, to: Endpoint, afterUs: number): void {
    const delayUs = afterUs + this.delayUs(from, to.host, 0, this.dice);
    const arrive = (): void => {
      if (this.isBlocked(from, to.host)) this.waitForUnblock(arrive);
      else to.onBroken(true);
    };
    this.world.schedule(to.actor, delayUs, arrive);
  }

  /** Sends to a side that is gone: a reset comes back once its host can be reached. */
  private probe(endpoint: Endpoint): void {
    if (this.linkOf.get(endpoint)?.isSevered === true) return;
    const { host, other } = endpoint;
    const attempt = (): void => {
      if (endpoint.isClosed) return;
      const isCutOff = this.isBlocked(host, other.host) || this.isBlocked(other.host, host);
      if (other.host.isPowered && !isCutOff) endpoint.onBroken(true);
      else this.world.schedule(endpoint.actor, RESEND_US, attempt);
    };
    this.world.schedule(endpoint.actor, this.delayUs(host, other.host, 0, this.dice) * 2, attempt);
  }

  // What happens to hosts and connections.

  /** The program has ended; its system closes its connections. */
  programEnded(actor: Actor): void {
    for (const endpoint of this.endpointsOf(actor)) {
      endpoint.isClosed = true;
      endpoint.incoming.cut();
      this.reset(endpoint);
      this.onClosed(endpoint);
    }
  }

  /** The host has no power: nobody is told. */
  powerLost(actor: Actor): void {
    for (const endpoint of this.endpointsOf(actor)) {
      endpoint.isClosed = true;
      endpoint.incoming.cut();
      endpoint.outgoing.loseTail();
      this.keepAlive(endpoint.other);
      this.onClosed(endpoint);
    }
  }

  /** A side that hears nothing asks, in the end; what then answers is the system of the other. */
  private keepAlive(endpoint: Endpoint, afterMs = this.dice.between(KEEP_ALIVE_MS_MIN, KEEP_ALIVE_MS_END)): void {
    this.world.schedule(endpoint.actor, afterMs * 1_000, () => {
      const { host, other } = endpoint;
      const isSevered = this.linkOf.get(endpoint)?.isSevered === true;
      const isCutOff = this.isBlocked(host, other.host) || this.isBlocked(other.host, host);
      endpoint.onBroken(!isSevered && !isCutOff && other.host.isPowered);
    });
  }

  /**
   * The network loses the connections between two hosts. Either side may notice soon, or only when keep-alive does.
   * With a client at one end, the process notices first and then tells it, or nobody is told anything: what an
   * intermediary makes up is not modelled (docs/adr/0006-client-resubmission.md: there must be none that resets one
   * side alone).
   * @param isOneWay Those that `a` dialled only.
   * @returns how many there were.
   */
  sever(a: Host, b: Host, notice: ClientNotice, isOneWay = false): number {
    let count = 0;
    for (const link of [...this.links]) {
      const { dialled, accepted } = link;
      const isBetween =
        (dialled.host === a && accepted.host === b) || (!isOneWay && dialled.host === b && accepted.host === a);
      if (!isBetween || link.isSevered) continue;
      count += 1;
      link.isSevered = true;
      for (const pipe of [dialled.outgoing, accepted.outgoing]) {
        pipe.loseTail();
        this.world.schedule(null, pipe.drainedAtUs - this.world.nowUs, () => {
          pipe.cut();
        });
      }
      if (dialled.host.rank === 0) this.severClient(dialled, accepted, notice);
      else for (const side of [dialled, accepted]) this.noticeSometime(side);
    }
    return count;
  }

  private noticeSometime(side: Endpoint): void {
    if (this.dice.below(5) === 0) this.keepAlive(side);
    else {
      this.world.schedule(side.actor, this.dice.below(400_000), () => {
        side.onBroken(false);
      });
    }
  }

  private severClient(client: Endpoint, process: Endpoint, notice: ClientNotice): void {
    if (notice !== 'told by process') {
      this.keepAlive(client, notice.clientMs);
      this.keepAlive(process, notice.processMs);
      return;
    }
    this.keepAlive(client);
    this.world.schedule(process.actor, this.dice.below(50_000), () => {
      process.onBroken(false);
      this.tell(process.host, client, 0);
    });
  }

  /** Nothing from the one arrives at the other until as many `unblock` have come; it waits. */
  block(from: Host, to: Host): void {
    const key = keyOf(from, to);
    this.blocked.set(key, (this.blocked.get(key) ?? 0) + 1);
  }

  isBlocked(from: Host, to: Host): boolean {
    return this.blocked.size > 0 && this.blocked.has(keyOf(from, to));
  }

  unblock(from: Host, to: Host): void {
    const key = keyOf(from, to);
    const count = (this.blocked.get(key) ?? 0) - 1;
    if (count > 0) {
      this.blocked.set(key, count);
      return;
    }
    this.blocked.delete(key);
    const again = this.waiting;
    this.waiting = [];
    for (const retry of again) this.world.schedule(null, this.dice.below(RESEND_US), retry);
  }

  waitForUnblock(retry: () => void): void {
    this.waiting.push(retry);
  }

  slowDown(from: Host, to: Host, slowness: Slowness): void {
    this.slow.set(keyOf(from, to), slowness);
  }

  speedUp(from: Host, to: Host): void {
    this.slow.delete(keyOf(from, to));
  }

  delayUs(from: Host, to: Host, sizeBytes: number, dice: Dice): number {
    const baseUs = dice.between(DELAY_US_MIN, DELAY_US_END);
    const slowness = this.slow.size === 0 ? undefined : this.slow.get(keyOf(from, to));
    if (slowness === undefined) return baseUs;
    const { extraUsMin, extraUsMax, bytesPerMs } = slowness;
    const sizeUs = Math.floor((sizeBytes * 1_000) / bytesPerMs);
    return baseUs + dice.between(extraUsMin, extraUsMax) + sizeUs;
  }

  private endpointsOf(actor: Actor): Endpoint[] {
    const endpoints: Endpoint[] = [];
    for (const { dialled, accepted } of this.links) {
      if (dialled.actor === actor && !dialled.isClosed) endpoints.push(dialled);
      if (accepted.actor === actor && !accepted.isClosed) endpoints.push(accepted);
    }
    return endpoints;
  }
}

function keyOf(from: Host, to: Host): string {
  return `${from.name}>${to.name}`;
}
