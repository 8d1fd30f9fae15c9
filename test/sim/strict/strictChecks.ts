/**
 * What has to hold in a simulated strict cluster at every moment, by looking into the replicas:
 *
 * - `promises`: an answer leaves when all that it promises is flushed.
 * - `versions`: a stamp has one origin and one value on all replicas and for ever, and an origin has one value and the
 *   updates of it.
 * - `majority`: P3. In each majority of members the latest version is no older than any completed write.
 */
import { unreachable } from '../../../src/core/assert.js';
import type { Rank } from '../../../src/core/rank.js';
import type { SectorIndex } from '../../../src/core/sector.js';
import { endOf, regionOf } from '../../../src/core/strict/range.js';
import type { ReplicaAnswer, ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import { compareStrictStamps, type StrictStamp } from '../../../src/core/strict/version.js';
import type { Value } from '../../linearizability/history.js';
import type { World } from '../world.js';
import { NOTE_ACTIVE, NOTE_LIMIT } from './replicaProgram.js';
import type { ReplicaMachine } from './replicaMachine.js';
import { describeWrite, isOfUpdate, nameIn } from './strictData.js';

interface SectorFacts {
  /** By stamp, as text. */
  readonly versions: Map<string, string>;
  readonly valueOfOrigin: Map<string, Value>;
  readonly originOfValue: Map<Value, StrictStamp>;
  /** The highest origin of a completed write. */
  completed: StrictStamp | null;
}

export class StrictChecks {
  private readonly facts = new Map<SectorIndex, SectorFacts>();

  constructor(
    private readonly world: World,
    private readonly machines: readonly ReplicaMachine[],
  ) {}

  onAnswer(machine: ReplicaMachine, request: ReplicaRequest, answer: ReplicaAnswer): void {
    // It promises nothing, and speaks of other sectors.
    if (answer.kind === 'listed') return;
    let sector = request.range.first;
    for (const run of answer.runs) {
      for (const end = sector + run.count; sector < end; sector += 1) {
        const flushed = machine.disk.flushedOf(sector).stamp;
        switch (answer.kind) {
          case 'state':
            if ('version' in run && run.version !== null) this.refuse(machine, sector, run.version.stamp, flushed);
            break;
          case 'ordered':
            if ('outcome' in run && run.outcome === 'granted' && request.kind === 'order') {
              this.refusePromise(machine, sector, request.stamp);
              this.refuseInactive(machine, sector);
            }
            break;
          case 'stored':
            if ('outcome' in run && run.outcome === 'stored' && 'stamp' in request) {
              this.refuse(machine, sector, request.stamp, flushed);
              this.refuseInactive(machine, sector);
            }
            break;
          default:
            unreachable(answer);
        }
      }
    }
    if (sector === endOf(request.range)) return;
    this.world.report('promises', `an answer of ${machine.name} has runs for ${sector - request.range.first} sectors`);
  }

  /** A copy is flushed. */
  onFlushed(rank: Rank, sector: SectorIndex): void {
    const { stamp, origin, data } = this.machines[rank - 1].disk.flushedOf(sector);
    const facts = this.factsOf(sector);
    const value = describeWrite(nameIn(data, 0));
    const version = `${value} of origin ${origin.counter}`;
    const key = textOf(stamp);
    const known = facts.versions.get(key);
    if (known === undefined) facts.versions.set(key, version);
    else if (known !== version) {
      this.world.report(
        'versions',
        `sector ${sector}: stamp ${stamp.counter} has two versions, ${known} and ${version} (process ${rank})`,
      );
    }
    // An update keeps the origin of what it has changed.
    if (!isOfUpdate(data)) this.checkOrigin(sector, facts, origin, value);
    this.checkMajority(sector);
  }

  /** A user has the answer to the write of that value. */
  onWritten(sector: SectorIndex, value: Value): void {
    const facts = this.factsOf(sector);
    const origin = facts.originOfValue.get(value);
    // Nobody has stored it: a newer write was settled instead, right behind it.
    if (origin === undefined) return;
    if (facts.completed === null || compareStrictStamps(origin, facts.completed) > 0) facts.completed = origin;
    this.checkMajority(sector);
  }

  /** P3. */
  checkMajority(sector: SectorIndex): void {
    const { completed } = this.factsOf(sector);
    if (completed === null) return;
    const members = this.machines.filter(({ isMember }) => isMember);
    for (const { rank, disk } of members) {
      const { stamp, origin } = disk.flushedOf(sector);
      if (compareStrictStamps(origin, completed) >= 0) continue;
      const below = members.filter((other) => compareStrictStamps(other.disk.flushedOf(sector).stamp, stamp) <= 0);
      if (below.length <= this.machines.length / 2) continue;
      const ranks = below.map((other) => other.rank).join(', ');
      const text = `sector ${sector}: a completed write is not the latest among ${ranks}, but what ${rank} holds`;
      this.world.report('majority', text);
    }
  }

  private checkOrigin(sector: SectorIndex, facts: SectorFacts, origin: StrictStamp, value: Value): void {
    const key = textOf(origin);
    const known = facts.valueOfOrigin.get(key);
    if (known === undefined) facts.valueOfOrigin.set(key, value);
    else if (known !== value) {
      this.world.report('versions', `sector ${sector}: one origin has two values, ${known} and ${value}`);
    }
    if (!facts.originOfValue.has(value)) facts.originOfValue.set(value, origin);
  }

  checkAll(): void {
    for (const sector of this.facts.keys()) this.checkMajority(sector);
  }

  private factsOf(sector: SectorIndex): SectorFacts {
    let facts = this.facts.get(sector);
    if (facts === undefined) {
      facts = { versions: new Map(), valueOfOrigin: new Map(), originOfValue: new Map(), completed: null };
      this.facts.set(sector, facts);
    }
    return facts;
  }

  private refuse({ name }: ReplicaMachine, sector: SectorIndex, told: StrictStamp, flushed: StrictStamp): void {
    if (compareStrictStamps(told, flushed) <= 0) return;
    this.world.report('promises', `${name} tells of a copy of sector ${sector} that is not flushed`);
  }

  /** The region is in the durable set before the first ORDER or STORE in it is answered. */
  private refuseInactive({ name, disk }: ReplicaMachine, sector: SectorIndex): void {
    if (disk.notes.has(`${NOTE_ACTIVE}${regionOf(sector)}`)) return;
    this.world.report('promises', `${name} answers for sector ${sector}, whose region is not active on its disk`);
  }

  /** A2: `limit` is at least the stamp, durably. */
  private refusePromise({ name, disk }: ReplicaMachine, sector: SectorIndex, stamp: StrictStamp): void {
    const limit = disk.notes.get(NOTE_LIMIT);
    if (limit !== undefined && BigInt(Buffer.from(limit).toString('utf8')) >= stamp.counter) return;
    this.world.report('promises', `${name} promises sector ${sector} above its durable limit`);
  }
}

const textOf = ({ counter, coordinator }: StrictStamp): string => `${counter} ${coordinator}`;
