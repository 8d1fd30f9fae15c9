/**
 * Whole runs of a replica over a slow store that crashes or stops at any instant. No answer leaves before what it
 * promises is durable, and the next run keeps every promise.
 */
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { Subscription } from 'rxjs';
import { Subject, VirtualAction, VirtualTimeScheduler } from 'rxjs';
import type { SectorRange } from '../../src/core/strict/range.js';
import { REGION_SECTORS, regionOf } from '../../src/core/strict/range.js';
import type { ReplicaAnswer, ReplicaRequest } from '../../src/core/strict/replicaMessage.js';
import type { StrictStamp } from '../../src/core/strict/version.js';
import { STRICT_STAMP_INITIAL, compareStrictStamps, laterOf } from '../../src/core/strict/version.js';
import type { ReplicaState } from '../../streams/pipelines/replica/replicaState.js';
import { newReplicaState } from '../../streams/pipelines/replica/replicaState.js';
import { replica } from '../../streams/pipelines/replica/replica.js';
import type { RequestFrom } from '../../streams/replicaRegisters.js';
import type { Dice } from '../helpers/seed.js';
import { chooseSeed, dice, seedOf } from '../helpers/seed.js';
import type { FakeCopy } from './strictFakes.js';
import { COORDINATORS, FakeNotes, FakeStrictStore, sectorsOf, strictStamp, taking } from './strictFakes.js';

const REGIONS = 5;
const REGIONS_MAX = 3;
const SECTORS = REGIONS * REGION_SECTORS;
const REQUESTS = 60;
const SWEEP_MS = 40;

interface Origin {
  readonly connection: object;
  /** Called with the answer. */
  readonly answered?: ((answer: ReplicaAnswer | null) => void) | undefined;
}

/** What has to outlive the crashes: the disk, and what clients have been told. */
interface World {
  copies: ReadonlyMap<number, FakeCopy>;
  notes: ReadonlyMap<string, Uint8Array>;
  counter: number;
  /** Of each sector, the highest stamp that was granted or stored. */
  readonly promised: Map<number, StrictStamp>;
  /** Sectors that were stored, with the stamp, and were not concluded. */
  readonly unconcluded: Map<number, StrictStamp>;
}

function newWorld(): World {
  return { copies: new Map(), notes: new Map(), counter: 0, promised: new Map(), unconcluded: new Map() };
}

class Run {
  readonly clock = new VirtualTimeScheduler(VirtualAction);
  readonly store: FakeStrictStore;
  readonly notes: FakeNotes;
  readonly state: ReplicaState<object>;
  readonly #request$ = new Subject<RequestFrom<Origin>>();
  readonly #subscription: Subscription;
  readonly #connection = {};
  asked = 0;
  answered = 0;
  withResult = 0;
  isMember = true;

  constructor(
    private readonly t: ExecutionContext,
    private readonly world: World,
    private readonly random: Dice,
  ) {
    const { clock } = this;
    this.store = new FakeStrictStore(
      taking(clock, () => random.below(12)),
      world.copies,
    );
    this.store.isFull = () => random.chance(5);
    this.notes = new FakeNotes(
      taking(clock, () => 1 + random.below(12)),
      world.notes,
    );
    const schedulers = { clock, turn: clock };
    const { store, notes } = this;
    const limits = { activeRegions: REGIONS_MAX, promises: 8 };
    this.state = newReplicaState({ self: 1, sectors: SECTORS, store, notes, schedulers, limits });
    const isMember = (): boolean => this.isMember;
    this.#subscription = this.#request$
      .pipe(replica({ store, schedulers, state: this.state, isMember, sweepMs: SWEEP_MS }))
      .subscribe(({ value, result }) => {
        this.answered += 1;
        if (result !== null) this.withResult += 1;
        this.#judge(value.request, result);
        value.origin.answered?.(result);
      });
  }

  ask(request: ReplicaRequest, answered?: Origin['answered']): void {
    this.asked += 1;
    this.#request$.next({ origin: { connection: this.#connection, answered }, request });
  }

  draw(): StrictStamp {
    return strictStamp((this.world.counter += 1), this.random.below(COORDINATORS.length));
  }

  /** Heals what is found, as a healer would: it settles, and says CONCLUDED. */
  heal(): void {
    const healing = this.state.regions.takeHealing(() => true);
    if (healing === null) return;
    const { range } = healing;
    const settle = (tries: number): void => {
      const stamp = this.draw();
      this.ask({ kind: 'order', range, stamp, wants: 'nothing' }, () => {
        this.ask({ kind: 'store', range, stamp, origin: stamp, data: 'zeros' }, (answer) => {
          const isStored = answer?.kind === 'stored' && answer.runs.every(({ outcome }) => outcome === 'stored');
          if (!isStored && tries > 0) settle(tries - 1);
          else if (isStored) {
            this.ask({ kind: 'concluded', range, stamp, lacking: [] });
            this.state.regions.healed(healing, []);
          } else this.state.regions.notHealed(healing);
          this.state.regionNotes.changed(regionOf(range.first));
        });
      });
    };
    settle(9);
  }

  /** No more time passes: the power is cut. */
  crash(): void {
    this.#subscription.unsubscribe();
    this.world.copies = this.store.crash(() => this.random.chance(50));
    this.world.notes = this.notes.crash(this.random.chance(50));
  }

  stop(): void {
    const { promises, regionNotes } = this.state;
    regionNotes.stop(promises.openRegions()).subscribe();
    this.clock.maxFrames = this.clock.frame + 200;
    this.clock.flush();
    this.#subscription.unsubscribe();
    this.world.copies = this.store.copies;
    this.world.notes = this.notes.durable;
  }

  /** At the instant of the answer: is what it says on the disk? */
  #judge(request: ReplicaRequest, answer: ReplicaAnswer | null): void {
    const { world } = this;
    if (request.kind === 'concluded') {
      for (const sector of sectorsOf(request.range)) {
        const open = world.unconcluded.get(sector);
        if (open !== undefined && compareStrictStamps(open, request.stamp) <= 0) world.unconcluded.delete(sector);
      }
      return;
    }
    if (request.kind === 'list' || answer === null || answer.kind === 'listed') return;
    let sector = request.range.first;
    for (const run of answer.runs) {
      const range = { first: sector, count: run.count };
      sector += run.count;
      if (!('outcome' in run) || request.kind === 'query') continue;
      if (run.outcome === 'refused') world.counter = Math.max(world.counter, Number(run.promised.counter));
      if (run.outcome === 'granted') this.#judgeGranted(range, request.stamp);
      if (run.outcome === 'stored') this.#judgeStored(range, request);
    }
  }

  #judgeGranted(range: SectorRange, stamp: StrictStamp): void {
    const limit = BigInt(Buffer.from(this.notes.durable.get('strict-limit') ?? []).toString());
    this.t.true(limit > stamp.counter, 'the limit is durable before the promise');
    this.#judgeRegion(range);
    for (const at of sectorsOf(range)) this.#promise(at, stamp);
  }

  #judgeStored(range: SectorRange, { kind, stamp }: ReplicaRequest & { kind: 'order' | 'store' | 'learn' }): void {
    this.#judgeRegion(range);
    for (const at of sectorsOf(range)) {
      const own = this.store.versionOf(at).stamp;
      if (compareStrictStamps(own, stamp) < 0) this.t.fail(`${kind} of sector ${at} answered before its flush`);
      // What is learnt is on a majority.
      if (kind === 'learn' && compareStrictStamps(own, stamp) === 0) this.world.unconcluded.delete(at);
      if (kind !== 'store') continue;
      this.#promise(at, stamp);
      if (compareStrictStamps(own, stamp) === 0) this.world.unconcluded.set(at, stamp);
    }
  }

  #judgeRegion({ first }: SectorRange): void {
    const region = regionOf(first);
    if (!this.notes.durable.has(`strict-active-${region}`)) this.t.fail(`region ${region} is not in the durable set`);
    const stopped = this.notes.durable.get('strict-stopped');
    if (stopped === undefined) return;
    // What was under way at an orderly stop may still be answered, if the next start has the floor there.
    const { promised } = JSON.parse(Buffer.from(stopped).toString()) as { promised: number[] };
    if (!promised.includes(region)) this.t.fail(`region ${region} is answered for, and has no floor after the stop`);
  }

  #promise(sector: number, stamp: StrictStamp): void {
    const { promised } = this.world;
    promised.set(sector, laterOf(promised.get(sector) ?? STRICT_STAMP_INITIAL, stamp));
  }
}

/** Ranges near the beginning of a region, so that they meet. */
function rangeOf(random: Dice): SectorRange {
  return { first: random.below(REGIONS) * REGION_SECTORS + random.below(6), count: 1 + random.below(4) };
}

/** A client that orders and stores, concludes or does not, or sends what it likes. */
function askSomething(run: Run, random: Dice): void {
  const range = rangeOf(random);
  const stamp = run.draw();
  const store = (): void => {
    run.ask({ kind: 'store', range, stamp, origin: stamp, data: 'zeros' }, () => {
      if (random.chance(70)) run.ask({ kind: 'concluded', range, stamp, lacking: random.chance(20) ? [2] : [] });
    });
  };
  switch (random.below(10)) {
    case 0:
      run.ask({ kind: 'query', range, wantsData: random.chance(50) });
      break;
    case 1:
      run.ask({ kind: 'learn', range, stamp, origin: stamp, data: 'zeros' });
      break;
    case 2:
      store();
      break;
    default:
      run.ask({ kind: 'order', range, stamp, wants: random.pick(['nothing', 'versions', 'data'] as const) }, () => {
        if (random.chance(80)) store();
      });
  }
}

/** What a run begins with, against what clients were told before. */
function judgeStart(t: ExecutionContext, run: Run, world: World, isOrderly: boolean): void {
  const { promises, regions } = run.state;
  for (const [sector, told] of world.promised) {
    const { stamp } = run.store.versionOf(sector);
    const promised = promises.promisedOf(sector, stamp);
    if (compareStrictStamps(promised, told) < 0) t.fail(`sector ${sector} has forgotten a promise`);
    if (isOrderly && compareStrictStamps(told, stamp) <= 0 && !promises.isOpen(regionOf(sector))) {
      t.is(compareStrictStamps(promised, stamp), 0);
    }
  }
  for (const sector of world.unconcluded.keys()) {
    if (!regions.isActive(regionOf(sector))) t.fail(`sector ${sector} is not concluded, and its region is not active`);
  }
}

test('no answer before its flush, and no promise forgotten, wherever the power is cut', (t) => {
  const seed = chooseSeed();
  t.log(`seed ${seed}`);
  const counts = { crashes: 0, stops: 0, answered: 0, floors: 0, withoutFloor: 0 };
  for (let round = 0; round < 25; round += 1) {
    const random = dice(seedOf(seed, round));
    const world = newWorld();
    let isOrderly = false;
    for (let life = 0; life < 4; life += 1) {
      const run = new Run(t, world, random);
      judgeStart(t, run, world, isOrderly);
      const { atStart } = run.state.regionNotes;
      counts.floors += atStart.withFloor.length;
      counts.withoutFloor += atStart.active.length - atStart.withFloor.length;
      for (let index = 0; index < REQUESTS; index += 1) {
        run.clock.schedule(() => {
          askSomething(run, random);
        }, random.below(300));
      }
      for (let at = SWEEP_MS; at < 4_000; at += 5) {
        run.clock.schedule(() => {
          run.heal();
        }, at);
      }
      isOrderly = random.chance(50);
      const isQuiet = isOrderly && random.chance(60);
      run.clock.maxFrames = isQuiet ? 4_500 : random.below(400);
      run.clock.flush();
      if (isQuiet) t.is(run.answered, run.asked, `seed ${seed}, round ${round}: each request is answered in the end`);
      if (isOrderly) {
        run.stop();
        counts.stops += 1;
      } else {
        run.crash();
        counts.crashes += 1;
      }
      counts.answered += run.answered;
    }
  }
  t.log(JSON.stringify(counts));
  t.true(counts.crashes > 10 && counts.stops > 10 && counts.answered > 1_000, 'enough has happened');
  t.true(counts.floors > 0 && counts.withoutFloor > 0);
});

test('a process that may not vote answers nothing, and notes nothing (E1)', (t) => {
  const world = newWorld();
  const run = new Run(t, world, dice(1));
  run.isMember = false;
  const range = { first: 0, count: 1 };
  run.ask({ kind: 'query', range, wantsData: true });
  run.ask({ kind: 'order', range, stamp: run.draw(), wants: 'nothing' });
  run.clock.maxFrames = 200;
  run.clock.flush();
  t.deepEqual([run.answered, run.withResult], [2, 0]);
  t.is(run.state.regions.size, 0);
  run.isMember = true;
  run.ask({ kind: 'query', range, wantsData: false });
  run.ask({ kind: 'query', range, wantsData: true });
  run.isMember = false;
  run.clock.maxFrames = 400;
  run.clock.flush();
  t.deepEqual([run.answered, run.withResult], [4, 0], 'its disk was disavowed in the meantime');
});

test('what waits for a note is not handled if the process may not vote any more (E1)', (t) => {
  const world = newWorld();
  const run = new Run(t, world, dice(1));
  const range = { first: 0, count: 1 };
  const stamp = run.draw();
  run.ask({ kind: 'store', range, stamp, origin: stamp, data: 'zeros' });
  run.ask({ kind: 'order', range, stamp: run.draw(), wants: 'nothing' });
  t.is(run.answered, 0, 'they wait until their region is active');
  run.isMember = false;
  run.clock.maxFrames = 200;
  run.clock.flush();
  t.deepEqual([run.answered, run.withResult], [2, 0]);
  t.is(run.store.calls.length, 0, 'nothing is stored');
  t.false(run.state.promises.isOpen(0), 'nothing is promised');
});
