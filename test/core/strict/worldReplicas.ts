/**
 * What becomes of the replicas of a world when they crash or lose their disks: A4, E1 to E3 of docs/strict-register.md.
 */
import type { Rank } from '../../../src/core/rank.js';
import type { CopyView } from '../../../src/core/strict/replica.js';
import { compareStrictStamps, laterOf, type Version } from '../../../src/core/strict/version.js';
import { type Replica, type World, newWorld, withReplica } from './worldState.js';

/** A4: what was promised is lost, and `limit`, which is above it, holds in its place. */
export function restart(world: World, rank: Rank): Replica {
  const replica = world.replicas[rank - 1];
  if (world.plan.broken?.forgetsPromises === true) {
    return { ...replica, promised: replica.versions.map(({ stamp }) => stamp) };
  }
  const { counter } = replica.promised.reduce(laterOf);
  const limit = { counter: counter + 1n, coordinator: 'z'.repeat(16) };
  return { ...replica, promised: replica.promised.map(() => limit) };
}

/** E1. */
export function lose({ replicas, plan }: World, rank: Rank): Replica {
  const incarnation = replicas[rank - 1].incarnation + 1;
  const empty = newWorld(plan).replicas[rank - 1];
  return {
    ...empty,
    incarnation,
    known: empty.known.map((_, index) => (index + 1 === rank ? incarnation : 0)),
    listed: [],
  };
}

/** E2, E3: `from` notes the incarnation before it lists. */
export function list(world: World, rank: Rank, from: Rank): World {
  const joining = world.replicas[rank - 1];
  const other = world.replicas[from - 1];
  const noted = { ...other, known: other.known.map((one, index) => (index + 1 === rank ? joining.incarnation : one)) };
  const versions = [...joining.versions];
  const values = [...joining.values];
  const promised = [...joining.promised];
  for (const [sector, version] of other.versions.entries()) {
    if (compareStrictStamps(version.stamp, versions[sector].stamp) > 0) {
      versions[sector] = version;
      values[sector] = other.values[sector];
    }
    if (world.plan.broken?.joinsWithoutPromises !== true) {
      promised[sector] = laterOf(promised[sector], other.promised[sector]);
    }
    promised[sector] = laterOf(promised[sector], versions[sector].stamp);
  }
  const listed = [...(joining.listed ?? []), from];
  const needed = world.plan.broken?.listsOne === true ? 1 : Math.ceil(world.replicas.length / 2);
  const known = joining.known.map((one, index) => Math.max(one, other.known[index]));
  const taken = {
    ...joining,
    versions,
    values,
    promised,
    known,
    listed: listed.length >= needed ? null : listed.sort(),
  };
  return withReplica(withReplica(world, from, noted), rank, taken);
}

export function viewOf({ versions, promised }: Replica): CopyView {
  return {
    versionOf: (sector) => versions[sector],
    promisedOf: (sector) => promised[sector],
    isDamaged: () => false,
  };
}

/** P3: whichever majority is asked, what a completed operation has left is there, or something newer. */
export function checked(world: World): World {
  for (const [sector, { stamp, origin }] of world.completed.entries()) {
    const members = world.replicas.filter(({ listed }) => listed === null).map(({ versions }) => versions[sector]);
    const lacking = members.filter((one) => compareStrictStamps(one.stamp, stamp) < 0);
    const needed = Math.floor(world.replicas.length / 2) + 1;
    if (lacking.length >= needed) return { ...world, violation: 'P3: a completed write is not on a majority' };
    if (newestsOf(members, needed).some((newest) => compareStrictStamps(newest.origin, origin) < 0)) {
      return { ...world, violation: 'P3: a completed write was undone' };
    }
  }
  return world;
}

/** The newest version of each majority: all but those that fewer than a majority are at or below. */
export function newestsOf(members: readonly Version[], needed: number): Version[] {
  const sorted = [...members].sort((a, b) => compareStrictStamps(a.stamp, b.stamp));
  return sorted.filter(
    (one) => sorted.filter(({ stamp }) => compareStrictStamps(stamp, one.stamp) <= 0).length >= needed,
  );
}
