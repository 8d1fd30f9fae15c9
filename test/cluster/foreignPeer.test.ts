/**
 * One cluster of two real processes and one foreign, which behaves in each of the ways that the protocol allows:
 * operations through all three complete, also when the foreign one is needed for the majority, and what everybody saw
 * is linearizable.
 */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Cluster } from '../helpers/cluster.js';
import { HANG_MS, TEST_HANG_MS } from '../helpers/hang.js';
import type { RawClient } from '../helpers/rawClient.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import type { Behaviour } from '../helpers/foreignPeer.js';
import { BEHAVIOURS, ForeignPeer } from '../helpers/foreignPeer.js';
import { within } from '../helpers/within.js';
import { assertLinearizable } from '../helpers/workload.js';
import { HistoryRecorder } from '../linearizability/history.js';

const STRANGE_RANK = 2;
const SECTORS = [3, 4];

/** One who reads and writes, by whatever way. */
interface User {
  read(sector: number): Promise<Buffer>;
  write(sector: number, data: Buffer): Promise<void>;
}

function userOf(client: RawClient): User {
  const must = async (answer: ReturnType<RawClient['read']>): Promise<Buffer | null> => {
    const outcome = await answer;
    if (outcome.kind === 'unknown' || outcome.status !== 'Ok') throw new Error('not answered');
    return outcome.data;
  };
  return {
    read: async (sector) => (await must(client.read(sector))) ?? Buffer.alloc(0),
    write: async (sector, data) => {
      await must(client.write(sector, data));
    },
  };
}

/** Half reads, half writes, one at a time. */
async function use(recorder: HistoryRecorder, name: string, user: User, operationCount: number): Promise<void> {
  for (let count = 0; count < operationCount; count += 1) {
    const sector = SECTORS[(count >> 1) % SECTORS.length];
    if (count % 2 === 0) {
      const value = `${name} ${count}`;
      const pending = recorder.begin(name, sector, 'write', value);
      await user.write(sector, sectorNamed(value));
      pending.answered();
    } else {
      const pending = recorder.begin(name, sector, 'read');
      pending.answered(nameOf(await user.read(sector)));
    }
  }
}

async function inTime(t: ExecutionContext, what: string, work: Promise<unknown>): Promise<void> {
  if ((await within(HANG_MS, work)) === 'too late') throw new Error(`${what} did not complete`);
  t.pass();
}

for (const [name, behaviour] of Object.entries<Behaviour>(BEHAVIOURS)) {
  test.serial(`a foreign member that ${name} works with two real processes`, async (t) => {
    t.timeout(TEST_HANG_MS);
    // The foreign one answers what it is asked, and so takes part in the founding.
    const setting = { processCount: 3, absent: [STRANGE_RANK], founder: null, config: { members: 'open' } };
    const cluster = await Cluster.prepare(t, setting);
    const { addresses, keys } = cluster;
    const strange = await ForeignPeer.start({ rank: STRANGE_RANK, addresses, keys, behaviour });
    t.teardown(() => strange.stop());
    await cluster.startAll();
    const clients = await Promise.all(cluster.ranks.map((rank) => cluster.client(rank)));
    const recorder = new HistoryRecorder(() => performance.now());
    const [first, third] = clients.map(userOf);

    await inTime(
      t,
      'work with all three up',
      Promise.all([
        use(recorder, 'at 1', first, 30),
        use(recorder, 'at 3', third, 30),
        use(recorder, 'inside 2', strange, 20),
      ]),
    );
    // From now on the foreign one is needed for every majority.
    await cluster.kill(3);
    const workedAlone = Promise.all([
      use(recorder, 'at 1 alone', first, 20),
      use(recorder, 'inside 2 alone', strange, 10),
    ]);
    await inTime(t, 'work with one real process down', workedAlone);
    // And now one process that missed all of that and one that is foreign make the majority.
    await cluster.start(3);
    await cluster.kill(1);
    const back = await cluster.client(3);
    const workedBack = Promise.all([
      use(recorder, 'at 3 again', userOf(back), 20),
      use(recorder, 'inside 2 again', strange, 10),
    ]);
    await inTime(t, 'work with the other real process down', workedBack);

    t.is(recorder.operations.length, 140);
    await assertLinearizable(t, recorder.operations);
    t.deepEqual([...strange.faults, ...clients.flatMap(({ faults }) => faults), ...back.faults], []);
    // Receipts go to a peer that sends them, and to no other.
    if (behaviour.receipts === true) t.true(strange.receiptCount > 0);
    else t.is(strange.receiptCount, 0);
  });
}

test.serial('a peer that is sent nothing because it is away costs the others nothing', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3, absent: [STRANGE_RANK], config: { members: 'open' } });
  const client = await cluster.client(1);
  const answers: Promise<unknown>[] = [];
  for (let sector = 0; sector < 200; sector += 1) {
    answers.push(client.write(sector, sectorNamed(`away ${sector}`)));
  }
  await inTime(t, '200 writes with one member missing from the start', Promise.all(answers));
  const { addresses, keys } = cluster;
  const strange = await ForeignPeer.start({ rank: STRANGE_RANK, addresses, keys, behaviour: {} });
  t.teardown(() => strange.stop());
  await cluster.kill(3);
  // The foreign one has nothing yet; a read through the real one imposes the value on it.
  const outcome = await client.read(77);
  t.is(outcome.kind === 'answered' && outcome.data !== null ? nameOf(outcome.data) : '', 'away 77');
  t.is(nameOf(await strange.read(77)), 'away 77');
});
