/** What a replica keeps durable of promises: the limit, the active regions, and how the last run ended. */
import test from 'ava';
import { VirtualTimeScheduler } from 'rxjs';
import { ActiveRegions } from '../../src/core/strict/activeRegions.js';
import { REGION_SECTORS } from '../../src/core/strict/range.js';
import type { ReplicaRequest } from '../../src/core/strict/replicaMessage.js';
import { COUNTER_REFUSED, STRICT_STAMP_INITIAL } from '../../src/core/strict/version.js';
import { NoSpace } from '../../src/ports/blockFiles.js';
import { RegionNotes } from '../../streams/pipelines/replica/regionNotes.js';
import { FakeNotes, strictStamp, taking } from './strictFakes.js';

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

function world(before: Record<string, string> = {}, regionsMax = 3, highestStamp = STRICT_STAMP_INITIAL) {
  const clock = new VirtualTimeScheduler();
  const bytes = Object.entries(before).map(([name, value]): [string, Uint8Array] => [name, Buffer.from(value)]);
  const notes = new FakeNotes(
    taking(clock, () => 1),
    new Map(bytes),
  );
  const open = new Set<number>();
  const regions = new ActiveRegions({
    self: 1,
    sectors: 100 * REGION_SECTORS,
    regionsMax,
    stampOf: () => STRICT_STAMP_INITIAL,
    hasPromise: (region) => open.has(region),
    eachPromise: () => undefined,
  });
  const regionNotes = new RegionNotes({ notes, regions, highestStamp, clock });
  let wakes = 0;
  regionNotes.wake$.subscribe(() => (wakes += 1));
  /** Prepares the requests, and the time passes that it takes. */
  const prepare = (...requests: ReplicaRequest[]): void => {
    regionNotes.prepare(requests).subscribe();
    clock.flush();
  };
  return { clock, notes, open, regions, regionNotes, prepare, wakes: () => wakes };
}

const order = (region: number, counter: number | bigint): ReplicaRequest => ({
  kind: 'order',
  range: { first: region * REGION_SECTORS, count: 1 },
  stamp: { ...strictStamp(1), counter: BigInt(counter) },
  wants: 'nothing',
});
const store = (region: number): ReplicaRequest => ({
  kind: 'store',
  range: { first: region * REGION_SECTORS, count: 1 },
  stamp: strictStamp(1),
  origin: strictStamp(1),
  data: 'zeros',
});
const query: ReplicaRequest = { kind: 'query', range: { first: 0, count: 1 }, wantsData: false };
const AHEAD = 2 ** 22;

test('nothing is answered before the note of an orderly stop is gone, and the limit is raised', (t) => {
  const { notes, regionNotes, prepare } = world({
    'strict-limit': '500',
    'strict-stopped': '{"promised":[]}',
    'strict-active-7': '',
  });
  t.false(regionNotes.isReady(query));
  regionNotes.prepare([query]).subscribe();
  t.false(regionNotes.isReady(query), 'not durable yet');
  t.false(regionNotes.isReady(store(7)), 'nor a STORE in a region that was active');
  prepare();
  t.true(regionNotes.isReady(query));
  t.deepEqual(Object.fromEntries([...notes.durable].map(([name, bytes]) => [name, text(bytes)])), {
    'strict-limit': String(500 + AHEAD),
    'strict-active-7': '',
  });
});

test('an ORDER is ready below the durable limit, in a durable region', (t) => {
  const { notes, regionNotes, prepare, wakes } = world({}, 3, strictStamp(1_000));
  prepare();
  t.false(regionNotes.isReady(order(0, 5)));
  t.false(regionNotes.isReady(store(0)));
  regionNotes.prepare([order(0, 5), store(0), store(1)]).subscribe();
  t.false(regionNotes.isReady(order(0, 5)), 'not durable yet');
  prepare();
  t.true([order(0, 5), store(0), store(1)].every((request) => regionNotes.isReady(request)));
  t.deepEqual([...notes.durable.keys()].sort(), ['strict-active-0', 'strict-active-1', 'strict-limit']);
  t.is(notes.calls.length, 2, 'one put for all of them');
  t.true(regionNotes.isReady(order(0, 1_000 + AHEAD - 1)));
  t.false(regionNotes.isReady(order(0, 1_000 + AHEAD)));
  const before = wakes();
  regionNotes.enter(order(0, 1_000 + AHEAD / 2 - 1));
  t.is(wakes(), before);
  regionNotes.enter(order(0, 1_000 + AHEAD / 2));
  regionNotes.enter(order(0, 1_000 + AHEAD / 2 + 1));
  t.is(wakes(), before + 1, 'raised in the background, long before it is reached');
  prepare();
  t.true(regionNotes.isReady(order(0, 1_000 + AHEAD)));
  prepare(order(0, COUNTER_REFUSED - 1n));
  t.true(regionNotes.isReady(order(0, COUNTER_REFUSED - 1n)));
  t.is(text(notes.durable.get('strict-limit')), String(COUNTER_REFUSED));
});

test('a full set: regions with nothing open make room, else requests wait until there is some', (t) => {
  const { notes, open, regions, regionNotes, prepare, wakes } = world();
  prepare(store(0), store(1), store(2));
  for (const region of [0, 2]) open.add(region);
  prepare(store(3), store(4));
  t.true(regionNotes.isReady(store(3)));
  t.false(regionNotes.isReady(store(4)));
  t.true(regionNotes.isStarved);
  t.deepEqual([...notes.durable.keys()].sort(), [
    'strict-active-0',
    'strict-active-2',
    'strict-active-3',
    'strict-limit',
  ]);
  open.add(3);
  prepare(store(4));
  t.is(notes.calls.length, 2, 'nothing to do');
  const before = wakes();
  regionNotes.changed(2);
  t.is(wakes(), before, 'it is open still');
  open.delete(2);
  regionNotes.changed(2);
  t.is(wakes(), before + 1);
  prepare(store(4));
  t.true(regionNotes.isReady(store(4)) && !regions.isActive(2));
});

test('a region in use stays; an idle one goes in the background', (t) => {
  const { notes, regions, regionNotes, prepare } = world();
  prepare(store(0), store(1));
  regionNotes.enter(store(1));
  for (let sweep = 0; sweep < 3; sweep += 1) {
    regions.sweep(() => true, false);
    regionNotes.clearIdle();
  }
  prepare();
  t.deepEqual([...notes.durable.keys()].sort(), ['strict-active-1', 'strict-limit']);
  regionNotes.leave(store(1));
});

test('a crash: the floor holds in all active regions, and an orderly stop says where', (t) => {
  const crashed = world({ 'strict-limit': '500', 'strict-active-7': '', 'strict-active-2': '' });
  t.deepEqual(crashed.regionNotes.atStart.active, [2, 7]);
  t.deepEqual(crashed.regionNotes.atStart.withFloor, [2, 7]);
  t.is(crashed.regionNotes.atStart.floor.counter, 500n);
  t.true(crashed.regions.isOpen(7));
  crashed.prepare(store(3));
  crashed.regionNotes.enter(store(3));
  crashed.regionNotes.stop([7]).subscribe();
  t.false(crashed.regionNotes.isReady(store(2)), 'nothing begins after it');
  crashed.clock.flush();
  const after = Object.fromEntries([...crashed.notes.durable].map(([name, bytes]) => [name, text(bytes)]));
  const stopped = world(after);
  t.deepEqual(stopped.regionNotes.atStart.active, [2, 3, 7]);
  t.deepEqual(stopped.regionNotes.atStart.withFloor, [7, 3], 'also where a request was under way');
});

test('more regions than fit are taken over from a run with a higher bound', (t) => {
  const notes = Object.fromEntries([0, 1, 2, 3].map((region) => [`strict-active-${region}`, '']));
  const { regionNotes, prepare, regions } = world({ ...notes, 'strict-limit': '9' }, 2);
  prepare(store(5));
  t.false(regionNotes.isReady(store(5)));
  t.true(regionNotes.isReady(store(3)));
  for (let healing = regions.takeHealing(() => true); healing !== null; healing = regions.takeHealing(() => true)) {
    regions.healed(healing, []);
  }
  prepare(store(5));
  t.true(regionNotes.isReady(store(5)));
});

test('a disk without room is tried again', (t) => {
  const { notes, regionNotes, prepare } = world();
  notes.failures.push(new NoSpace('no room'));
  prepare(store(0));
  t.true(regionNotes.isReady(store(0)));
  t.is(notes.calls.length, 2);
});

test('notes of another format are refused, and say what was found', (t) => {
  const refused = (notes: Record<string, string>, message: RegExp): void => {
    t.throws(() => world(notes), { code: 'ATDD_STORE_CORRUPT', message });
  };
  refused({ 'strict-limit': '0' }, /strict-limit .*"0".* counter from 1/);
  refused({ 'strict-limit': String(COUNTER_REFUSED + 1n) }, /counter from 1 to 9223372036854775808/);
  refused({ 'strict-limit': '9', 'strict-stopped': '{"promised":[-1]}' }, /list of regions/);
  refused({ 'strict-limit': '9', 'strict-active-1x': '' }, /strict-active-1x: its name ends in no region/);
  refused({ 'strict-active-1': '' }, /active regions, but no limit/);
});

test('E2: regions whose promises are taken over are active, beyond the bound, when the limit is durable', (t) => {
  const { clock, notes, regions, regionNotes, prepare } = world({ 'strict-stopped': '{"promised":[]}' }, 1);
  const ended: string[] = [];
  regionNotes.adopt([3, 4], 1_000n).subscribe({ complete: () => ended.push('adopted') });
  t.false(ended.length > 0 || regions.isActive(3) || regionNotes.hasBegun, 'not durable yet');
  clock.flush();
  t.deepEqual(ended, ['adopted']);
  t.true(regionNotes.hasBegun);
  t.deepEqual(Object.fromEntries([...notes.durable].map(([name, bytes]) => [name, text(bytes)])), {
    'strict-limit': String(1_000 + AHEAD),
    'strict-active-3': '',
    'strict-active-4': '',
  });
  t.true(regions.isActive(3) && regions.isActive(4));
  t.true(regions.room < 0, 'what was promised cannot be refused');
  t.true(regionNotes.isReady(order(3, 1_000)), 'a later ORDER goes on from there');
  t.is(regionNotes.highestCounter, 1_000n);
  // What is durable already is not noted again.
  const before = notes.calls.length;
  regionNotes.adopt([4], 900n).subscribe();
  clock.flush();
  t.is(notes.calls.length, before);
  // One far above raises the limit alone.
  regionNotes.adopt([4], BigInt(10 * AHEAD)).subscribe();
  clock.flush();
  t.deepEqual(
    [...(notes.calls.at(-1) ?? [])].map(([name]) => name),
    ['strict-limit'],
  );
  t.is(text(notes.durable.get('strict-limit')), String(11 * AHEAD));
  prepare();
  t.false(regionNotes.isReady(order(4, 11 * AHEAD)));
});
