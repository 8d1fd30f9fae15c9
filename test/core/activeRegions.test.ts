import test from 'ava';
import type { Rank } from '../../src/core/rank.js';
import { ActiveRegions } from '../../src/core/strict/activeRegions.js';
import { ConnectedCoordinators } from '../../src/core/strict/connectedCoordinators.js';
import { PromiseTable } from '../../src/core/strict/promises.js';
import { REGION_SECTORS, regionOf } from '../../src/core/strict/range.js';
import type { StrictStamp } from '../../src/core/strict/version.js';
import { STRICT_STAMP_INITIAL } from '../../src/core/strict/version.js';
import { dice } from '../helpers/seed.js';
import { COORDINATORS, strictStamp } from '../streams/strictFakes.js';

const SECTORS = 10 * REGION_SECTORS - 100;
const SELF = 1;

/** The regions of a replica whose copies are a map. */
function world(regionsMax = 4) {
  const stamps = new Map<number, StrictStamp>();
  const stampOf = (sector: number): StrictStamp => stamps.get(sector) ?? STRICT_STAMP_INITIAL;
  const promises = new PromiseTable(100);
  const regions = new ActiveRegions({
    self: SELF,
    sectors: SECTORS,
    regionsMax,
    stampOf,
    hasPromise: (region) => promises.isOpen(region),
    eachPromise: (region, each) => {
      promises.eachIn(region, each);
    },
  });
  const store = (first: number, count: number, stamp: StrictStamp): void => {
    for (let sector = first; sector < first + count; sector += 1) stamps.set(sector, stamp);
    regions.activate(regionOf(first));
    promises.meet({ first, count }, stamp);
    regions.stored({ first, count });
  };
  return { stamps, promises, regions, store };
}

const all = (): boolean => true;
const nobody = (): boolean => false;

test('what is stored is open until its coordinator has concluded it', (t) => {
  const { regions, store } = world();
  store(5, 3, strictStamp(7));
  regions.concluded({ first: 5, count: 2 }, strictStamp(7), []);
  t.true(regions.isOpen(0));
  regions.concluded({ first: 7, count: 1 }, strictStamp(6), []);
  t.true(regions.isOpen(0), 'of an earlier version');
  regions.concluded({ first: 7, count: 1 }, strictStamp(8), []);
  t.true(regions.isOpen(0), 'this replica lacks the later version');
  t.deepEqual(regions.takeHealing(all), { range: { first: 7, count: 1 }, lacking: [SELF] });
});

test('what others lack is open until they have it, and is healed when they are up', (t) => {
  const { regions, store } = world();
  store(250, 20, strictStamp(7));
  regions.concluded({ first: 250, count: 20 }, strictStamp(7), [2, 3]);
  t.is(regions.takeHealing(nobody), null);
  const isUp = (rank: Rank): boolean => rank === 3;
  const first = regions.takeHealing(isUp)!;
  t.deepEqual(first, { range: { first: 250, count: 6 }, lacking: [2, 3] }, 'no range crosses an extent');
  const second = regions.takeHealing(isUp)!;
  t.deepEqual(second, { range: { first: 256, count: 14 }, lacking: [2, 3] });
  t.is(regions.takeHealing(isUp), null);
  t.true(regions.isOpen(0), 'while it is being healed');
  regions.healed(first, []);
  regions.healed(second, [2]);
  t.is(regions.takeHealing(isUp), null);
  t.deepEqual(regions.takeHealing(all), { range: { first: 256, count: 14 }, lacking: [2] });
});

test('another replica has healed it: it says CONCLUDED', (t) => {
  const { regions, store } = world();
  store(0, 4, strictStamp(7));
  regions.concluded({ first: 0, count: 4 }, strictStamp(7), [2, 3]);
  regions.concluded({ first: 0, count: 4 }, strictStamp(7), [3]);
  t.deepEqual(regions.takeHealing(all)?.lacking, [3]);
  const other = world();
  other.store(0, 4, strictStamp(7));
  other.regions.concluded({ first: 0, count: 4 }, strictStamp(7), [2]);
  other.regions.concluded({ first: 0, count: 4 }, strictStamp(7), []);
  t.false(other.regions.isOpen(0));
});

test('what is stored or lacking anew while it is healed stays open', (t) => {
  const { regions, store } = world();
  store(0, 4, strictStamp(7));
  regions.concluded({ first: 0, count: 4 }, strictStamp(7), [2]);
  const healing = regions.takeHealing(all)!;
  store(0, 4, strictStamp(9));
  regions.concluded({ first: 0, count: 2 }, strictStamp(9), [2]);
  regions.healed(healing, []);
  t.deepEqual(regions.takeHealing(all), { range: { first: 0, count: 2 }, lacking: [2] });
  regions.concluded({ first: 2, count: 2 }, strictStamp(9), []);
  t.is(regions.takeHealing(all), null);
});

test('what was not healed is to be checked again', (t) => {
  const { regions, store } = world();
  store(0, 4, strictStamp(7));
  regions.concluded({ first: 0, count: 4 }, strictStamp(7), [2]);
  regions.notHealed(regions.takeHealing(all)!);
  t.deepEqual(regions.takeHealing(nobody), { range: { first: 0, count: 4 }, lacking: [] });
});

test('orphans: after a whole interval, what a coordinator that is gone has stored or ordered is to be checked', (t) => {
  const { regions, store, promises } = world();
  const [alive, dead] = COORDINATORS;
  const isConnected = (coordinator: string): boolean => coordinator === alive;
  store(0, 2, strictStamp(7, 0));
  store(2, 2, strictStamp(8, 1));
  promises.promise({ first: 10, count: 3 }, strictStamp(9, 1));
  promises.promise({ first: 20, count: 3 }, strictStamp(9, 0));
  t.false(regions.sweep(isConnected, false), dead);
  t.is(regions.takeHealing(all), null);
  store(30, 1, strictStamp(9, 1));
  t.true(regions.sweep(isConnected, false));
  const first = regions.takeHealing(nobody)!;
  t.deepEqual(first.range, { first: 2, count: 2 });
  t.deepEqual(regions.takeHealing(nobody)?.range, { first: 10, count: 3 });
  t.is(regions.takeHealing(nobody), null, 'what was stored a moment ago has time');
  t.true(regions.sweep(isConnected, false));
  t.deepEqual(regions.takeHealing(nobody)?.range, { first: 30, count: 1 });
  t.true(regions.sweep(isConnected, true), 'if places are wanted, the living get no more time');
  t.deepEqual(regions.takeHealing(nobody)?.range, { first: 0, count: 2 });
});

test('what a living coordinator has given up is to be checked in the end; what it writes anew is not', (t) => {
  const { regions, store, promises } = world();
  let counter = 10;
  promises.promise({ first: 10, count: 3 }, strictStamp(9));
  store(20, 1, strictStamp(9));
  const found: number[] = [];
  for (let sweep = 1; sweep <= 40; sweep += 1) {
    store(30, 1, strictStamp((counter += 1)));
    promises.promise({ first: 30, count: 1 }, strictStamp((counter += 1)));
    if (!regions.sweep(all, false)) continue;
    found.push(sweep);
    for (const range of [
      { first: 10, count: 3 },
      { first: 20, count: 1 },
    ]) {
      const healing = regions.takeHealing(nobody)!;
      t.deepEqual(healing.range, range);
      store(range.first, range.count, strictStamp((counter += 1)));
      regions.learnt(range);
      regions.healed(healing, []);
    }
    t.is(regions.takeHealing(nobody), null);
  }
  t.is(found.length, 1);
  t.true(found[0] > 8 && found[0] <= 16, `after ${found.join()} sweeps`);
});

test('an orphan that was healed is over, even if nothing had to be stored for it', (t) => {
  const { regions, store } = world();
  store(0, 2, strictStamp(7));
  for (let sweep = 0; sweep < 2; sweep += 1) regions.sweep(nobody, false);
  regions.healed(regions.takeHealing(nobody)!, []);
  t.false(regions.isOpen(0));
});

test('LEARN is on a majority already; and what was stored is no longer lacking here', (t) => {
  const { regions, store } = world();
  store(0, 2, strictStamp(7));
  regions.learnt({ first: 0, count: 2 });
  t.false(regions.isOpen(0));
  regions.concluded({ first: 4, count: 1 }, strictStamp(7), [SELF, 2]);
  store(4, 1, strictStamp(7));
  regions.concluded({ first: 4, count: 1 }, strictStamp(7), [2]);
  t.deepEqual(regions.takeHealing(all)?.lacking, [2]);
});

test('after a crash all of an active region is to be checked, as far as there is a disk', (t) => {
  const { regions } = world();
  regions.restore(0);
  regions.restore(9);
  const found = [];
  for (let healing = regions.takeHealing(nobody); healing !== null; healing = regions.takeHealing(nobody)) {
    found.push(healing.range);
    regions.healed(healing, []);
  }
  t.deepEqual(
    found.slice(0, 4).map(({ first, count }) => [first, count]),
    [
      [0, 256],
      [256, 256],
      [512, 256],
      [768, 256],
    ],
  );
  t.deepEqual(found.at(-1), { first: 9 * REGION_SECTORS + 768, count: 156 });
  t.false(regions.isOpen(0) || regions.isOpen(9));
});

test('regions are cleared when nothing is open in them: the longest unused first', (t) => {
  const { regions, store, promises } = world();
  store(0, 1, strictStamp(7));
  for (const region of [1, 2, 3]) regions.activate(region);
  promises.promise({ first: 3 * REGION_SECTORS, count: 1 }, strictStamp(3));
  t.is(regions.room, 0);
  regions.enter(1);
  regions.leave(1);
  t.deepEqual(regions.clear(9, false), [], 'not yet');
  regions.sweep(all, false);
  regions.enter(1);
  t.deepEqual(regions.clear(1, true), [2], 'the others are open or in use');
  regions.leave(1);
  t.deepEqual(regions.clear(9, false), []);
  regions.sweep(all, false);
  regions.sweep(all, false);
  t.deepEqual(regions.clear(9, false), [1]);
  regions.concluded({ first: 0, count: 1 }, strictStamp(7), []);
  promises.meet({ first: 3 * REGION_SECTORS, count: 1 }, strictStamp(3));
  t.deepEqual(regions.clear(9, true), [0, 3]);
  t.is(regions.size, 0);
});

test('broken invariants: a region that is not active or not in use', (t) => {
  const { regions } = world();
  t.throws(
    () => {
      regions.stored({ first: 0, count: 1 });
    },
    { message: /region 0 is not active/ },
  );
  t.throws(
    () => {
      regions.enter(3);
    },
    { message: /region 3 is not active/ },
  );
  regions.activate(3);
  t.throws(
    () => {
      regions.leave(3);
    },
    { message: /not in use/ },
  );
  t.throws(
    () => {
      regions.healed({ range: { first: 3 * REGION_SECTORS, count: 1 }, lacking: [] }, []);
    },
    {
      message: /nothing is being healed/,
    },
  );
});

test('nothing is forgotten: random stores, conclusions and heals, against a list', (t) => {
  for (let seed = 0; seed < 200; seed += 1) {
    const random = dice(seed);
    const { regions, store, stamps } = world();
    /** Of each sector, who may lack its latest version; 'open': it is not concluded. */
    const model = new Map<number, 'open' | Set<Rank>>();
    let counter = 0;
    for (let step = 0; step < 60; step += 1) {
      const first = 248 + random.below(16);
      const count = 1 + random.below(first < 256 ? 256 - first : 8);
      const range = { first, count };
      const sectors = Array.from({ length: count }, (_, index) => first + index);
      if (random.chance(50)) {
        store(first, count, strictStamp((counter += 1)));
        for (const sector of sectors) model.set(sector, 'open');
      } else {
        const stamp = strictStamp(1 + random.below(counter + 2));
        const lacking = [2, 3].filter(() => random.chance(40));
        if (!regions.isActive(0)) continue;
        regions.concluded(range, stamp, lacking);
        for (const sector of sectors) {
          const own = stamps.get(sector) ?? STRICT_STAMP_INITIAL;
          if (own.counter > stamp.counter) continue;
          model.set(sector, new Set(own.counter < stamp.counter ? [SELF, ...lacking] : lacking));
        }
      }
    }
    if (!regions.isActive(0)) continue;
    regions.sweep(nobody, false);
    regions.sweep(nobody, false);
    const healed = new Map<number, readonly Rank[]>();
    for (let healing = regions.takeHealing(all); healing !== null; healing = regions.takeHealing(all)) {
      const { first, count } = healing.range;
      for (let sector = first; sector < first + count; sector += 1) healed.set(sector, healing.lacking);
    }
    for (const [sector, state] of model) {
      const ranks = healed.get(sector);
      if (state === 'open') t.truthy(ranks, `seed ${seed}: sector ${sector} is open`);
      else if (state.size === 0) t.falsy(ranks, `seed ${seed}: sector ${sector} is not`);
      else for (const rank of state) t.true(ranks?.includes(rank), `seed ${seed}: ${rank} lacks ${sector}`);
    }
  }
});

test('a coordinator is connected as long as one connection has named it', (t) => {
  const coordinators = new ConnectedCoordinators();
  const [one, two] = [{}, {}];
  const order = (index: number) =>
    ({ kind: 'order', range: { first: 0, count: 1 }, stamp: strictStamp(1, index), wants: 'nothing' }) as const;
  coordinators.heard(one, order(0));
  coordinators.heard(one, order(0));
  coordinators.heard(two, order(0));
  coordinators.heard(two, { kind: 'query', range: { first: 0, count: 1 }, wantsData: false });
  coordinators.gone(one);
  t.true(coordinators.has(COORDINATORS[0]));
  coordinators.gone(two);
  t.false(coordinators.has(COORDINATORS[0]));
  for (let index = 0; index < 100; index += 1) {
    const coordinator = String(index).padStart(16, 'x');
    coordinators.heard(one, { ...order(0), stamp: { counter: 1n, coordinator } });
  }
  t.is(coordinators.size, 16, 'bounded for each connection');
  coordinators.gone(one);
  t.is(coordinators.size, 0);
});

test('a region is taken when the caller may: it is told how long something has waited', (t) => {
  const { regions, store } = world();
  store(3, 1, strictStamp(7));
  regions.concluded({ first: 3, count: 1 }, strictStamp(7), [2]);
  const asked: string[] = [];
  const take = (isUp: () => boolean) =>
    regions.takeHealing(isUp, (region, lacking, sweeps) => {
      asked.push(`region ${region}, lacking ${lacking.join()}, sweeps ${sweeps}`);
      return sweeps >= 2;
    });
  t.is(take(nobody), null);
  t.deepEqual(asked, [], 'nobody is there that lacks something');
  for (let sweep = 0; sweep < 2; sweep += 1) {
    t.is(take(all), null);
    regions.sweep(nobody, false);
  }
  t.deepEqual(take(all), { range: { first: 3, count: 1 }, lacking: [2] });
  const expected = [0, 1, 2].map((sweeps) => `region 0, lacking 2, sweeps ${sweeps}`);
  t.deepEqual([...new Set(asked)], expected);
});

test('what was to be checked is not, once somebody else has concluded it', (t) => {
  const { regions } = world();
  regions.restore(0);
  regions.concluded({ first: 0, count: 1_000 }, strictStamp(7), [2]);
  t.deepEqual(regions.takeHealing(nobody), { range: { first: 1_000, count: 24 }, lacking: [] });
});
