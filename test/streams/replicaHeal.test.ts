/** Three replicas that ship, and coordinators that heal what these find: after a heal nothing in the range is open. */
import test from 'ava';
import { BehaviorSubject, Subject, VirtualAction, VirtualTimeScheduler, timer } from 'rxjs';
import type { Observable, Subscription } from 'rxjs';
import { Coordinator } from '../../src/coordinator/coordinator.js';
import { COORDINATOR_LIMITS_DEFAULT } from '../../src/coordinator/coordinatorLimits.js';
import type { ReceivedAnswer, ReplicaPort } from '../../src/coordinator/replicaPort.js';
import type { SectorRange } from '../../src/core/strict/range.js';
import type { ReplicaAnswer, ReplicaRequest } from '../../src/core/strict/replicaMessage.js';
import { replica } from '../../streams/pipelines/replica/replica.js';
import type { ReplicaState } from '../../streams/pipelines/replica/replicaState.js';
import { newReplicaState } from '../../streams/pipelines/replica/replicaState.js';
import type { RequestFrom } from '../../streams/replicaRegisters.js';
import { COORDINATORS, FakeNotes, FakeStrictStore, dataOf, taking } from './strictFakes.js';

const SECTORS = 600;
const SWEEP_MS = 100;
const MESSAGE_MS = 1;
const FLUSH_MS = 2;

interface Origin {
  readonly connection: object;
  readonly answered: (answer: ReplicaAnswer) => void;
}

/** One boot of a replica. */
class Boot {
  readonly store: FakeStrictStore;
  readonly notes: FakeNotes;
  readonly state: ReplicaState<object>;
  readonly #request$ = new Subject<RequestFrom<Origin>>();
  readonly #subscription: Subscription;

  constructor(rank: number, clock: VirtualTimeScheduler, before: Boot | null) {
    const timing = taking(clock, () => FLUSH_MS);
    const store = new FakeStrictStore(timing, before?.store.copies);
    const notes = new FakeNotes(timing, before?.notes.durable);
    const schedulers = { clock, turn: clock };
    const limits = { activeRegions: 4, promises: 1_000 };
    const state = newReplicaState<object>({ self: rank, sectors: SECTORS, store, notes, schedulers, limits });
    [this.store, this.notes, this.state] = [store, notes, state];
    this.#subscription = this.#request$
      .pipe(replica<object, Origin>({ store, schedulers, state, isMember: () => true, sweepMs: SWEEP_MS }))
      .subscribe(({ value, result }) => {
        if (result !== null) value.origin.answered(result);
      });
  }

  ask(request: ReplicaRequest, origin: Origin): void {
    this.#request$.next({ origin, request });
  }

  end(): void {
    this.#subscription.unsubscribe();
  }
}

class Host {
  boot: Boot;
  readonly #isUp$ = new BehaviorSubject(true);
  readonly isUp$ = this.#isUp$.asObservable();

  constructor(
    readonly rank: number,
    private readonly clock: VirtualTimeScheduler,
  ) {
    this.boot = new Boot(rank, clock, null);
  }

  get state(): ReplicaState<object> {
    return this.boot.state;
  }

  /** The power is cut, and comes back. */
  crash(): void {
    this.boot.end();
    this.#isUp$.next(false);
    this.boot = new Boot(this.rank, this.clock, this.boot);
    this.#isUp$.next(true);
  }
}

class Port implements ReplicaPort {
  readonly bufferedBytes = 0;
  readonly sent: ReplicaRequest[] = [];
  readonly #answer = new Subject<ReceivedAnswer>();
  readonly answer$ = this.#answer.asObservable();
  readonly isUp$: Observable<boolean>;
  readonly rank: number;
  readonly #connection = {};

  constructor(
    private readonly host: Host,
    private readonly clock: VirtualTimeScheduler,
  ) {
    this.isUp$ = host.isUp$;
    this.rank = host.rank;
  }

  send(request: ReplicaRequest): number {
    const number = this.sent.push(request);
    const answered = (answer: ReplicaAnswer): void => {
      timer(MESSAGE_MS, this.clock).subscribe(() => {
        this.#answer.next({ request: number, answer, incarnations: [1, 1, 1] });
      });
    };
    timer(MESSAGE_MS, this.clock).subscribe(() => {
      this.host.boot.ask(request, { connection: this.#connection, answered });
    });
    return number;
  }

  leave(): void {
    this.host.state.coordinators.gone(this.#connection);
  }
}

class Cluster {
  readonly clock = new VirtualTimeScheduler(VirtualAction);
  readonly hosts = [1, 2, 3].map((rank) => new Host(rank, this.clock));

  client(index: number): { readonly coordinator: Coordinator; readonly ports: readonly Port[] } {
    const { clock } = this;
    const ports = this.hosts.map((host) => new Port(host, clock));
    const coordinator = new Coordinator({
      id: COORDINATORS[index],
      processCount: 3,
      ports,
      schedulers: { clock, turn: clock },
      random: { fraction: () => 0.5 },
      limits: COORDINATOR_LIMITS_DEFAULT,
    });
    coordinator.run$.subscribe();
    return { coordinator, ports };
  }

  advance(ms: number): void {
    this.clock.maxFrames = this.clock.frame + ms;
    this.clock.schedule(() => undefined, ms);
    this.clock.flush();
  }

  /** Heals what the replica offers now, each range once. @returns the ranges. */
  healAll({ state: { regions } }: Host, { coordinator }: ReturnType<Cluster['client']>): SectorRange[] {
    const healed: SectorRange[] = [];
    for (let next = regions.takeHealing(() => true); next !== null; next = regions.takeHealing(() => true)) {
      const healing = next;
      healed.push(healing.range);
      coordinator.heal(healing.range).subscribe({
        complete: () => {
          regions.healed(healing, []);
        },
      });
    }
    return healed;
  }
}

test('a region of a replica that has crashed is idle after one heal of it', (t) => {
  const cluster = new Cluster();
  const [first] = cluster.hosts;
  const client = cluster.client(0);
  client.coordinator.writeRange({ first: 10, count: 20 }, dataOf(7, 20)).subscribe();
  cluster.advance(50);
  first.crash();
  cluster.advance(50);
  const { state } = first;
  t.deepEqual(state.promises.openRegions(), [0], 'all of it has the floor');
  const healer = cluster.client(1);
  const ranges = cluster.healAll(first, healer);
  t.deepEqual(ranges, [
    { first: 0, count: 256 },
    { first: 256, count: 256 },
    { first: 512, count: 88 },
  ]);
  cluster.advance(400);
  for (const { rank, state: at, boot } of cluster.hosts) {
    t.deepEqual(at.promises.openRegions(), [], `replica ${rank}`);
    t.deepEqual(boot.store.versionOf(10), first.boot.store.versionOf(10));
  }
  const moved = healer.ports
    .flatMap(({ sent }) => sent)
    .filter((one) => 'data' in one && one.data instanceof Uint8Array);
  t.is(moved.length, 0, 'no data was moved');
  cluster.advance(3_000);
  for (const host of cluster.hosts) t.deepEqual(cluster.healAll(host, healer), [], `replica ${host.rank}`);
  t.false(state.regions.isActive(0));
});

test('heals of several processes that meet come to an end, and leave nothing', (t) => {
  const cluster = new Cluster();
  const client = cluster.client(0);
  client.coordinator.writeRange({ first: 10, count: 20 }, dataOf(7, 20)).subscribe();
  cluster.advance(50);
  for (const host of cluster.hosts) {
    host.crash();
  }
  cluster.advance(50);
  const healers = [1, 2, 3].map((index) => cluster.client(index));
  for (const [index, host] of cluster.hosts.entries()) t.is(cluster.healAll(host, healers[index]).length, 3);
  cluster.advance(2_000);
  for (const [index, { state }] of cluster.hosts.entries()) {
    t.deepEqual(state.promises.openRegions(), [], `replica ${index + 1}`);
    t.is(healers[index].coordinator.stats.running, 0);
    t.false(state.regions.isOpen(0));
  }
});
