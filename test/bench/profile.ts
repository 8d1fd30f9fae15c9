/**
 * Sums up what V8's sampling profiler wrote (--cpu-prof) by category: whose code the main thread was in. Other threads
 * (flushes, LevelDB, part of the garbage collection) are not in it.
 */

export const CATEGORIES = [
  'HMAC, crypto',
  'sockets',
  'store, files',
  'RxJS',
  'pipelines',
  'core',
  'wire',
  'client',
  'NBD',
  'event loop, timers',
  'garbage collection',
  'native, unattributed',
  'startup',
  'rest',
] as const;

export type Category = (typeof CATEGORIES)[number];

export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Node ids, one a sample. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

export interface ProfileSummary {
  /** From the first sample to the last. */
  readonly totalUs: number;
  /** Of that, nothing was to be done. */
  readonly idleUs: number;
  /** Self time; together they are `totalUs` less `idleUs`. */
  readonly byCategory: ReadonlyMap<Category, number>;
  /** The functions with the most self time. */
  readonly functions: readonly {
    readonly name: string;
    readonly category: Category;
    readonly selfUs: number;
  }[];
}

/** The first that matches a URL decides. Paths of this project stand behind `dist/`. */
const BY_URL: readonly (readonly [RegExp, Category])[] = [
  [/^node:(?:internal\/)?crypto|\/dist\/src\/wire\/tag\.js$/, 'HMAC, crypto'],
  [/\/node_modules\/rxjs\//, 'RxJS'],
  [/\/node_modules\/(?:classic-level|abstract-level|level-\w+|napi-macros)\//, 'store, files'],
  [/\/dist\/src\/store\//, 'store, files'],
  [/\/dist\/src\/shell\/(?:slotFile|level\w+|acknowledgedFile|openStore)\.js$/, 'store, files'],
  [/^node:(?:internal\/)?fs/, 'store, files'],
  [/\/dist\/src\/shell\/(?:tcp\w+|unixSocket|bindSocket)\.js$/, 'sockets'],
  [/^node:(?:internal\/)?(?:net|stream|streams|http2|_http|dgram)/, 'sockets'],
  [/\/dist\/streams\//, 'pipelines'],
  [/\/dist\/src\/(?:startProcess|startGateway)\.js$/, 'pipelines'],
  [/\/dist\/src\/core\//, 'core'],
  [/\/dist\/src\/wire\/|\/node_modules\/binary-parser\//, 'wire'],
  [/\/dist\/src\/client\//, 'client'],
  [/\/dist\/src\/nbd\//, 'NBD'],
  [/^node:(?:timers|internal\/(?:timers|process|async_hooks))/, 'event loop, timers'],
  [/^node:internal\/(?:modules|bootstrap|deps|url|vm|main)/, 'startup'],
];

/** Helpers that everybody calls, and native functions, which have no URL: they belong to whoever called them. */
const CALLERS = /^$|^node:(?:buffer|events|path|zlib|internal\/(?:buffer|util|validators|errors|assert|perf))/;

const IDLE = '(idle)';
const ROOT_FRAMES = new Set(['(root)', IDLE, '(program)', '(garbage collector)']);
const FUNCTIONS_SHOWN = 15;

export function summarise(profile: CpuProfile): ProfileSummary {
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = parentsOf(profile.nodes);
  const selfUs = new Map<number, number>();
  let totalUs = 0;
  // A sample stands for the time until the next one.
  for (let index = 0; index + 1 < profile.samples.length; index += 1) {
    const us = profile.timeDeltas[index + 1];
    const id = profile.samples[index];
    selfUs.set(id, (selfUs.get(id) ?? 0) + us);
    totalUs += us;
  }
  const byCategory = new Map<Category, number>(CATEGORIES.map((category) => [category, 0]));
  const functions = new Map<string, { name: string; category: Category; selfUs: number }>();
  let idleUs = 0;
  for (const [id, us] of selfUs) {
    const node = byId.get(id);
    if (node === undefined) throw new Error(`the profile has no node ${id}`);
    const { functionName } = node.callFrame;
    if (functionName === IDLE) {
      idleUs += us;
      continue;
    }
    const category = categoryOf(node, parents);
    byCategory.set(category, (byCategory.get(category) ?? 0) + us);
    const name = `${functionName || '(anonymous)'} ${shortUrl(node.callFrame.url)}`.trim();
    const known = functions.get(`${category} ${name}`) ?? { name, category, selfUs: 0 };
    functions.set(`${category} ${name}`, { ...known, selfUs: known.selfUs + us });
  }
  const most = [...functions.values()].sort((one, other) => other.selfUs - one.selfUs);
  return { totalUs, idleUs, byCategory, functions: most.slice(0, FUNCTIONS_SHOWN) };
}

function parentsOf(nodes: readonly ProfileNode[]): Map<number, ProfileNode> {
  const parents = new Map<number, ProfileNode>();
  for (const node of nodes) {
    for (const child of node.children ?? []) parents.set(child, node);
  }
  return parents;
}

function categoryOf(node: ProfileNode, parents: ReadonlyMap<number, ProfileNode>): Category {
  const { functionName, url } = node.callFrame;
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (functionName === '(program)') return 'native, unattributed';
  const found = BY_URL.find(([pattern]) => pattern.test(url));
  if (found !== undefined) return found[1];
  const parent = parents.get(node.id);
  if (!CALLERS.test(url) || parent === undefined) return 'rest';
  return ROOT_FRAMES.has(parent.callFrame.functionName) ? 'rest' : categoryOf(parent, parents);
}

function shortUrl(url: string): string {
  return url.replace(/^.*\/(?:dist|node_modules)\//, '');
}

/** A line for each category: percentages of the busy time, a column for each profile. */
export function profileTable(
  summaries: readonly { readonly name: string; readonly summary: ProfileSummary }[],
): string[][] {
  const busy = ({ totalUs, idleUs }: ProfileSummary): number => totalUs - idleUs;
  return [
    ['% of busy time', ...summaries.map(({ name }) => name)],
    ...CATEGORIES.map((category) => [
      category,
      ...summaries.map(({ summary }) => {
        const us = summary.byCategory.get(category) ?? 0;
        return ((100 * us) / busy(summary)).toFixed(1);
      }),
    ]),
    ['busy, s', ...summaries.map(({ summary }) => (busy(summary) / 1e6).toFixed(1))],
    ['busy, % of the time', ...summaries.map(({ summary }) => ((100 * busy(summary)) / summary.totalUs).toFixed(0))],
  ];
}
