/** Coordinators that meet in the same sectors, in virtual time: everybody gets on, and about equally well. */
import test from 'ava';
import type { Observable } from 'rxjs';
import type { Client } from './memoryCluster.js';
import { MemoryCluster } from './memoryCluster.js';
import { namesIn, sectorNamed } from './values.js';

interface Contention {
  readonly clients: number;
  readonly sectors: number;
  /** How many operations of each client are under way. */
  readonly depth: number;
  /** Of a hundred operations. */
  readonly reads: number;
  /** How many of the clients update; the others read and write. */
  readonly updaters?: number;
  readonly measuredMs: number;
}

interface Contended {
  /** How many operations each client has completed. */
  readonly counts: readonly number[];
  /** The longest operation of all in milliseconds. */
  readonly longestMs: number;
  /** Updates of which nobody knows whether they took effect. */
  readonly unknownCount: number;
}

function contend({ clients, sectors, depth, reads, measuredMs, updaters = 0 }: Contention): Contended {
  const cluster = new MemoryCluster({ seed: 11 });
  const counts: number[] = [];
  let longestMs = 0;
  let unknownCount = 0;
  for (let index = 0; index < clients; index += 1) {
    const client = cluster.addClient();
    counts.push(0);
    const loop = (): void => {
      const range = { first: client.dice.below(sectors), count: 1 };
      const begunMs = cluster.nowMs;
      const isRead = client.dice.chance(reads);
      const write = (): Observable<unknown> => client.coordinator.writeRange(range, sectorNamed(`${index}`));
      const update = (): Observable<unknown> => client.coordinator.update(range.first, (current) => current);
      const change = index < updaters ? update : write;
      const operation$ = isRead ? client.coordinator.readRange(range) : change();
      operation$.subscribe({
        // The outcome of an update is unknown: its user goes on as after any other.
        error: () => {
          unknownCount += 1;
          cluster.world.schedule(client.actor, 0, loop);
        },
        complete: () => {
          counts[index] += 1;
          longestMs = Math.max(longestMs, cluster.nowMs - begunMs);
          // As the next request of a user would: not within the call that ends the one before.
          cluster.world.schedule(client.actor, 0, loop);
        },
      });
    };
    for (let at = 0; at < depth; at += 1) loop();
  }
  cluster.advance(measuredMs);
  return { counts, longestMs, unknownCount };
}

for (const [name, setting] of [
  ['2 clients write one sector', { clients: 2, sectors: 1, depth: 1, reads: 0, measuredMs: 1_000 }],
  ['16 clients write one sector', { clients: 16, sectors: 1, depth: 1, reads: 0, measuredMs: 4_000 }],
  ['16 clients read and write 16 sectors', { clients: 16, sectors: 16, depth: 2, reads: 50, measuredMs: 1_000 }],
  ['16 clients update one sector', { clients: 16, updaters: 16, sectors: 1, depth: 1, reads: 0, measuredMs: 4_000 }],
  ['4 clients update, 4 write', { clients: 8, updaters: 4, sectors: 1, depth: 1, reads: 0, measuredMs: 2_000 }],
] as const) {
  test(`contention: ${name}`, (t) => {
    const { updaters = 0 }: Contention = setting;
    const { counts, longestMs, unknownCount } = contend(setting);
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    const sum = counts.reduce((total, count) => total + count, 0);
    t.log(`${sum} operations; ${least} to ${most} each; the longest took ${Math.round(longestMs)} ms`);
    t.log(`${unknownCount} unknown`);
    // Updates give way to writes.
    const share = updaters === 0 || updaters === setting.clients ? 5 : 20;
    t.true(least * share >= most, `the slowest gets at least one part in ${share} of the fastest`);
  });
}

test('updates of many clients are atomic: none is lost, also where hosts fail', (t) => {
  const cluster = new MemoryCluster({ seed: 5 });
  const clients = Array.from({ length: 4 }, () => cluster.addClient());
  const EACH = 40;
  let [done, unknown, over] = [0, 0, 0];
  const increment = (client: Client, left: number): void => {
    if (left === 0) {
      over += 1;
      return;
    }
    const next = (): void => {
      increment(client, left - 1);
    };
    const change = (current: Uint8Array): Uint8Array => sectorNamed(`${Number(namesIn(current, 1)[0]) + 1}`);
    client.coordinator.update(0, change).subscribe({
      complete: () => {
        done += 1;
        next();
      },
      error: (error: unknown) => {
        t.is((error as { code?: unknown }).code, 'ATDD_OUTCOME_UNKNOWN');
        unknown += 1;
        next();
      },
    });
  };
  for (const client of clients) increment(client, EACH);
  for (let round = 0; round < 40; round += 1) {
    const host = cluster.dice.pick(cluster.hosts);
    cluster.stop(host);
    cluster.advance(40);
    cluster.restart(host);
    cluster.advance(20);
  }
  cluster.advance(60_000, () => over === clients.length);
  t.is(over, clients.length, 'all have ended');
  let value = NaN;
  clients[0].coordinator.readRange({ first: 0, count: 1 }).subscribe((data) => {
    value = Number(namesIn(data, 1)[0]);
  });
  cluster.advance(1_000);
  t.log(`${done} done, ${unknown} unknown, the sector counts ${value}`);
  t.true(unknown <= 16, 'it is a rare outcome');
  t.true(value >= done, 'none that was done is lost');
  t.true(value <= done + unknown, 'none took effect twice');
});
