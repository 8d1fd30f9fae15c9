/** What a process tells of its disk, and when it does not. */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { MemberState } from '../../src/core/membership/identity.js';
import { coordinatorOfRank } from '../../src/core/strict/version.js';
import type { RunsRange } from '../../src/ports/store.js';
import { decodeSectorMap } from '../../src/wire/sectorMapPage.js';
import { requestBytes } from '../helpers/bytes.js';
import { CLIENT_KEY } from '../wire/messages.js';
import { introduce } from './hello.js';
import { startVirtual } from './virtualProcess.js';

const RUNS = [{ sectors: 3, zeros: { counter: 5n, coordinator: coordinatorOfRank(2) } }];

function start(t: ExecutionContext, memberState: MemberState) {
  const process = startVirtual(3, (error) => t.fail(String(error)), memberState);
  const ranges: RunsRange[] = [];
  process.disk.store.runs = (range) => {
    ranges.push(range);
    return RUNS;
  };
  const client = process.connect();
  const ask = (...sectors: number[]): unknown[] => {
    const questions = sectors.map((sector, index) =>
      requestBytes({ kind: 'MAP', requestNumber: BigInt(index), sector: BigInt(sector), data: null }, CLIENT_KEY),
    );
    client.receive(Buffer.concat(questions));
    process.pass(1);
    return client.take().map((message) => {
      if (message.family !== 'response') return message;
      return message.data === null ? message.status : decodeSectorMap(message.data);
    });
  };
  return { ...process, ranges, ask };
}

test('a member tells what is in its index, and of whom it knows which disk', (t) => {
  const { ask, ranges, connect, pass } = start(t, 'member');
  introduce({ connect, pass }, 2);
  const disks = [
    { incarnation: 0, mark: 0 },
    { incarnation: 0, mark: 0x32323232 },
    { incarnation: 0, mark: 0 },
  ];
  t.deepEqual(ask(7), [{ rank: 1, disks, from: 7, runs: RUNS }]);
  t.like(ranges[0], { from: 7, end: 100, runs: 253 });
});

test('who has no vote knows nothing', (t) => {
  for (const memberState of ['fresh', 'joining'] as const) {
    const { ask, ranges } = start(t, memberState);
    t.like(ask(7)[0], { rank: 1, from: 7, runs: [] });
    t.is(ranges.length, 0);
  }
});

test('those that come at once share the looks into the index', (t) => {
  const { ask, ranges } = start(t, 'member');
  t.is(ask(...Array.from({ length: 50 }, () => 0)).length, 50);
  const lookups = ranges.map((range) => range.lookups);
  t.true(lookups[0] >= 10_000);
  t.true(lookups.slice(1).every((count) => count <= 100));
  ask(0);
  t.is(ranges.at(-1)?.lookups, lookups[0]);
});
