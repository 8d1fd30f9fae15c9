import type { Rank } from '../rank.js';
import type { RegisterEffect } from './effect.js';
import type { RegisterState } from './state.js';
import type { StampPolicy } from '../stamp.js';

/** The process to which the registers belong, and how it takes part. */
export interface Self {
  readonly rank: Rank;
  /** N, the number of processes. */
  readonly processCount: number;
  /** How it chooses its stamps. Default STAMP_POLICY_PLAIN. */
  readonly stamps?: StampPolicy;
  /** It asks for stamps where they are enough: see clause S1. Default false. */
  readonly asksStamps?: boolean;
  /** It may have lost what it promised, so it answers no question (clause R4). Default false. */
  readonly isSilent?: boolean;
}

/** The result of an event. If there is a `store` among the effects, `state` counts only once it has succeeded. */
export interface Step {
  readonly state: RegisterState;
  readonly effects: readonly RegisterEffect[];
}
