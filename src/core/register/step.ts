import type { Rank } from '../rank.js';
import type { RegisterEffect } from './effect.js';
import type { RegisterState } from './state.js';
import type { StampPolicy } from '../stamp.js';

/** Which process this is. */
export interface Self {
  readonly rank: Rank;
  /** N. */
  readonly processCount: number;
  /** Default STAMP_POLICY_PLAIN. */
  readonly stamps?: StampPolicy;
  /** It asks for stamps where it needs no more: see clause S1. Default false. */
  readonly asksStamps?: boolean;
  /** It does not know all that it has promised: it tells nobody what it holds. Default false. */
  readonly isSilent?: boolean;
}

/** What an event leads to. `state` counts only once the `store` among the effects has succeeded. */
export interface Step {
  readonly state: RegisterState;
  readonly effects: readonly RegisterEffect[];
}
