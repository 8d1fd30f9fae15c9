/** The requests under way in a world: which are kept, and by which texts they are told apart. */
import type { Rank } from '../../../src/core/rank.js';
import { endOf } from '../../../src/core/strict/range.js';
import type { DecidedRequest } from '../../../src/core/strict/replica.js';
import type { ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import { sliceOfData } from '../../../src/core/strict/runs.js';
import { compareStrictStamps } from '../../../src/core/strict/version.js';
import { type Coordinator, type World, byteOf, stampKey } from './worldState.js';

export function withAllData(request: ReplicaRequest): ReplicaRequest {
  if (request.kind === 'query') return { ...request, wantsData: true };
  return request.kind === 'order' && request.wants === 'versions' ? { ...request, wants: 'data' } : request;
}

export function withRequest(one: Coordinator, to: Rank, request: ReplicaRequest): Coordinator {
  if (request.kind === 'concluded' || request.kind === 'list') return one;
  if (one.sent[to - 1].has(requestKey(request))) return one;
  const sent = one.sent.map((requests, index) =>
    index + 1 === to ? new Map(requests).set(requestKey(request), request) : requests,
  );
  return { ...one, sent };
}

/** Leaves out the requests that can change nothing, and that nobody waits for. */
export function pruned(world: World): World {
  const isKept = world.lostDisks > 0 || world.replicas.some(({ listed }) => listed !== null);
  const coordinators = world.coordinators.map((one) => {
    let { sent } = one;
    for (const [index, requests] of one.sent.entries()) {
      const matters = (request: DecidedRequest): boolean =>
        isAwaited(one, request, index + 1) || (isKept && request.kind !== 'query') || canChange(world, request, index);
      for (const request of requests.values()) {
        if (matters(request)) continue;
        const left = new Map([...requests].filter(([, other]) => matters(other)));
        sent = sent.map((others, place) => (place === index ? left : others));
        break;
      }
    }
    return sent === one.sent ? one : { ...one, sent };
  });
  return { ...world, coordinators };
}

export function canChange({ replicas }: World, request: DecidedRequest, index: number): boolean {
  if (request.kind === 'query') return false;
  const { versions, promised } = replicas[index];
  const { stamp, range } = request;
  for (let sector = range.first; sector < endOf(range); sector += 1) {
    if (request.kind === 'order' && compareStrictStamps(stamp, promised[sector]) > 0) return true;
    if (request.kind === 'learn' && compareStrictStamps(stamp, versions[sector].stamp) > 0) return true;
    if (request.kind === 'store' && compareStrictStamps(stamp, promised[sector]) >= 0) {
      if (compareStrictStamps(stamp, versions[sector].stamp) > 0) return true;
    }
  }
  return false;
}

export function isAwaited({ coordination }: Coordinator, request: DecidedRequest, rank: Rank): boolean {
  if (coordination === null) return false;
  return coordination.parts.some(({ phase }) => {
    if (phase.kind === 'pause') return false;
    if (phase.kind === 'query') {
      return request.kind === 'query' && (!phase.answers.has(rank) || phase.fetching === rank);
    }
    if (request.kind === 'query') return false;
    if (phase.kind === 'order') {
      const isOf = request.kind === 'order' && compareStrictStamps(request.stamp, phase.stamp) === 0;
      return isOf && (!phase.answers.has(rank) || phase.fetching === rank);
    }
    const isOf = request.kind !== 'order' && compareStrictStamps(request.stamp, phase.version.stamp) === 0;
    return isOf && phase.answers.get(rank)?.outcome !== 'stored';
  });
}

export function requestKey(request: DecidedRequest): string {
  const where = `${request.range.first}+${request.range.count}`;
  switch (request.kind) {
    case 'query':
      return `query ${where} ${request.wantsData}`;
    case 'order':
      return `order ${where} ${stampKey(request.stamp)} ${request.wants}`;
    case 'store':
    case 'learn': {
      const { data } = request;
      const what = typeof data === 'object' && 'held' in data ? 'held' : byteOf(sliceOfData(data, 0, 1), 0);
      return `${request.kind} ${where} ${stampKey(request.stamp)} ${stampKey(request.origin)} ${what}`;
    }
  }
}
