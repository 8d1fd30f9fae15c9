/**
 * The machine of a simulated replica: its disk, its program boot after boot, and how it joins again when its disk was
 * lost (docs/strict-register.md, E1 to E4).
 */
import type { Rank } from '../../../src/core/rank.js';
import { regionOf } from '../../../src/core/strict/range.js';
import type { SectorIndex } from '../../../src/core/sector.js';
import type { Incarnations, ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import {
  compareStrictStamps,
  laterOf,
  STRICT_STAMP_INITIAL,
  type StrictStamp,
} from '../../../src/core/strict/version.js';
import type { Dice } from '../../helpers/seed.js';
import type { Actor } from '../actor.js';
import type { Counts } from '../counts.js';
import { Machine } from '../machine.js';
import { schedulersOf } from '../schedulers.js';
import type { Scheduled, World } from '../world.js';
import type { Answer, Connection, Server } from './connection.js';
import type { Paths } from './paths.js';
import { NOTE_ACTIVE, NOTE_LIMIT, type ReplicaProgram } from './replicaProgram.js';
import { StreamReplica } from './streamReplica.js';
import { StrictDisk, StrictDiskNotes, StrictDiskStore } from './strictDisk.js';

/** What machines have in common. */
export interface ReplicaSurroundings {
  readonly world: World;
  readonly paths: Paths;
  readonly counts: Counts;
  readonly dice: (part: string) => Dice;
  readonly sectors: number;
  readonly processCount: number;
  readonly machineOf: (rank: Rank) => ReplicaMachine;
  readonly onFlushed: (rank: Rank, sector: SectorIndex) => void;
  /** An answer leaves, or would: told before anything else happens. */
  readonly onAnswer: (machine: ReplicaMachine, request: ReplicaRequest, answer: Parameters<Answer>[0]) => void;
}

const JOIN_RETRY_US = 30_000;
const JOIN_PATIENCE_US = 1_000_000;
const NOTE_KNOWN = 'known';

export class ReplicaMachine extends Machine implements Server {
  disk: StrictDisk;
  /** E1: false until it has what the others have. */
  isMember = true;
  program: ReplicaProgram | null = null;
  private store: StrictDiskStore | null = null;
  private notes: StrictDiskNotes | null = null;
  private bootCount = 0;
  private restart: Scheduled | null = null;
  private readonly connections = new Set<Connection>();
  private readonly random: Dice;

  constructor(
    rank: Rank,
    private readonly around: ReplicaSurroundings,
  ) {
    super(around.world, `process ${rank}`, rank);
    this.random = around.dice(`replica ${rank}`);
    this.disk = this.newDisk();
    this.keepKnown(this.initialKnown());
  }

  get isListening(): boolean {
    return !this.actor.isDead;
  }

  /** The incarnations that it knows, durably. */
  get known(): Incarnations {
    const note = this.disk.notes.get(NOTE_KNOWN);
    return note === undefined ? this.initialKnown() : [...note];
  }

  get highestFlushed(): StrictStamp {
    let highest = STRICT_STAMP_INITIAL;
    for (const { stamp } of this.disk.copies.values()) highest = laterOf(highest, stamp);
    return highest;
  }

  boot(): void {
    this.restart?.cancel();
    this.restart = null;
    if (!this.actor.isDead) return;
    this.bootCount += 1;
    const actor = this.begin(this.bootCount);
    this.store = new StrictDiskStore(this.disk, this.world, actor);
    this.notes = new StrictDiskNotes(this.disk, actor);
    this.program = this.newProgram(actor);
    this.world.trace.note('boot', this.rank, this.bootCount, () => actor.name);
    if (!this.isMember) this.join();
  }

  /** The program ends at once. @param downMs Until it is started again; null: it is not. */
  kill(downMs: number | null): void {
    if (!this.actor.isDead) {
      this.world.trace.note('kill', this.rank, this.bootCount, () => this.actor.name);
      this.actor.isDead = true;
      this.disk.crash();
      for (const connection of [...this.connections]) connection.break();
      this.connections.clear();
      this.program = null;
    }
    if (downMs === null || this.restart !== null) return;
    this.restart = this.world.schedule(null, downMs * 1_000, () => {
      this.restart = null;
      this.boot();
    });
  }

  /** E1: the machine gets an empty disk, and an incarnation above all that anybody has told of. */
  loseDisk(downMs: number): void {
    this.kill(downMs);
    const incarnation = 1 + Math.max(...this.ranks.map((rank) => this.around.machineOf(rank).known[this.rank - 1]));
    this.disk = this.newDisk();
    const known = [...this.initialKnown()];
    known[this.rank - 1] = incarnation;
    this.keepKnown(known);
    this.isMember = false;
    this.world.trace.note('loss', this.rank, incarnation, () => `${this.name} has a new disk`);
  }

  accepted(connection: Connection): void {
    this.connections.add(connection);
  }

  ended(connection: Connection): void {
    this.connections.delete(connection);
    this.program?.ended(connection);
  }

  handle(connection: Connection, request: ReplicaRequest, answer: Answer): void {
    const { actor, program } = this;
    if (program === null || !this.mayAnswer()) return;
    if (!this.step(actor)) return;
    program.handle(connection, request, (answered) => {
      if (!this.mayAnswer() || !this.step(actor)) return;
      this.world.trace.note('answer', this.rank, request.range.first, () => `${this.name}: ${answered.kind}`);
      this.around.onAnswer(this, request, answered);
      answer(answered, this.known);
    });
  }

  private newProgram(actor: Actor): ReplicaProgram {
    if (this.store === null || this.notes === null) throw new Error(`${this.name} has no store`);
    return new StreamReplica({
      self: this.rank,
      sectors: this.around.sectors,
      store: this.store,
      notes: this.notes,
      schedulers: schedulersOf(this.world, actor, this.random, this.random.below(1_000)),
      isMember: () => this.mayAnswer(),
      failed: (error) => {
        this.world.report('assertion', `${actor.name} has failed: ${String(error)}`);
      },
    });
  }

  /** E1: nothing at all until it is a member. */
  private mayAnswer(): boolean {
    return this.isMember;
  }

  private get ranks(): Rank[] {
    return Array.from({ length: this.around.processCount }, (_, index) => index + 1);
  }

  private initialKnown(): Incarnations {
    return Array.from({ length: this.around.processCount }, () => 1);
  }

  private keepKnown(known: Incarnations): void {
    this.disk.notes.set(NOTE_KNOWN, Uint8Array.from(known));
  }

  private newDisk(): StrictDisk {
    const { around, rank } = this;
    return new StrictDisk(rank, around.world, around.dice(`disk ${rank}`), around.onFlushed);
  }

  /** E2, E3. */
  private join(): void {
    const listed = new Set<Rank>();
    const needed = Math.ceil(this.around.processCount / 2);
    const { actor } = this;
    const askNext = (): void => {
      const others = this.ranks.filter((rank) => rank !== this.rank && !listed.has(rank));
      const other = this.around.machineOf(this.random.pick(others));
      const { paths } = this.around;
      const isReachable = !paths.isSilent(this.rank, other.rank) && !paths.isSilent(other.rank, this.rank);
      if (!isReachable || !other.isListening || !other.isMember) {
        this.world.schedule(actor, JOIN_RETRY_US, askNext);
        return;
      }
      // The other one may die before it has answered.
      let isLate = false;
      const patience = this.world.schedule(actor, JOIN_PATIENCE_US, () => {
        isLate = true;
        askNext();
      });
      this.listFrom(other, () => {
        if (isLate) return;
        patience.cancel();
        listed.add(other.rank);
        if (listed.size < needed) askNext();
        else this.becomeMember();
      });
    };
    askNext();
  }

  /** The other one notes the incarnation durably, and then lists. */
  private listFrom(other: ReplicaMachine, done: () => void): void {
    const { world, paths } = this.around;
    world.schedule(other.actor, paths.delayUs(this.rank, other.rank), () => {
      const known = [...other.known];
      known[this.rank - 1] = Math.max(known[this.rank - 1], this.known[this.rank - 1]);
      const note$ = other.notes?.put(new Map([[NOTE_KNOWN, Uint8Array.from(known)]]));
      note$?.subscribe({
        complete: () => {
          const list = other.list();
          world.schedule(this.actor, paths.delayUs(other.rank, this.rank), () => {
            this.takeIn(list, other.known);
            done();
          });
        },
      });
    });
  }

  private list(): Listed[] {
    const { disk, program } = this;
    return Array.from({ length: this.around.sectors }, (_, sector) => {
      const promised = program?.promisedOf(sector) ?? STRICT_STAMP_INITIAL;
      return { sector, copy: disk.flushedOf(sector), promised };
    }).filter(({ copy, promised }) => laterOf(copy.stamp, promised).counter > 0n);
  }

  /** The copies are flushed before it is a member, because it is silent meanwhile: here at once. */
  private takeIn(list: readonly Listed[], known: Incarnations): void {
    for (const { sector, copy, promised } of list) {
      if (compareStrictStamps(copy.stamp, this.disk.flushedOf(sector).stamp) > 0) this.disk.keep(sector, copy);
      this.taken.set(sector, laterOf(promised, this.taken.get(sector) ?? STRICT_STAMP_INITIAL));
    }
    this.keepKnown(this.known.map((own, index) => Math.max(own, known[index])));
  }

  private readonly taken = new Map<SectorIndex, StrictStamp>();

  /** E3. A new program sees what was taken in. */
  private becomeMember(): void {
    let highest = this.highestFlushed;
    for (const stamp of this.taken.values()) highest = laterOf(highest, stamp);
    // E2: a limit above all that is listed, which is the floor of the new program everywhere.
    this.disk.notes.set(NOTE_LIMIT, Buffer.from(String(highest.counter + 1n)));
    for (let region = 0; region <= regionOf(this.around.sectors - 1); region += 1) {
      this.disk.notes.set(`${NOTE_ACTIVE}${region}`, new Uint8Array(0));
    }
    this.isMember = true;
    this.taken.clear();
    this.around.counts.add('disks taken in');
    this.kill(null);
    this.boot();
  }
}

interface Listed {
  readonly sector: SectorIndex;
  readonly copy: ReturnType<StrictDisk['flushedOf']>;
  readonly promised: StrictStamp;
}
