/**
 * Histories of one simulated register, for testing the checkers: correct ones, and the same ones with a read, a time or
 * an outcome changed at random.
 */
import fc from 'fast-check';
import type { Operation, Value } from './history.js';

interface Draft {
  readonly kind: 'read' | 'write';
  readonly invoke: number;
  readonly duration: number;
  /** Where between its beginning and its end the operation takes effect, 0..1. */
  readonly effect: number;
  /** For a write without an answer: how long after its beginning it takes effect, or never. */
  readonly lateEffect: number | null;
  readonly answered: boolean;
  /** Without an answer: how long after the beginning the client crashes; null: it does not. */
  readonly crash: number | null;
  /** A write that is an update. */
  readonly isUpdate: boolean;
}

type Corruption =
  | { readonly kind: 'value'; readonly target: number; readonly from: number }
  | { readonly kind: 'shift'; readonly target: number; readonly by: number }
  | { readonly kind: 'foreignValue'; readonly target: number }
  | { readonly kind: 'crash'; readonly target: number; readonly by: number };

/** Small whole numbers, so that equal times, and with them every tie, come up often. */
const draftParts = {
  kind: fc.constantFrom('read', 'read', 'write'),
  invoke: fc.nat(20),
  duration: fc.nat(8),
  effect: fc.double({ min: 0, max: 1, noNaN: true }),
  lateEffect: fc.option(fc.nat(20)),
  answered: fc.constantFrom(true, true, true, true, false),
} as const;

const plainDraft: fc.Arbitrary<Draft> = fc.record({
  ...draftParts,
  crash: fc.constant(null),
  isUpdate: fc.constant(false),
});

/** Clients crash, and some writes are updates. */
const strictDraft: fc.Arbitrary<Draft> = fc.record({
  ...draftParts,
  kind: fc.constantFrom('read', 'write'),
  answered: fc.constantFrom(true, true, false),
  crash: fc.option(fc.nat(12), { freq: 4 }),
  isUpdate: fc.constantFrom(true, false, false),
});

const corruption: fc.Arbitrary<Corruption> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('value'), target: fc.nat(30), from: fc.nat(30) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('shift'),
      target: fc.nat(30),
      by: fc.integer({ min: -6, max: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('foreignValue'), target: fc.nat(30) }),
  },
);

const strictCorruption: fc.Arbitrary<Corruption> = fc.oneof(
  { weight: 3, arbitrary: corruption },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('crash'), target: fc.nat(30), by: fc.integer({ min: -8, max: 8 }) }),
  },
);

/** Histories that a register produced: each is linearizable. */
export const registerHistory = historyOf(plainDraft);

/** The same after up to three random changes: linearizable or not. */
export const corruptedHistory = corruptedOf(registerHistory, corruption);

/** The same with crashes of clients and updates. */
export const strictHistory = historyOf(strictDraft);
export const corruptedStrictHistory = corruptedOf(strictHistory, strictCorruption);

function historyOf(draft: fc.Arbitrary<Draft>): fc.Arbitrary<readonly Operation[]> {
  return fc.array(draft, { minLength: 1, maxLength: 10 }).map(simulate);
}

function corruptedOf(
  history: fc.Arbitrary<readonly Operation[]>,
  change: fc.Arbitrary<Corruption>,
): fc.Arbitrary<readonly Operation[]> {
  return fc
    .tuple(history, fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([operations, changes]) => changes.reduce(corrupt, operations));
}

function simulate(drafts: readonly Draft[]): readonly Operation[] {
  const effectOf = (one: Draft): number => {
    if (one.answered) return one.invoke + one.effect * one.duration;
    if (one.lateEffect === null) return Infinity;
    return one.invoke + Math.min(one.lateEffect, one.crash ?? Infinity);
  };
  const inOrderOfEffect = drafts
    .map((one, index) => ({ one, index, at: effectOf(one) }))
    .sort((a, b) => (a.at === b.at ? a.index - b.index : a.at - b.at));
  let register: Value = null;
  const operations: Operation[] = [];
  for (const { one, index } of inOrderOfEffect) {
    const before: Value = register;
    // What never happens comes last: nobody reads it.
    if (one.kind === 'write') register = `v${index}`;
    const isUpdate = one.kind === 'write' && one.isUpdate;
    operations.push({
      client: `c${index}`,
      sector: 0,
      kind: one.kind,
      value: register,
      invoke: one.invoke,
      return: one.answered ? one.invoke + one.duration : null,
      ...(!one.answered && one.crash !== null && { crash: one.invoke + one.crash }),
      ...(isUpdate && { found: before }),
    });
  }
  return operations;
}

function corrupt(history: readonly Operation[], change: Corruption): readonly Operation[] {
  const target = change.target % history.length;
  const changed = (part: Partial<Operation>): readonly Operation[] =>
    history.map((operation, index) => (index === target ? { ...operation, ...part } : operation));
  const operation = history[target];
  switch (change.kind) {
    case 'value': {
      const writes = history.filter(({ kind, value }) => kind === 'write' && value !== operation.value);
      const choice = change.from % (writes.length + 1);
      const value = choice === writes.length ? null : writes[choice].value;
      if (operation.kind === 'read') return changed({ value });
      return operation.found === undefined ? history : changed({ found: value });
    }
    case 'shift': {
      const end = operation.return === null ? null : operation.return + change.by;
      const crash = operation.crash === undefined ? {} : { crash: operation.crash + change.by };
      return changed({ invoke: operation.invoke + change.by, return: end, ...crash });
    }
    case 'crash': {
      if (operation.return !== null) return history;
      return changed({ crash: Math.max(operation.invoke, (operation.crash ?? operation.invoke) + change.by) });
    }
    case 'foreignValue':
      return operation.kind === 'write' ? history : changed({ value: 'nobody wrote this' });
  }
}
