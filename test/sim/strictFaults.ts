/**
 * The rules of the strict register (docs/strict-register.md), each weakened in one way: deliberate faults for simulated
 * strict clusters. Those of lost disks are put into replicaMachine.ts, which stands in for membership.
 */
import type { DeliberateFault, Edit } from './deliberateFault.js';

const REPLICA = 'src/core/strict/replica.js';
const SETTLE = 'src/core/strict/settle.js';
const READER = 'src/core/strict/reader.js';
const JUDGE = 'src/core/strict/judge.js';
const COORDINATE = 'src/core/strict/coordinate.js';
const MACHINE = 'test/sim/strict/replicaMachine.js';
const CLIENT = 'test/sim/strict/clientMachine.js';

const REFUSED_STORE = `if (compareStrictStamps(stamp, promised) < 0)
            decision.refuse(promised);`;

const BEGIN_WRITE = `case 'write':
            return beginOrder(part, false, context);`;

const STORES_WITHOUT_ORDER = (condition: string): readonly Edit[] => [
  {
    file: COORDINATE,
    find: BEGIN_WRITE,
    replace: `case 'write':
            if (${condition}) {
                const stamp = context.view.draw();
                return beginStore({ ...part, first: stamp }, {
                    purpose: 'attempt',
                    version: { stamp, origin: stamp },
                    data: context.task.data,
                }, context);
            }
            return beginOrder(part, false, context);`,
  },
  {
    file: COORDINATE,
    find: 'import { beginOrder, beginQuery, newPart, without }',
    replace: 'import { beginOrder, beginQuery, beginStore, newPart, without }',
  },
];

const common = { processCount: 3, isStrict: true } as const;

export const STRICT_FAULTS: readonly DeliberateFault[] = [
  {
    ...common,
    name: 'strict-superseded',
    text: 'STORE is acknowledged where the stored stamp is later and its origin is not earlier',
    runs: 20,
    blackBoxRuns: 20,
    edits: [
      {
        file: REPLICA,
        find: REFUSED_STORE,
        replace: `if (compareStrictStamps(version.stamp, stamp) > 0
            && compareStrictStamps(version.origin, request.origin) >= 0)
            decision.acknowledge();
        else ${REFUSED_STORE}`,
      },
    ],
  },
  {
    ...common,
    name: 'strict-order-below',
    text: 'ORDER is granted below the promise',
    runs: 20,
    blackBoxRuns: 20,
    edits: [
      {
        file: REPLICA,
        find: 'return difference > 0 || (difference === 0 && compareStrictStamps(version.stamp, stamp) < 0);',
        replace: 'return compareStrictStamps(version.stamp, stamp) < 0;',
      },
    ],
  },
  {
    ...common,
    name: 'strict-same-below',
    text: 'STORE is acknowledged below the promise where the stamp is stored',
    runs: 1,
    schedule: 'settled-elsewhere',
    blackBoxRuns: 1,
    edits: [
      {
        file: REPLICA,
        find: REFUSED_STORE,
        replace: `if (isSame(version.stamp, stamp) && !isDamaged)
            decision.acknowledge();
        else ${REFUSED_STORE}`,
      },
    ],
  },
  {
    ...common,
    name: 'strict-no-origin',
    text: 'a writer that was refused does not look at origins: it writes again',
    runs: 20,
    blackBoxRuns: 20,
    edits: [
      {
        file: SETTLE,
        find: 'part.first === null || compareStrictStamps(newest.origin, part.first) < 0)',
        replace: 'true)',
      },
    ],
  },
  {
    ...common,
    name: 'strict-equal-origin',
    text: 'a writer that was refused takes its write for over only if the origin is its own',
    runs: 20,
    blackBoxRuns: 20,
    edits: [
      {
        file: SETTLE,
        find: 'part.first === null || compareStrictStamps(newest.origin, part.first) < 0)',
        replace: 'part.first === null || compareStrictStamps(newest.origin, part.first) !== 0)',
      },
    ],
  },
  {
    ...common,
    name: 'strict-no-limit',
    text: 'promises are forgotten at a restart',
    runs: 200,
    blackBoxRuns: 200,
    edits: [
      {
        file: 'streams/pipelines/replica/replicaState.js',
        find: 'promises.raiseFloor(region, floor);',
        replace: '',
      },
    ],
  },
  {
    ...common,
    name: 'strict-read-over-promise',
    text: 'a reader ignores promises',
    runs: 1,
    schedule: 'new-then-old',
    blackBoxRuns: 1,
    edits: [
      {
        file: JUDGE,
        find: 'if (compareStrictStamps(promised, stamp) <= 0)',
        replace: 'if (promised !== null)',
      },
    ],
  },
  {
    ...common,
    name: 'strict-highest-origin',
    text: 'a settle takes the version with the highest origin instead of the highest stamp',
    runs: 20,
    blackBoxRuns: 20,
    edits: [
      {
        file: JUDGE,
        find: 'if (newest === null || compareStrictStamps(copy.version.stamp, newest.stamp) > 0)',
        replace: 'if (newest === null || compareStrictStamps(copy.version.origin, newest.origin) > 0)',
      },
    ],
  },
  {
    ...common,
    name: 'strict-refused-first',
    text: 'the first stamp of a write is one that was refused',
    runs: 20,
    blackBoxRuns: 20,
    edits: [
      {
        file: SETTLE,
        find: 'return beginOrder({ ...part, refusalCount: 1 }, isSettle, context);',
        replace:
          'return beginOrder({ ...part, refusalCount: 1, first: part.first ?? part.phase.stamp }, isSettle, context);',
      },
      {
        file: SETTLE,
        find: `if (!isSettle)
        return [storeOwn({ ...part, first: stamp }, stamp, ownData(part, context), context)];`,
        replace: `const first = part.first ?? stamp;
    if (!isSettle)
        return [storeOwn({ ...part, first }, first, ownData(part, context), context)];`,
      },
    ],
  },
  {
    ...common,
    name: 'strict-order-skipped',
    text: 'a coordinator that wrote the range last skips ORDER',
    runs: 20,
    blackBoxRuns: 20,
    edits: [
      ...STORES_WITHOUT_ORDER('wroteLast(context.view, part.range)'),
      {
        file: COORDINATE,
        find: 'function beginPart(context) {',
        replace: `const written = new WeakMap();
function wroteLast(view, { first, count }) {
    const ranges = written.get(view) ?? new Set();
    written.set(view, ranges);
    if (ranges.has(first * 512 + count))
        return true;
    ranges.add(first * 512 + count);
    return false;
}
function beginPart(context) {`,
      },
    ],
  },
  {
    ...common,
    name: 'strict-living-writer',
    text: 'a reader returns at once because the promise above is of a coordinator that lives',
    runs: 1,
    schedule: 'hidden-promise',
    blackBoxRuns: 1,
    edits: [
      {
        file: JUDGE,
        find: 'if (compareStrictStamps(promised, stamp) <= 0)',
        replace: 'if (compareStrictStamps(promised, stamp) <= 0 || globalThis.living.has(promised.coordinator))',
      },
      {
        file: CLIENT,
        find: 'this.coordinator = new Coordinator({',
        replace: `globalThis.living ??= new Map();
        for (const [id, by] of globalThis.living)
            if (by === this)
                globalThis.living.delete(id);
        const drawn = dice.bytes;
        dice.bytes = (length) => {
            const id = drawn(length);
            globalThis.living.set(id.toString('latin1'), this);
            dice.bytes = drawn;
            return id;
        };
        this.coordinator = new Coordinator({`,
      },
      {
        file: CLIENT,
        find: 'this.actor.isDead = true;\n            for',
        replace: `this.actor.isDead = true;
            for (const [id, by] of globalThis.living)
                if (by === this)
                    globalThis.living.delete(id);
            for`,
      },
    ],
  },
  {
    ...common,
    name: 'strict-joining-votes',
    text: 'a replica with a new disk answers before it has what the others have',
    runs: 60,
    blackBoxRuns: 60,
    edits: [{ file: MACHINE, find: 'return this.isMember;', replace: 'return true;' }],
  },
  {
    ...common,
    name: 'strict-promises-not-listed',
    text: 'a replica with a new disk takes over versions and no promises',
    runs: 1,
    schedule: 'settled-elsewhere',
    blackBoxRuns: 1,
    edits: [
      {
        file: MACHINE,
        find: 'this.disk.notes.set(NOTE_LIMIT, Buffer.from(String(highest.counter + 1n)));',
        replace: "this.disk.notes.set(NOTE_LIMIT, Buffer.from('1'));",
      },
    ],
  },
  {
    ...common,
    name: 'strict-one-lists',
    text: 'a replica with a new disk lists one other only',
    runs: 20,
    blackBoxRuns: 20,
    edits: [{ file: MACHINE, find: 'Math.ceil(this.around.processCount / 2)', replace: '1' }],
  },
  {
    ...common,
    name: 'strict-no-incarnations',
    text: 'answers tell nothing of incarnations',
    runs: 1,
    schedule: 'answer-of-lost-disk',
    blackBoxRuns: null,
    edits: [
      { file: MACHINE, find: 'answer(answered, this.known);', replace: 'answer(answered, this.initialKnown());' },
    ],
  },
  {
    ...common,
    name: 'strict-plain-write',
    text: 'some writes go without ORDER, and are taken whatever is promised',
    runs: 20,
    blackBoxRuns: 20,
    edits: [
      ...STORES_WITHOUT_ORDER('part.range.first % 2 === 0'),
      {
        file: REPLICA,
        find: REFUSED_STORE,
        replace: `if (sector % 2 === 0 && isSame(stamp, request.origin)
            && compareStrictStamps(stamp, version.stamp) > 0)
            decision.put(sector);
        else ${REFUSED_STORE}`,
      },
    ],
  },
  {
    ...common,
    name: 'strict-plain-read',
    text: 'a reader returns the latest version of a majority at once',
    runs: 50,
    blackBoxRuns: 50,
    edits: [
      {
        file: READER,
        find: 'if (!isHeard)\n        return WAIT;\n    const version = newestOf(copies, majority(context));',
        replace: `const latest = newestOf(copies, majority(context));
    const read = latest === null ? null : dataAt(copies, latest.stamp);
    if (read !== null)
        return { kind: 'return', key: 'return', data: read, version: null, holders: [] };
    if (!isHeard)
        return WAIT;
    const version = newestOf(copies, majority(context));`,
      },
    ],
  },
  {
    ...common,
    name: 'strict-no-write-back',
    text: 'what a minority holds is returned without a write-back',
    runs: 150,
    blackBoxRuns: 150,
    edits: [
      {
        file: READER,
        find: "return { kind: 'writeBack', key: keyOf('writeBack', version, holders), data, version, holders };",
        replace: "return { kind: 'return', key: 'return', data, version: null, holders: [] };",
      },
    ],
  },
  {
    ...common,
    name: 'strict-update-origin',
    text: 'an update has an origin of its own',
    runs: 20,
    blackBoxRuns: 20,
    edits: [
      {
        file: SETTLE,
        find: 'return storeOwn(withOwn(part), newest.origin, changed, context);',
        replace: 'return storeOwn(withOwn(part), part.phase.stamp, changed, context);',
      },
    ],
  },
];
