/** Makes the faults of a plan happen, counts those that met something, and ends them all. */
import { unreachable } from '../../src/core/assert.js';
import type { Rank } from '../../src/core/rank.js';
import type { Dice } from '../helpers/seed.js';
import type { Counts } from './counts.js';
import type { Eavesdropper } from './eavesdropper.js';
import type { Host } from './endpoint.js';
import type { Network } from './network.js';
import type { Fault } from './fault.js';
import { describeFault, type PlannedFault } from './plan.js';
import type { Member } from './member.js';
import { FULL_RETRY_MS } from '../../config/limits.js';
import { DISK_PARTS, type SimulatedDisk } from '../store/simulatedDisk.js';
import { SimulatedProcess } from './simulatedProcess.js';
import type { SimulatedShard } from './simulatedShard.js';
import type { World } from './world.js';

export interface Victims {
  readonly world: World;
  readonly network: Network;
  readonly counts: Counts;
  readonly dice: Dice;
  /** In order of rank. */
  readonly processes: readonly Member[];
  readonly clients: readonly Host[];
  readonly eavesdropper: Eavesdropper;
}

/** A disk that is lost is soon filled again, if nothing holds it up. */
const REBUILD_MS = 150;
/** A process that has just begun is told by then what it is asked to hold, but not all there is. */
const REFUSED_MS = 100;

export class FaultInjector {
  /** Undo what lasts. */
  private readonly lasting = new Set<() => void>();
  /** Nothing goes wrong any more. */
  private isOver = false;

  constructor(private readonly victims: Victims) {}

  schedule(plan: readonly PlannedFault[]): void {
    const { world, counts } = this.victims;
    for (const planned of plan) {
      world.schedule(null, planned.atMs * 1_000, () => {
        world.trace.note('fault', planned.number, 0, () => describeFault(planned));
        counts.add(planned.fault.kind, this.inflict(planned.fault));
      });
    }
  }

  /** Ends every fault that lasts, and starts what is down. */
  heal(): void {
    this.isOver = true;
    for (const undo of [...this.lasting]) undo();
    for (const process of this.victims.processes) {
      process.boot();
    }
  }

  /** @returns how often it happened: 0 if there was nothing for it to happen to. */
  private inflict(fault: Fault): number {
    switch (fault.kind) {
      case 'kill':
      case 'powerLoss':
        return this.crash(fault);
      case 'diskLoss':
        return this.loseDisk(fault.rank, fault.downMs);
      case 'blackout':
        return this.blackOut(fault.ranks, fault.downMs);
      case 'stop':
        return this.stop(fault.rank, fault.downMs);
      case 'stall':
        return this.stall(fault.rank, 1, fault.ms);
      case 'longStall':
        return this.stall(fault.rank, fault.steps, fault.ms);
      case 'partition':
        return this.partition(fault);
      case 'isolation':
        return this.isolate(fault);
      case 'oneWayPartition':
        return this.cutOff([[this.process(fault.from), this.process(fault.to)]], fault.ms);
      case 'slowLink':
      case 'slowSender':
        return this.slowDown(fault);
      case 'halfWrite':
        return this.writeHalf(fault);
      case 'lossBehindFlush':
        return this.loseBehindFlush(fault);
      case 'severedPeers':
        return this.severPeers(fault);
      case 'replayedHello': {
        const { eavesdropper } = this.victims;
        return eavesdropper.replay(this.process(fault.from), this.process(fault.to)) ? 1 : 0;
      }
      case 'wrongList':
        return this.misconfigure(fault);
      case 'severedClient':
        return this.victims.network.sever(
          this.victims.clients[fault.client],
          this.process(fault.rank),
          fault.isToldByProcess ? 'told by process' : {},
        );
      case 'slowDisk':
      case 'fullDisk':
      case 'failedFlush':
      case 'failedRead':
      case 'rot':
        return this.spoilDisk(fault);
      default:
        return unreachable(fault);
    }
  }

  private process(rank: Rank): Member {
    return this.victims.processes[rank - 1];
  }

  /** Then, unless everything is healed by then. */
  private later(ms: number, action: () => void): void {
    this.victims.world.schedule(null, ms * 1_000, () => {
      if (!this.isOver) action();
    });
  }

  /** Until then, or until everything is healed. */
  private until(ms: number, undo: () => void): void {
    const once = (): void => {
      if (this.lasting.delete(once)) undo();
    };
    this.lasting.add(once);
    this.victims.world.schedule(null, ms * 1_000, once);
  }

  private crash({ kind, rank, steps, downMs }: Fault & { kind: 'kill' | 'powerLoss' }): number {
    const process = this.process(rank);
    if (!process.isUp) return 0;
    process.interruptAfter(steps, () => {
      this.end(process, kind, downMs);
    });
    return 1;
  }

  private end(process: Member, kind: 'kill' | 'powerLoss', downMs: number): void {
    if (kind === 'kill') process.kill();
    else process.losePower();
    this.victims.world.schedule(null, downMs * 1_000, () => {
      process.boot();
    });
  }

  private loseDisk(rank: Rank, downMs: number): number {
    const process = this.process(rank);
    if (!(process instanceof SimulatedProcess)) return 0;
    process.losePower();
    process.replaceDisk(this.someShards(process));
    this.victims.world.schedule(null, downMs * 1_000, () => {
      process.boot();
    });
    return 1;
  }

  /** Of a process with workers: all of them, or one alone, whose folder is gone. */
  private someShards({ shards }: SimulatedProcess): readonly SimulatedShard[] {
    const { dice } = this.victims;
    return shards.length === 1 || dice.below(3) > 0 ? shards : [dice.pick(shards)];
  }

  private blackOut(ranks: readonly Rank[], downMs: readonly number[]): number {
    const up = ranks.filter((rank) => this.process(rank).isUp);
    for (const rank of up) this.end(this.process(rank), 'powerLoss', downMs[ranks.indexOf(rank)]);
    return up.length > 1 ? 1 : 0;
  }

  private stop(rank: Rank, downMs: number): number {
    const process = this.process(rank);
    if (!process.isUp) return 0;
    process.stop(() => {
      this.victims.world.schedule(null, downMs * 1_000, () => {
        process.boot();
      });
    });
    return 1;
  }

  private stall(rank: Rank, steps: number, ms: number): number {
    const process = this.process(rank);
    if (!process.isUp) return 0;
    process.interruptAfter(steps, () => {
      process.stall(ms);
    });
    return 1;
  }

  private writeHalf(fault: Fault & { kind: 'halfWrite' }): number {
    const { rank, except, extraMs, killAfterMs, downMs, ms } = fault;
    const process = this.process(rank);
    if (!process.isUp) return 0;
    this.spoilDisk({ kind: 'slowDisk', rank, parts: DISK_PARTS, extraMs, ms: killAfterMs });
    this.slowDown({ kind: 'slowSender', from: rank, except, extraMs, ms: killAfterMs });
    this.victims.world.schedule(null, killAfterMs * 1_000, () => {
      if (process.isUp) this.end(process, 'kill', downMs);
      this.partition({ kind: 'partition', ranks: [except], cutsClients: true, ms });
      // Who wants something comes to it when it is back.
      const { processes, clients } = this.victims;
      const pairs = processes
        .filter((other) => other.rank !== rank && other.rank !== except)
        .flatMap((other) => clients.map((client): [Host, Host] => [client, other]));
      this.cutOff(pairs, ms);
    });
    return 1;
  }

  private loseBehindFlush(fault: Fault & { kind: 'lossBehindFlush' }): number {
    const { rank, lost, noRoom, lossAfterMs, extraMs, downMs } = fault;
    const process = this.process(rank);
    if (!(process instanceof SimulatedProcess)) return 0;
    if (!process.isUp || !this.process(lost).isUp) return 0;
    const { processes, clients } = this.victims;
    // What was refused is tried again when the disk is slow.
    const slowAfterMs = noRoom === 'here' ? FULL_RETRY_MS - 10 : 0;
    if (noRoom === 'here') this.leaveNoRoom(process, slowAfterMs - 50);
    this.later(slowAfterMs, () => {
      const slowMs = lossAfterMs + REBUILD_MS - slowAfterMs;
      this.spoilDisk({ kind: 'slowDisk', rank, parts: ['data'], extraMs, ms: slowMs });
    });
    const ms = lossAfterMs + extraMs;
    this.slowDown({ kind: 'slowSender', from: rank, except: lost, extraMs: 2 * ms, ms });
    const last = { kind: 'slowSender', from: lost, except: rank, extraMs: 2 * ms } as const;
    this.slowDown({ ...last, ms: lossAfterMs });
    const others = processes.filter((other) => other.rank !== rank && other.rank !== lost);
    this.cutOff(
      others.flatMap((other) => clients.map((client): [Host, Host] => [client, other])),
      ms,
    );
    this.later(lossAfterMs, () => {
      this.loseDisk(lost, downMs);
      if (noRoom === 'there') this.leaveNoRoom(this.process(lost), downMs + REFUSED_MS);
    });
    return 1;
  }

  /** For data that are not zeros. */
  private leaveNoRoom(process: Member, ms: number): void {
    if (!(process instanceof SimulatedProcess)) return;
    for (const disk of process.disks) disk.slotEnd = 0;
    this.until(ms, () => {
      for (const disk of process.disks) disk.slotEnd = Number.POSITIVE_INFINITY;
    });
  }

  private misconfigure({ rank, list, downMs, ms }: Fault & { kind: 'wrongList' }): number {
    const process = this.process(rank);
    if (!(process instanceof SimulatedProcess) || !process.isUp) return 0;
    process.list = list;
    this.end(process, 'kill', downMs);
    this.until(downMs + ms, () => {
      process.list = null;
      if (process.isUp) this.end(process, 'kill', 0);
    });
    return 1;
  }

  private severPeers({ a, b, isOneWay }: Fault & { kind: 'severedPeers' }): number {
    return this.victims.network.sever(this.process(a), this.process(b), {}, isOneWay);
  }

  private isolate(fault: Fault & { kind: 'isolation' }): number {
    const { network, clients, world } = this.victims;
    const { rank, client, cutAfterMs, clientMs, processMs, ms } = fault;
    world.schedule(null, cutAfterMs * 1_000, () => {
      network.sever(clients[client], this.process(rank), { clientMs, processMs });
    });
    return this.partition({ kind: 'partition', ranks: [rank], cutsClients: false, ms });
  }

  private partition({ ranks, cutsClients, ms }: Fault & { kind: 'partition' }): number {
    const { processes, clients } = this.victims;
    const inside = ranks.map((rank) => this.process(rank));
    const outside: Host[] = processes.filter((process) => !inside.includes(process));
    if (cutsClients) outside.push(...clients);
    const pairs = inside.flatMap((a) =>
      outside.flatMap((b): [Host, Host][] => [
        [a, b],
        [b, a],
      ]),
    );
    return this.cutOff(pairs, ms);
  }

  private cutOff(pairs: readonly (readonly [Host, Host])[], ms: number): number {
    const { network } = this.victims;
    for (const [from, to] of pairs) network.block(from, to);
    this.until(ms, () => {
      for (const [from, to] of pairs) network.unblock(from, to);
    });
    return pairs.length > 0 ? 1 : 0;
  }

  private slowDown(fault: Fault & { kind: 'slowLink' | 'slowSender' }): number {
    const { network, processes } = this.victims;
    const from = this.process(fault.from);
    const others =
      fault.kind === 'slowLink'
        ? [this.process(fault.to)]
        : processes.filter((process) => process !== from && process.rank !== fault.except);
    const bytesPerMs = fault.kind === 'slowLink' ? fault.bytesPerMs : 1_000_000;
    const extraUs = fault.extraMs * 1_000;
    const slowness = { extraUsMin: extraUs / 2, extraUsMax: extraUs, bytesPerMs };
    for (const to of others) network.slowDown(from, to, slowness);
    this.until(fault.ms, () => {
      for (const to of others) network.speedUp(from, to);
    });
    return others.length > 0 ? 1 : 0;
  }

  private spoilDisk(fault: Fault & { kind: 'slowDisk' | 'fullDisk' | 'failedFlush' | 'failedRead' | 'rot' }): number {
    const process = this.process(fault.rank);
    if (!(process instanceof SimulatedProcess)) return 0;
    const { disks } = process;
    const one = (): SimulatedDisk => (disks.length === 1 ? disks[0] : this.victims.dice.pick(disks));
    switch (fault.kind) {
      case 'slowDisk':
        for (const part of fault.parts) process.diskExtraMs.set(part, fault.extraMs);
        this.until(fault.ms, () => {
          for (const part of fault.parts) process.diskExtraMs.delete(part);
        });
        return 1;
      case 'fullDisk':
        for (const disk of disks) disk.noSpaceOneIn = fault.oneIn;
        this.until(fault.ms, () => {
          for (const disk of disks) disk.noSpaceOneIn = 0;
        });
        return 1;
      case 'failedFlush':
        process.mayBeDamaged = true;
        one().failFlush(new Error('EIO: the disk could not write'));
        return 1;
      case 'failedRead':
        process.mayBeDamaged = true;
        one().failNext('read', new Error('EIO: the disk could not read'));
        return 1;
      case 'rot': {
        const slots = disks.flatMap((disk) => disk.slotsInUse.map((slot) => ({ disk, slot })));
        if (slots.length === 0) return 0;
        process.mayBeDamaged = true;
        const { disk, slot } = slots[fault.choice % slots.length];
        disk.rot(slot);
        return 1;
      }
      default:
        return unreachable(fault);
    }
  }
}
