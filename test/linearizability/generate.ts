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
}

type Corruption =
  | { readonly kind: 'value'; readonly target: number; readonly from: number }
  | { readonly kind: 'shift'; readonly target: number; readonly by: number }
  | { readonly kind: 'foreignValue'; readonly target: number };

/** Small whole numbers, so that equal times, and with them every tie, come up often. */
const draft: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constantFrom('read', 'read', 'write'),
  invoke: fc.nat(20),
  duration: fc.nat(8),
  effect: fc.double({ min: 0, max: 1, noNaN: true }),
  lateEffect: fc.option(fc.nat(20)),
  answered: fc.constantFrom(true, true, true, true, false),
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

/** Histories that a register produced: each is linearizable. */
export const registerHistory: fc.Arbitrary<readonly Operation[]> = fc
  .array(draft, { minLength: 1, maxLength: 10 })
  .map(simulate);

/** The same after up to three random changes: linearizable or not. */
export const corruptedHistory: fc.Arbitrary<readonly Operation[]> = fc
  .tuple(registerHistory, fc.array(corruption, { minLength: 1, maxLength: 3 }))
  .map(([history, corruptions]) => corruptions.reduce(corrupt, history));

function simulate(drafts: readonly Draft[]): readonly Operation[] {
  const effectOf = (one: Draft): number => {
    if (one.answered) return one.invoke + one.effect * one.duration;
    return one.lateEffect === null ? Infinity : one.invoke + one.lateEffect;
  };
  const inOrderOfEffect = drafts
    .map((one, index) => ({ one, index, at: effectOf(one) }))
    .sort((a, b) => (a.at === b.at ? a.index - b.index : a.at - b.at));
  let register: Value = null;
  const operations: Operation[] = [];
  for (const { one, index } of inOrderOfEffect) {
    if (one.kind === 'write') register = `v${index}`;
    operations.push({
      client: `c${index}`,
      sector: 0,
      kind: one.kind,
      value: register,
      invoke: one.invoke,
      return: one.answered ? one.invoke + one.duration : null,
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
      if (operation.kind === 'write') return history;
      const writes = history.filter(({ kind }) => kind === 'write');
      const choice = change.from % (writes.length + 1);
      return changed({ value: choice === writes.length ? null : writes[choice].value });
    }
    case 'shift': {
      const end = operation.return === null ? null : operation.return + change.by;
      return changed({ invoke: operation.invoke + change.by, return: end });
    }
    case 'foreignValue':
      return operation.kind === 'write' ? history : changed({ value: 'nobody wrote this' });
  }
}
